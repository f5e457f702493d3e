"""Metres from a relative DPT: metric bins in the manner of ZoeDepth (arXiv 2302.12288, section 3).

A seed of N bin centres per cell, in metres, comes from the coarsest map; every level of the decoder
then pulls the centres towards attractors that it predicts; the depth of a cell is the mean of its
centres under a log-binomial distribution over them. Depth Anything (section 4.3) puts this head on
its own relative encoder.

Letters: B batch, H x W pixels, h x w cells, N bins, A attractors, E width of the head.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from depthart.baselines.dpt import DPT, DPTConfig
from depthart.baselines.losses import Losses, silog_loss
from depthart.prediction import Kind

MIN_DEPTH = 1e-3  # metres
# Strength and exponent of the attraction (ZoeDepth, eq. 2).
ALPHA, GAMMA = 300.0, 2.0


@dataclass(frozen=True)
class MetricDPTConfig(DPTConfig):
    """Sizes of a `MetricDPT`: those of the relative network, and of the head.

    Raises:
        ValueError: for a kind other than "metric", or values that do not fit one another.
    """

    kind: Kind = "metric"
    bins: int = 32  # N
    attractors: tuple[int, ...] = (8, 4, 2, 1)  # A of each decoder level, coarse to fine
    head_width: int = 64  # E
    seeds_m: tuple[float, float] = (0.3, 20.0)  # centres start evenly in log depth in between

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("attractors", "seeds_m"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.kind != "metric":
            raise ValueError(f"metric bins give kind 'metric', not {self.kind!r}")
        if len(self.attractors) != 4 or min(self.attractors) < 1:
            raise ValueError(f"attractors: four positive numbers are needed, got {self.attractors}")
        if self.bins < 2 or not 0 < self.seeds_m[0] < self.seeds_m[1]:
            raise ValueError(
                f"at least two bins and ascending depths are needed, got {self.bins} bins from"
                f" {self.seeds_m[0]} to {self.seeds_m[1]} m"
            )


class MetricDPT(DPT):
    """Pictures (B, 3, H, W) in [-1, 1] -> depth in metres (B, H, W).

    All parameters of a `DPT` of the same sizes have the same names here.
    """

    Config = MetricDPTConfig
    config: MetricDPTConfig

    def __init__(self, config: MetricDPTConfig) -> None:
        super().__init__(config)
        coarsest, width = self.decoder.project[-1].in_channels, config.head_width
        self.seed = _mlp(coarsest, width, config.bins)
        self.seed_embedding = _mlp(coarsest, width, width)
        self.embeddings = nn.ModuleList(
            _mlp(config.features, width, width) for _ in config.attractors
        )
        self.attract = nn.ModuleList(_mlp(width, width, count) for count in config.attractors)
        self.mix = LogBinomial(config.features + 1 + width, width, config.bins)
        low, high = (math.log(depth) for depth in config.seeds_m)
        start = torch.linspace(low, high, config.bins).exp()
        nn.init.zeros_(self.seed[-1].weight)
        self.seed[-1].bias.data = torch.log(torch.expm1(start))  # softplus gives them back

    def forward(self, images: Tensor) -> Tensor:
        maps = self.maps(images)
        levels = self.decoder.levels(maps)
        relative = self.head(levels[-1], levels[-1].shape[-2:]).unsqueeze(1)
        centres = F.softplus(self.seed(maps[-1]).float())  # (B, N, h, w)
        embedding = self.seed_embedding(maps[-1])
        for level, embed, attract in zip(levels, self.embeddings, self.attract, strict=True):
            embedding = embed(level) + _resized(embedding, level)
            points = F.softplus(attract(embedding).float())  # (B, A, h, w)
            centres = attracted(_resized(centres, level), points)
        shares = self.mix(torch.cat([levels[-1], relative.to(levels[-1]), embedding], dim=1))
        depth = (shares * centres).sum(1, keepdim=True).clamp_min(MIN_DEPTH)
        return F.interpolate(depth, size=images.shape[-2:], mode="bilinear").squeeze(1)

    def loss(self, images: Tensor, depth: Tensor, valid: Tensor) -> Losses:
        """Scale-invariant logarithmic loss, which with its focus of 0.85 fixes the scale too.

        Args:
            depth: (B, 1, H, W) metres. valid: (B, 1, H, W) bool.
        """
        prediction = self(images).float()
        mask = valid.squeeze(1)
        truth = torch.where(mask, depth.squeeze(1), torch.ones_like(prediction))
        loss = silog_loss(prediction.log() - truth.log(), mask.float())
        return loss, {"silog": loss.detach()}


class LogBinomial(nn.Module):
    """Shares of N ordered bins from a mode p and a temperature t per cell (ZoeDepth, eq. 3).

    Unlike a softmax over free logits, neighbouring bins share one peak.
    """

    def __init__(self, inputs: int, width: int, bins: int) -> None:
        super().__init__()
        self.bins = bins
        self.parameters_of = _mlp(inputs, width, 4)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) -> (B, N, h, w), >= 0, summing to 1 over the bins."""
        a, b, c, d = F.softplus(self.parameters_of(x).float()).add(1e-4).chunk(4, dim=1)
        mode, temperature = a / (a + b), 0.1 + 5 * c / (c + d)
        return self.shares(mode, temperature)

    def shares(self, mode: Tensor, temperature: Tensor) -> Tensor:
        """Softmax over k of log binomial(k; N - 1, mode) / temperature; (B, 1, h, w) each."""
        k = torch.arange(self.bins, device=mode.device, dtype=mode.dtype).view(1, -1, 1, 1)
        n = torch.full_like(k, self.bins - 1)
        choose = torch.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)
        p = mode.clamp(1e-4, 1 - 1e-4)
        logits = choose + k * p.log() + (n - k) * (1 - p).log()
        return (logits / temperature).softmax(dim=1)


def attracted(centres: Tensor, points: Tensor) -> Tensor:
    """Centres moved towards attractors: c + mean over a of (a - c) / (1 + alpha |a - c|^gamma).

    An attractor pulls on what is near and leaves alone what is far (ZoeDepth's inverse attractor).

    Args:
        centres: (B, N, h, w) metres. points: (B, A, h, w) metres.
    """
    moved = torch.zeros_like(centres)
    for point in points.split(1, dim=1):  # one by one: (B, A, N, h, w) would be large
        distance = point - centres
        moved = moved + distance / (1 + ALPHA * distance.abs() ** GAMMA)
    return centres + moved / points.shape[1]


def _mlp(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, outputs, 1))


def _resized(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear")
