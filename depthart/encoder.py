"""Learned image encoder for `conditioning="encoder"`: MobileNetV2 trunk, fused taps, ViT blocks.

Ours, not the paper's: it replaces the VQ-VAE's image tokens by S x S features that see the whole
picture. Letters: B batch, S finest side (stride 16), C width, T trunk channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from depthart.transformer import attend

# (expansion, channels, repeats, first stride) of MobileNetV2's inverted residuals.
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_TAPS = (2, 5, 12, 16)  # blocks whose outputs are fused: strides 4, 8, 16, 32
_TAP_CHANNELS = (24, 32, 96, 320)


@dataclass(frozen=True)
class ImageEncoderConfig:
    """Sizes of an `ImageEncoder`.

    Raises:
        ValueError: if the width is not a multiple of the number of heads.
    """

    width: int = 256
    depth: int = 4
    heads: int = 4
    side: int = 16  # S; the input must have 16 * S pixels a side

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of {self.heads} heads")


class ImageEncoder(nn.Module):
    """Pictures (B, 3, 16 S, 16 S) in [-1, 1] -> features (B, S * S, C)."""

    def __init__(self, config: ImageEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = MobileNetV2()
        # Stride-4 and stride-8 taps are folded into the grid, so fine structure is not averaged.
        fused = 24 * 16 + 32 * 4 + 96 + 320
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


class MobileNetV2(nn.Module):
    """MobileNetV2 (Sandler et al., 2018) with its batch norms folded into the convolutions.

    `convolutions` are in execution order, so a folded ImageNet checkpoint loads by position.
    """

    def __init__(self) -> None:
        super().__init__()
        convolutions = [_conv(3, 32, 3, stride=2)]
        self.blocks: list[tuple[int, int, bool]] = []  # first convolution, count, shortcut
        inputs = 32
        for expansion, outputs, repeats, first_stride in _STAGES:
            for i in range(repeats):
                stride = first_stride if i == 0 else 1
                hidden = inputs * expansion
                layers = [] if expansion == 1 else [_conv(inputs, hidden, 1)]
                layers += [_conv(hidden, hidden, 3, stride, groups=hidden)]
                layers += [_conv(hidden, outputs, 1)]
                shortcut = stride == 1 and inputs == outputs
                self.blocks.append((len(convolutions), len(layers), shortcut))
                convolutions += layers
                inputs = outputs
        self.convolutions = nn.ModuleList(convolutions)

    def forward(self, images: Tensor) -> list[Tensor]:
        """(B, 3, H, W) in [-1, 1] -> taps at strides 4, 8, 16, 32 with 24, 32, 96, 320 channels."""
        x = F.relu6(self._convolve(0, images))
        taps = []
        for number, (first, count, shortcut) in enumerate(self.blocks):
            h = x
            for i in range(first, first + count - 1):
                h = F.relu6(self._convolve(i, h))
            h = self._convolve(first + count - 1, h)
            x = x + h if shortcut else h
            if number in _TAPS:
                taps.append(x)
        return taps

    def _convolve(self, index: int, x: Tensor) -> Tensor:
        convolution = self.convolutions[index]
        if convolution.stride[0] == 2:
            x = F.pad(x, (0, 1, 0, 1))
        return convolution(x)


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    padding = 0 if stride == 2 else kernel // 2
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups)
