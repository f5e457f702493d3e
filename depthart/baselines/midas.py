"""MiDaS (Ranftl et al., arXiv 1907.01341): residual convolutional encoder, fusion decoder.

Trained with L2 in depth, as DepthART's comparison does; `kind="disparity"` brings back MiDaS' own
affine-invariant loss and output. The encoder is one of `depthart.trunks`, whose inverted residuals
stand in for ResNeXt-101's. Letters: B batch, H x W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from depthart.baselines.fusion import DepthHead, FusionDecoder
from depthart.baselines.losses import loss_of_kind
from depthart.baselines.network import DepthNetwork, NetworkConfig
from depthart.trunks import build_trunk


@dataclass(frozen=True)
class MiDaSConfig(NetworkConfig):
    """Sizes of a `MiDaS`; the defaults are midas-small's."""

    features: int = 64  # width of the decoder


class MiDaS(DepthNetwork):
    """Pictures (B, 3, H, W) in [-1, 1] -> maps (B, H, W); H and W multiples of 32."""

    Config = MiDaSConfig
    config: MiDaSConfig

    def __init__(self, config: MiDaSConfig) -> None:
        super().__init__(config)
        self.trunk = build_trunk(config.trunk)
        self.decoder = FusionDecoder(self.trunk.channels, config.features)
        self.head = DepthHead(config.features)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.decoder(self.trunk(images)), images.shape[-2:])

    def loss(
        self, images: Tensor, depth: Tensor, valid: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        return loss_of_kind(self.config.kind, self(images), depth, valid)
