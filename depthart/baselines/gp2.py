"""GP2 (Romanov et al., arXiv 2009.09419): light networks that keep the geometry of a scene.

A mobile encoder, a light RefineNet decoder of 1x1 convolutions, log depth as output. Geometry comes
from a pairwise scale-invariant loss on maps that are complete, variety from a scale-and-shift
invariant one on all maps; a small share of complete ones is enough, says the paper. All of our data
is complete, so `complete_share` replays its experiment rather than serving a need.

Letters: B batch, F decoder width, H x W pixels, h x w of one level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from depthart.baselines.losses import disparity_of, mean_pairwise_distance, standardize
from depthart.baselines.network import DepthNetwork, NetworkConfig
from depthart.trunks import build_trunk

_LOG_RANGE = 8.0  # |log depth| stays below, so that its exponential is a sound number


@dataclass(frozen=True)
class GP2Config(NetworkConfig):
    """Sizes of a `GP2` and the mixture of its losses; the defaults are gp2-small's.

    Raises:
        ValueError: for a share outside [0, 1] or a kind other than scale_invariant.
    """

    features: int = 96  # F
    complete_share: float = 1.0  # of the maps, treated as known up to scale, not scale and shift

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind != "scale_invariant" or not 0 <= self.complete_share <= 1:
            raise ValueError(
                "GP2 is scale_invariant with a complete_share from 0 to 1, got"
                f" {self.kind!r} and {self.complete_share}"
            )


class GP2(DepthNetwork):
    """Pictures (B, 3, H, W) in [-1, 1] -> depth (B, H, W); H and W multiples of 32."""

    Config = GP2Config
    config: GP2Config

    def __init__(self, config: GP2Config) -> None:
        super().__init__(config)
        self.trunk = build_trunk(config.trunk)
        self.decoder = LightRefineNet(self.trunk.channels, config.features)
        self.out = nn.Conv2d(config.features, 1, 3, padding=1)
        # Starts near a constant map: the trunk's features are large, and far out the bound is flat.
        nn.init.normal_(self.out.weight, std=1e-3)

    def forward(self, images: Tensor) -> Tensor:
        log_depth = self.log_depth(images)
        return F.interpolate(log_depth[:, None], images.shape[-2:], mode="bilinear")[:, 0].exp()

    def log_depth(self, images: Tensor) -> Tensor:
        """(B, H / 4, W / 4) float32, up to a constant."""
        x = self.out(self.decoder(self.trunk(images))).squeeze(1).float()
        return _LOG_RANGE * torch.tanh(x / _LOG_RANGE)  # a clamp would have no gradient outside

    def loss(
        self, images: Tensor, depth: Tensor, valid: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        log_depth = F.interpolate(self.log_depth(images)[:, None], scale_factor=2, mode="bilinear")
        # Every other pixel: sorting is what the pairwise losses cost.
        depth, valid = depth[..., ::2, ::2], valid[..., ::2, ::2]
        complete = torch.arange(len(depth), device=depth.device) + 0.5
        complete = complete < self.config.complete_share * len(depth)
        si, ssi = pairwise_losses(log_depth.squeeze(1), depth, valid, complete)
        return si + ssi, {"si": si.detach(), "ssi": ssi.detach()}


class LightRefineNet(nn.Module):
    """Four feature maps -> one of the finest one's size, by 1x1 convolutions and pooling.

    Args:
        channels: of the maps, fine to coarse.
        width: F.
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.project = nn.ModuleList(nn.Conv2d(c, width, 1) for c in channels)
        self.pools = nn.ModuleList(ChainedPooling(width) for _ in channels)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        x: Tensor | None = None
        for i in reversed(range(len(maps))):
            here = self.project[i](maps[i])
            if x is not None:
                here = here + F.interpolate(x, size=here.shape[-2:], mode="bilinear")
            x = self.pools[i](F.relu(here))
        return x


class ChainedPooling(nn.Module):
    """Sum of twice pooled and convolved copies: context at every resolution, (B, F, h, w)."""

    def __init__(self, width: int, stages: int = 2) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv2d(width, width, 1, bias=False) for _ in range(stages)
        )

    def forward(self, x: Tensor) -> Tensor:
        pooled = x
        for convolution in self.convolutions:
            pooled = convolution(F.max_pool2d(pooled, 5, stride=1, padding=2))
            x = x + pooled
        return x


def pairwise_losses(
    log_depth: Tensor, depth: Tensor, valid: Tensor, complete: Tensor
) -> tuple[Tensor, Tensor]:
    """Mean over pairs of pixels of the difference between predicted and true differences.

    Args:
        log_depth: (B, H, W) predicted. depth, valid: (B, 1, H, W).
        complete: (B,) bool, maps that are known up to scale; the others up to scale and shift of
            their disparity.

    Returns:
        scale-invariant loss in log depth over the complete maps (0 without any); scale-and-shift
        invariant loss in standardised disparity over all maps.
    """
    mask = valid.squeeze(1)
    log_truth = depth.float().clamp_min(1e-6).log().squeeze(1)
    # |(p_i - p_j) - (t_i - t_j)| is the distance of e_i = p_i - t_i from e_j.
    distances = mean_pairwise_distance(log_depth - log_truth, mask)
    share = complete.float()
    scale_invariant = (distances * share).sum() / share.sum().clamp_min(1)
    disparity = standardize((-log_depth).exp(), mask)
    error = disparity - standardize(disparity_of(depth, valid), mask)
    return scale_invariant, mean_pairwise_distance(error, mask).mean()
