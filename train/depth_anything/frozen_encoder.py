"""Frozen encoders that the student's features are aligned with (Depth Anything, section 3.3).

Letters: B batch · D channels · h, w cells.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from depthart.trunks import TRUNKS, build_trunk
from train.dense import load_imagenet_trunk

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class FrozenEncoder(nn.Module):
    """Pictures (B, 3, H, W) in [-1, 1] -> features (B, D, h, w), without gradients, never trained.

    Attributes:
        channels: D.
        description: what it is, for run records and tables.
    """

    channels: int
    description: str

    def freeze(self) -> FrozenEncoder:
        self.requires_grad_(False)
        return self.eval()

    def train(self, mode: bool = True) -> FrozenEncoder:
        return super().train(False)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        return self.features(images)

    def features(self, images: Tensor) -> Tensor:
        raise NotImplementedError


class DinoV2(FrozenEncoder):
    """DINOv2, the paper's choice; last normalised patch tokens.

    Args:
        name: hub id such as "facebook/dinov2-small", or a folder with such a model.

    Raises:
        ImportError: if transformers is not installed.
        OSError: if the weights are neither on the disk nor to be had.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        try:
            from transformers import AutoModel
        except ImportError as error:
            raise ImportError("DINOv2 needs transformers: pip install transformers") from error
        self.model = AutoModel.from_pretrained(name)
        self.patch = int(self.model.config.patch_size)
        self.channels = int(self.model.config.hidden_size)
        self.description = f"DINOv2 {name}"
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(3, 1, 1), persistent=False)
        self.freeze()

    def features(self, images: Tensor) -> Tensor:
        h, w = (max(1, round(side / self.patch)) for side in images.shape[-2:])
        pixels = ((images + 1) / 2 - self.mean) / self.std
        size = h * self.patch, w * self.patch
        if pixels.shape[-2:] != size:
            pixels = F.interpolate(pixels, size, mode="bicubic", antialias=True)
        tokens = self.model(pixel_values=pixels).last_hidden_state[:, -h * w :]
        return tokens.transpose(1, 2).unflatten(2, (h, w))


class FrozenTrunk(FrozenEncoder):
    """Our substitute where DINOv2 is not at hand: a trunk's last features, such as an ImageNet
    classifier's, or those of `train.depth_anything.self_supervised`.

    The classifier's cells have a mean cosine of 0.04 between photos and 0.41 within one
    (MobileNetV2, stride 32, 27 photos), so that cosines near 1 - margin do say something.

    Args:
        name: one of `depthart.trunks.TRUNKS`.
        weights: file of folded convolutions (safetensors); None = random.
        tap: 0 to 3, strides 4 to 32.
    """

    def __init__(self, name: str, weights: str | Path | None, tap: int = 3) -> None:
        super().__init__()
        self.trunk = build_trunk(name)
        if weights is not None:
            load_imagenet_trunk(self, weights)
        self.tap = tap
        self.channels = self.trunk.channels[tap]
        source = "random" if weights is None else Path(weights).stem
        self.description = f"{name} trunk ({source}), stride {2 ** (tap + 2)}"
        self.freeze()

    def features(self, images: Tensor) -> Tensor:
        return self.trunk(images)[self.tap]


class CellSimilarity(NamedTuple):
    """How far an encoder tells places apart; cosines between random cells.

    Attributes:
        same: mean, of two cells of one picture.
        other: mean, of two cells of different pictures.
    """

    same: float
    other: float


@torch.no_grad()
def cell_similarity(encoder: FrozenEncoder, images: Tensor, seed: int = 0) -> CellSimilarity:
    """Measure a frozen encoder on at least two pictures (B, 3, H, W): one that gives all cells much
    the same features has nothing to teach."""
    if len(images) < 2:
        raise ValueError("comparing cells of different pictures takes at least two pictures")
    cells = encoder(images).float().flatten(2)  # (B, D, h * w)
    order = torch.randperm(cells.shape[2], generator=torch.Generator().manual_seed(seed))
    other = F.cosine_similarity(cells, cells.roll(1, 0)[:, :, order], dim=1).mean()
    same = F.cosine_similarity(cells, cells[:, :, order], dim=1).mean()
    return CellSimilarity(float(same), float(other))


def frozen_encoder(name: str, weights: str | Path | None) -> FrozenEncoder | None:
    """The encoder of a command line.

    Args:
        name: "off", a trunk's name, a folder, or a hub id of a DINOv2 model.
        weights: of a trunk.

    Raises:
        ValueError: for a trunk without weights, or an unknown name.
    """
    if name == "off":
        return None
    if name in TRUNKS:
        if weights is None:
            raise ValueError(f"a frozen {name} needs its ImageNet weights: --trunk FILE")
        return FrozenTrunk(name, weights)
    if Path(name).is_dir() or "/" in name:
        return DinoV2(name)
    known = ", ".join(["off", *TRUNKS])
    raise ValueError(f"unknown encoder {name!r}; known: {known}, or a DINOv2 folder or hub id")
