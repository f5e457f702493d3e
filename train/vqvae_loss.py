"""The VQ-VAE's own loss. Letters: B batch, S side of the pictures."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from depthart.normalize import image_slope, image_to_depth
from depthart.quantizer import Quantized
from depthart.vqvae import VQVAE

COMMITMENT = 0.25  # weight, as in VAR


class Reconstruction(NamedTuple):
    """A forward pass, its loss and what to log."""

    images: Tensor  # (B, 3, S, S) float32, unclamped
    target: Tensor  # (B, 3, S, S) what they should be
    quantized: Quantized
    error: Tensor  # scalar: L1 + L2 weighted by nearness
    loss: Tensor  # scalar: the error and the quantiser's terms
    report: dict[str, Tensor]


def reconstruct(vqvae: VQVAE, images: Tensor, count: int | None = None) -> Reconstruction:
    """Reconstruction (L1 + L2), commitment and codebook losses of one batch.

    One token knows no places: 1x1, decoded alone, is to be flat, the mean of the picture. Asked
    for the picture itself, the decoder draws the data's mean layout from its padding, in stripes.

    Args:
        images: (B, 3, S, S) in [-1, 1].
        count: decode the sum of the first so many scales; default all.
    """
    rebuilt, quantized = vqvae(images.contiguous(memory_format=torch.channels_last), count)
    rebuilt = rebuilt.float()
    alone = count is not None and vqvae.scales.sides[:count] == (1,)
    target = images.mean((2, 3), keepdim=True).expand_as(images) if alone else images
    weighted = (rebuilt - target) * nearness(target, vqvae.config.log_offset)
    l1 = weighted.abs().mean()
    error = l1 + weighted.square().mean()
    loss = error + COMMITMENT * quantized.commitment + quantized.codebook
    report = {
        "partial_l1" if count else "l1": l1.detach(),
        "commitment": quantized.commitment.detach(),
    }
    return Reconstruction(rebuilt, target, quantized, error, loss, report)


def nearness(images: Tensor, log_offset: float) -> Tensor:
    """Weight of each pixel: on depth maps what makes its error relative to the depth, 1 on photos.

    With linear depth that is about 1 / depth: an error close by counts more than the same far away.

    Args:
        images: (B, C, S, S) in [-1, 1]; depth maps are those with equal channels.
        log_offset: of the VQ-VAE, see `depthart.normalize`.

    Returns:
        (B, 1, S, S).
    """
    is_depth = (images[:, :1] == images).flatten(1).all(1).view(-1, 1, 1, 1)
    depth = image_to_depth(images, log_offset)[:, None]
    slope = image_slope(images[:, :1], log_offset)
    return torch.where(is_depth, slope / (depth + 0.05), torch.ones_like(depth))
