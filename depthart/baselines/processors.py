"""What goes before and behind two models of `transformers`, without torchvision.

The library's own ways need torchvision (ZoeDepth's padding, all of Depth Pro's processor).
Letters: B pictures, H x W pixels of a photo, S side of the network's square input.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F


class DepthProProcessor:
    """Depth Pro's square input, and metres from its canonical inverse depth.

    Agrees with `transformers.DepthProImageProcessor` (tests/test_pretrained.py).

    Args:
        config: the model's; S = patch side / smallest scale, 1536 for the published weights.
    """

    def __init__(self, config: Any) -> None:
        self.side = round(config.patch_size / min(config.scaled_images_ratios))

    def __call__(self, images: Image.Image, return_tensors: str = "pt") -> _Inputs:
        pixels = torch.from_numpy(np.array(images.convert("RGB"))).permute(2, 0, 1)[None].float()
        size = (self.side, self.side)
        resized = F.interpolate(pixels / 127.5 - 1, size, mode="bilinear", align_corners=False)
        return _Inputs(pixel_values=resized)

    def post_process_depth_estimation(self, outputs: Any) -> list[dict[str, Tensor]]:
        """Metres: 1 / (inverse depth * width / focal length), as the field of view tells them."""
        fovs = outputs.field_of_view
        if fovs is None:
            raise ValueError("this Depth Pro has no field of view, without which it has no metres")
        ratio = 2 * torch.tan(torch.deg2rad(fovs.float().flatten()) / 2)  # width / focal length
        inverse = outputs.predicted_depth.float() * ratio.view(-1, 1, 1)
        return [{"predicted_depth": 1 / depth.clamp(1e-4, 1e4)} for depth in inverse]


class _Inputs(dict):
    """Tensors by the names of a model's arguments."""

    def to(self, device: torch.device) -> _Inputs:
        return _Inputs({name: tensor.to(device) for name, tensor in self.items()})


def without_zoe_padding(depth: Tensor, height: int, width: int) -> Tensor:
    """Cut off the borders by which ZoeDepth's processor extends a photo of height x width.

    A side of n pixels grows by 3 sqrt(n / 2) at both ends.

    Args:
        depth: (h, w) map of the extended photo.

    Returns:
        map of the photo, longest side at most 1024.
    """
    shrink = min(1.0, 1024 / max(height, width))
    inner = [max(1, round(side * shrink)) for side in (height, width)]
    pads = [round(int(math.sqrt(side / 2) * 3) * shrink) for side in (height, width)]
    size = [side + 2 * pad for side, pad in zip(inner, pads, strict=True)]
    large = F.interpolate(depth[None, None].float(), size, mode="bicubic")[0, 0]
    return large[pads[0] : pads[0] + inner[0], pads[1] : pads[1] + inner[1]]
