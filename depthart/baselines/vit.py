"""Vision transformer with DINOv2's interface; its parameters have DINOv2's names.

Letters: B batch, C width, P patch side, h x w patches, N = h * w of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from depthart.attention import attend


@dataclass(frozen=True)
class ViTConfig:
    """Sizes of a `ViT`. DINOv2's: width 384, 768 or 1024, depth 12, 12 or 24, heads of 64.

    Raises:
        ValueError: if the width is not a multiple of the number of heads.
    """

    inputs: int = 3  # channels of what is cut into patches
    patch: int = 14
    width: int = 384
    depth: int = 12
    heads: int = 6
    grid: int = 37  # side of the table of positions, resized to other grids
    layer_scale: float = 1e-5  # at the start

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of {self.heads} heads")


class ViT(nn.Module):
    """Maps (B, inputs, P h, P w) -> tokens after chosen blocks."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.patch_embed = nn.ModuleDict(
            {"proj": nn.Conv2d(config.inputs, width, config.patch, stride=config.patch)}
        )
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + config.grid**2, width))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        nn.init.normal_(self.cls_token, std=1e-6)

    def forward(self, x: Tensor, taps: Sequence[int]) -> list[Tensor]:
        """Tokens (B, 1 + N, C) after blocks `taps` (0-based, ascending), the class token first.

        They are normalised by the last layer's norm, as DINOv2's intermediate layers are.

        Raises:
            ValueError: if the sides are not multiples of the patch side.
        """
        patch = self.config.patch
        if x.shape[-2] % patch or x.shape[-1] % patch:
            raise ValueError(
                f"both sides must be multiples of {patch}, got {x.shape[-2]} x {x.shape[-1]}"
            )
        x = self.patch_embed["proj"](x)
        positions = self.positions(*x.shape[-2:])
        x = x.flatten(2).transpose(1, 2)  # (B, N, C)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1) + positions
        found = []
        for number, block in enumerate(self.blocks[: taps[-1] + 1]):
            x = block(x)
            if number in taps:
                found.append(self.norm(x))
        return found

    def positions(self, height: int, width: int) -> Tensor:
        """Embeddings of the class token and of a grid of height x width patches, (1, 1 + N, C)."""
        grid = self.config.grid
        if (height, width) == (grid, grid):
            return self.pos_embed
        table = self.pos_embed[:, 1:].transpose(1, 2).unflatten(2, (grid, grid))
        table = F.interpolate(table, size=(height, width), mode="bicubic")  # as DINOv2 does
        return torch.cat([self.pos_embed[:, :1], table.flatten(2).transpose(1, 2)], dim=1)


class Block(nn.Module):
    """Pre-norm self-attention and MLP, each scaled per channel: (B, 1 + N, C) -> same."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        width = config.width
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, config.heads)
        self.ls1 = LayerScale(width, config.layer_scale)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width)
        self.ls2 = LayerScale(width, config.layer_scale)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.ls1(self.attn(self.norm1(x)))
        return x + self.ls2(self.mlp(self.norm2(x)))


class Attention(nn.Module):
    """Multi-head self-attention: (B, N, C) -> same."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.qkv(x).chunk(3, dim=-1)
        )
        mixed = attend(q, k, v, None, q.shape[-1] ** -0.5)
        return self.proj(mixed.transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    """Two linear layers with a GELU between, four times as wide inside."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class LayerScale(nn.Module):
    """A learned factor per channel."""

    def __init__(self, width: int, start: float) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((width,), start))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gamma
