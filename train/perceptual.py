"""Optional term of the VQ-VAE's loss: distance between features of a frozen ImageNet trunk."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from depthart.trunks import build_trunk
from train.dense import load_imagenet_trunk


class PerceptualDistance(nn.Module):
    """Mean squared distance of unit feature vectors at strides 4 to 32, as LPIPS without weights.

    (Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", 2018.)
    """

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk.requires_grad_(False).eval()

    @classmethod
    def from_file(cls, backbone: str, weights: str | Path) -> PerceptualDistance:
        """A trunk of `depthart.trunks` with the weights of a local safetensors file.

        Raises:
            FileNotFoundError, ValueError: if the file is missing or another network's.
        """
        trunk = build_trunk(backbone)
        load_imagenet_trunk(SimpleNamespace(trunk=trunk), weights)
        return cls(trunk)

    def forward(self, rebuilt: Tensor, images: Tensor) -> Tensor:
        """(B, 3, S, S) twice, in [-1, 1] -> scalar; the gradient goes to `rebuilt`."""
        with torch.no_grad():
            truth = [F.normalize(tap.float(), dim=1) for tap in self.trunk(images)]
        taps = [F.normalize(tap.float(), dim=1) for tap in self.trunk(rebuilt)]
        pairs = zip(taps, truth, strict=True)
        return sum((a - b).square().sum(1).mean() for a, b in pairs) / len(taps)
