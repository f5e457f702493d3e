"""AdaBins (Bhat et al., arXiv 2011.14141): every picture gets its own depth bins.

A small transformer ("mini-ViT") over the decoder's features gives bin widths and 1x1 kernels; the
kernels' responses become a distribution over the bins, whose expectation is the depth. Ours works
on relative depth (D / D_98), as all models in the comparison do.

Letters: B batch, F decoder width, E transformer width, K bins, Q kernels, H x W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from depthart.baselines.fusion import FusionDecoder
from depthart.baselines.losses import relative_depth, silog_loss
from depthart.baselines.network import DepthNetwork, NetworkConfig
from depthart.baselines.vit import ViT, ViTConfig
from depthart.trunks import build_trunk

NEAR, FAR = 1e-3, 1.0  # range that the bins divide
CHAMFER_WEIGHT = 0.1


@dataclass(frozen=True)
class AdaBinsConfig(NetworkConfig):
    """Sizes of an `AdaBins`; the defaults are adabins-small's.

    Raises:
        ValueError: for a kind other than scale_invariant.
    """

    features: int = 64  # F
    bins: int = 64  # K
    kernels: int = 32  # Q
    width: int = 128  # E
    depth: int = 4
    heads: int = 4
    patch: int = 4  # cells of the decoder's grid, at stride 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind != "scale_invariant":
            raise ValueError(f"AdaBins is scale_invariant, got {self.kind!r}")


class AdaBins(DepthNetwork):
    """Pictures (B, 3, H, W) in [-1, 1] -> depth (B, H, W); H and W multiples of 32."""

    Config = AdaBinsConfig
    config: AdaBinsConfig

    def __init__(self, config: AdaBinsConfig) -> None:
        super().__init__(config)
        width, kernels = config.width, config.kernels
        self.trunk = build_trunk(config.trunk)
        self.decoder = FusionDecoder(self.trunk.channels, config.features)
        grid = config.image_size // (4 * config.patch)
        self.vit = ViT(
            ViTConfig(
                inputs=config.features,
                patch=config.patch,
                width=width,
                depth=config.depth,
                heads=config.heads,
                grid=grid,
                layer_scale=1.0,
            )
        )
        self.widths = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, config.bins)
        )
        self.pixels = nn.Conv2d(config.features, width, 3, padding=1)
        self.to_bins = nn.Linear(kernels, config.bins)

    def forward(self, images: Tensor) -> Tensor:
        depth, _ = self.depth_and_centres(images)
        return F.interpolate(depth[:, None], size=images.shape[-2:], mode="bilinear").squeeze(1)

    def depth_and_centres(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Relative depth (B, H / 2, W / 2) and the bins' centres (B, K), ascending."""
        features = self.decoder(self.trunk(images))
        tokens = self.vit(features, (self.config.depth - 1,))[0]  # (B, 1 + N, E)
        centres = bin_centres(self.widths(tokens[:, 0]).float())
        kernels = tokens[:, 1 : 1 + self.config.kernels] * self.config.width**-0.5  # (B, Q, E)
        grid = self.pixels(features).permute(0, 2, 3, 1)  # (B, h, w, E)
        attention = grid.flatten(1, 2) @ kernels.transpose(1, 2)  # (B, h * w, Q)
        attention = attention.unflatten(1, grid.shape[1:3]).permute(0, 3, 1, 2)
        attention = F.interpolate(attention, scale_factor=2, mode="bilinear")
        shares = self.to_bins(attention.permute(0, 2, 3, 1)).float().softmax(dim=-1)
        return (shares @ centres[:, None, :, None]).squeeze(-1), centres  # bins are last

    def loss(
        self, images: Tensor, depth: Tensor, valid: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        predicted, centres = self.depth_and_centres(images)
        predicted = F.interpolate(predicted[:, None], size=depth.shape[-2:], mode="bilinear")
        truth = relative_depth(depth, valid).clamp_min(NEAR)
        mask = valid.squeeze(1)
        error = predicted.squeeze(1).clamp_min(NEAR).log() - truth.log()
        silog = silog_loss(error, mask.float())
        chamfer = chamfer_loss(centres, truth[:, ::4, ::4], mask[:, ::4, ::4])
        report = {"silog": silog.detach(), "chamfer": chamfer.detach()}
        return silog + CHAMFER_WEIGHT * chamfer, report


def bin_centres(widths: Tensor) -> Tensor:
    """Raw widths (B, K) -> centres of bins that divide [NEAR, FAR] in these proportions (eq. 2)."""
    widths = F.relu(widths) + 0.1
    widths = (FAR - NEAR) * widths / widths.sum(dim=1, keepdim=True)
    return NEAR + widths.cumsum(dim=1) - widths / 2


def chamfer_loss(centres: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """Squared distance of every depth to its nearest centre, and of every centre to its nearest
    depth, each averaged (eq. 5).

    Args:
        centres: (B, K). truth, mask: (B, h, w); maps without a valid pixel do not count.
    """
    flags = mask.flatten(1)
    distances = (truth.flatten(1)[:, :, None] - centres[:, None]) ** 2  # (B, N, K)
    to_centres = (distances.amin(dim=2) * flags).sum(1) / flags.sum(1).clamp_min(1)
    to_depths = distances.masked_fill(~flags[:, :, None], torch.inf).amin(dim=1).mean(1)
    known = flags.any(1)
    total = to_centres + torch.where(known, to_depths, 0.0)
    return (total * known).sum() / known.sum().clamp_min(1)
