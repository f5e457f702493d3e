"""Multi-scale residual quantiser: one codebook, K token maps (paper, eqs. 2-3; VAR, section 3.2).

Letters: B batch, K scales, s side and l = s * s tokens of one scale, S finest side, C latent
channels, V codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from depthart.scales import Scales


class Phi(nn.Conv2d):
    """`0.5 h + 0.5 conv3x3(h)`: smooths an upsampled token map, (B, C, S, S) -> same."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, kernel_size=3, padding=1)

    def forward(self, h: Tensor) -> Tensor:
        return 0.5 * h + 0.5 * super().forward(h)


class Quantized(NamedTuple):
    """What `MultiScaleQuantizer.forward` returns for training."""

    features: Tensor  # (B, C, S, S), straight-through gradient to the encoder
    commitment: Tensor  # scalar, pulls the encoder to the codes
    codebook: Tensor  # scalar, pulls codes and phi to the encoder
    indices: list[Tensor]  # K x (B, l)
    residuals: list[Tensor]  # K x (B, l, C), the vectors that were quantised


class MultiScaleQuantizer(nn.Module):
    """Splits features into K token maps, each the quantised remainder of the coarser ones."""

    def __init__(self, vocab_size: int, channels: int, scales: Scales, phi_count: int = 4) -> None:
        super().__init__()
        self.scales = scales
        self.codebook = nn.Embedding(vocab_size, channels)
        self.phis = nn.ModuleList(Phi(channels) for _ in range(phi_count))
        self.phi_of_scale = _nearest_ticks(len(scales), phi_count)

    @property
    def channels(self) -> int:
        return self.codebook.embedding_dim

    def downsample(self, features: Tensor, scale: int) -> Tensor:
        """S(., s_k): area interpolation, (B, C, S, S) -> (B, l, C); identity at the last scale."""
        side = self.scales.sides[scale]
        if side != features.shape[-1]:
            features = F.interpolate(features, size=(side, side), mode="area")
        return features.flatten(2).transpose(1, 2)

    def nearest(self, residual: Tensor, scale: int) -> Tensor:
        """Q[S(r, s_k)] of eq. 2: residual (B, C, S, S) -> indices (B, l) of the nearest codes."""
        return self.nearest_codes(self.downsample(residual, scale))

    def nearest_codes(self, vectors: Tensor) -> Tensor:
        """Codes with the smallest squared Euclidean distance, (..., C) -> (...) int64."""
        with torch.autocast(vectors.device.type, enabled=False):
            codes = self.codebook.weight
            flat = vectors.reshape(-1, self.channels).to(codes.dtype)
            squares = flat.square().sum(1, keepdim=True) + codes.square().sum(1)
            return (squares - 2 * flat @ codes.t()).argmin(1).view(vectors.shape[:-1])

    def expand(self, codes: Tensor, scale: int) -> Tensor:
        """eta_k of eq. 3: code vectors (B, l, C) -> their contribution (B, C, S, S)."""
        side, finest = self.scales.sides[scale], self.scales.finest
        maps = codes.transpose(1, 2).unflatten(2, (side, side))  # (B, C, s, s)
        with torch.autocast(codes.device.type, enabled=False):
            maps = maps.to(self.codebook.weight.dtype)
            if side != finest:
                maps = F.interpolate(maps, size=(finest, finest), mode="bicubic")
            return self.phis[self.phi_of_scale[scale]](maps)

    @torch.no_grad()
    def tokenize(self, features: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Encoder features (B, C, S, S) -> K token maps (B, l) and K cumulative sums (B, C, S, S).

        The k-th sum is what the first k maps rebuild; decoding it gives the picture of that scale.
        """
        total = torch.zeros_like(features)
        indices, totals = [], []
        for k in range(len(self.scales)):
            indices.append(self.nearest(features - total, k))
            total = total + self.expand(self.codebook(indices[k]), k)
            totals.append(total)
        return indices, totals

    def cumulate(self, indices: Sequence[Tensor]) -> list[Tensor]:
        """Token maps, K x (B, l) -> cumulative features, K x (B, C, S, S)."""
        totals: list[Tensor] = []
        for k, tokens in enumerate(indices):
            contribution = self.expand(self.codebook(tokens), k)
            totals.append(contribution if k == 0 else totals[-1] + contribution)
        return totals

    def forward(self, features: Tensor, count: int | None = None) -> Quantized:
        """Quantise with gradients, (B, C, S, S) -> `Quantized`; losses averaged over scales.

        Args:
            features: encoder output, (B, C, S, S) float32.
            count: use only the first `count` scales (decoders that see partial sums in training
                draw usable pictures from them).
        """
        used = count or len(self.scales)
        total = torch.zeros_like(features)
        indices, residuals = [], []
        commitment = codebook = features.new_zeros(())
        for k in range(used):
            residuals.append(self.downsample((features - total).detach(), k))
            indices.append(self.nearest_codes(residuals[k]))
            total = total + self.expand(self.codebook(indices[k]), k)
            commitment = commitment + F.mse_loss(features, total.detach()) / used
            codebook = codebook + F.mse_loss(total, features.detach()) / used
        # A partial sum stands for the features at its resolution: finer detail gets no gradient.
        heard = features
        if (side := self.scales.sides[used - 1]) != self.scales.finest:
            coarse = F.interpolate(features, size=(side, side), mode="area")
            heard = F.interpolate(coarse, size=features.shape[2:], mode="bicubic")
        passed = heard + (total - heard).detach()
        return Quantized(passed, commitment, codebook, indices, residuals)


def _nearest_ticks(scale_count: int, phi_count: int) -> list[int]:
    """Index of the phi convolution of each scale: the tick nearest to k / (K - 1).

    Scales 3 and 8 of the paper's ten lie half-way between two ticks; as in the released weights,
    the rounding of these very float64 expressions decides.
    """
    margin = 1 / 3 / phi_count if phi_count == 4 else 1 / 2 / phi_count
    ticks = np.linspace(margin, 1 - margin, phi_count)
    positions = [k / max(scale_count - 1, 1) for k in range(scale_count)]
    return [int(np.argmin(np.abs(ticks - at))) for at in positions]
