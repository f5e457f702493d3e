"""Learned image encoder for `conditioning="encoder"`: convolutional trunk, fused taps, ViT blocks.

Ours, not the paper's: it replaces the VQ-VAE's image tokens by S x S features that see the whole
picture. Letters: B batch, S finest side (stride 16), C width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from depthart.attention import attend
from depthart.trunks import TRUNKS, build_trunk


@dataclass(frozen=True)
class ImageEncoderConfig:
    """Sizes of an `ImageEncoder`.

    Raises:
        ValueError: if the width is not a multiple of the number of heads, or for an unknown trunk.
    """

    width: int = 256
    depth: int = 4
    heads: int = 4
    side: int = 16  # S; the input must have 16 * S pixels a side
    trunk: str = "mobilenet_v2"  # one of `depthart.trunks.TRUNKS`

    def __post_init__(self) -> None:
        if self.trunk not in TRUNKS:
            raise ValueError(f"unknown trunk {self.trunk!r}; known: {', '.join(TRUNKS)}")
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of {self.heads} heads")


class ImageEncoder(nn.Module):
    """Pictures (B, 3, 16 S, 16 S) in [-1, 1] -> features (B, S * S, C)."""

    def __init__(self, config: ImageEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = build_trunk(config.trunk)
        # Stride-4 and stride-8 taps are folded into the grid, so fine structure is not averaged.
        channels = self.trunk.channels
        fused = channels[0] * 16 + channels[1] * 4 + channels[2] + channels[3]
        self.fuse = nn.Linear(fused, config.width)
        self.fuse_norm = nn.LayerNorm(fused)
        self.position = nn.Parameter(torch.zeros(1, config.side**2, config.width))
        self.blocks = nn.ModuleList(EncoderBlock(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)
        nn.init.trunc_normal_(self.position, std=0.02)

    def forward(self, images: Tensor) -> Tensor:
        taps = self.trunk(images)
        side = self.config.side
        grids = [
            F.pixel_unshuffle(taps[0], 4),
            F.pixel_unshuffle(taps[1], 2),
            taps[2],
            F.interpolate(taps[3], size=(side, side), mode="bilinear"),
        ]
        x = torch.cat(grids, dim=1).flatten(2).transpose(1, 2)  # (B, S * S, fused)
        x = self.fuse(self.fuse_norm(x)) + self.position
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


class EncoderBlock(nn.Module):
    """Pre-norm self-attention, a depthwise 3x3 convolution on the grid, and an MLP."""

    def __init__(self, config: ImageEncoderConfig) -> None:
        super().__init__()
        width = config.width
        self.heads, self.side = config.heads, config.side
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.local = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:  # (B, S * S, C)
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.qkv(self.norm1(x)).chunk(3, dim=-1)
        )
        mixed = attend(q, k, v, None, q.shape[-1] ** -0.5)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        grid = x.transpose(1, 2).unflatten(2, (self.side, self.side))
        x = x + self.local(grid).flatten(2).transpose(1, 2)
        return x + self.mlp(self.norm2(x))
