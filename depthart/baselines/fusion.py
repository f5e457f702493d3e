"""Fusion decoder of MiDaS and DPT: residual convolution units, coarse to fine, after RefineNet.

Letters: B batch, F decoder width, H x W pixels of the picture, h x w of one level.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F


class ResidualConvUnit(nn.Module):
    """ReLU, 3x3 convolution, twice, plus the input: (B, F, h, w) -> same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.relu(self.conv1(F.relu(x))))


class FusionBlock(nn.Module):
    """Add a level's features to what came from the coarser ones, then enlarge."""

    def __init__(self, width: int, coarsest: bool = False) -> None:
        super().__init__()
        self.skip_unit = None if coarsest else ResidualConvUnit(width)
        self.unit = ResidualConvUnit(width)
        self.out = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor, skip: Tensor | None, size: Sequence[int]) -> Tensor:
        """(B, F, h, w) and features of the same size -> (B, F, *size)."""
        if skip is not None and self.skip_unit is not None:
            x = x + self.skip_unit(skip)
        # A 1x1 convolution and interpolation commute; this order is four times cheaper.
        return F.interpolate(self.out(self.unit(x)), size=tuple(size), mode="bilinear")


class FusionDecoder(nn.Module):
    """Four feature maps -> one of the finest one's size.

    Args:
        channels: of the maps, fine to coarse.
        width: F.
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.project = nn.ModuleList(
            nn.Conv2d(c, width, 3, padding=1, bias=False) for c in channels
        )
        last = len(channels) - 1
        self.blocks = nn.ModuleList(FusionBlock(width, i == last) for i in range(len(channels)))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """[(B, C, h, w), ...] fine to coarse -> (B, F, h, w) at the finest size."""
        return self.levels(maps)[-1]

    def levels(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """The output of every block, coarse to fine; all but the last have the next one's size."""
        x, levels = None, []
        for i in reversed(range(len(maps))):
            here = self.project[i](maps[i])
            size = maps[max(i - 1, 0)].shape[-2:]
            x = self.blocks[i](here, None, size) if x is None else self.blocks[i](x, here, size)
            levels.append(x)
        return levels


class DepthHead(nn.Module):
    """Decoder features (B, F, h, w) -> positive maps (B, H, W)."""

    def __init__(self, width: int, hidden: int = 32) -> None:
        super().__init__()
        self.coarse = nn.Conv2d(width, hidden, 3, padding=1)
        self.fine = nn.Conv2d(hidden, hidden // 2, 3, padding=1)
        self.out = nn.Conv2d(hidden // 2, 1, 1)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor, size: Sequence[int]) -> Tensor:
        """`size`: H, W. The convolutions run at twice the decoder's resolution at most."""
        x = F.interpolate(self.coarse(x), scale_factor=2, mode="bilinear")
        x = self.out(F.relu(self.fine(x))).float()
        # Softplus, not MiDaS' ReLU: a map that starts out negative everywhere still learns.
        x = F.softplus(x)
        return F.interpolate(x, size=tuple(size), mode="bilinear").squeeze(1)
