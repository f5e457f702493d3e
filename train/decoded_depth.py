"""Beyond the paper: an error on the decoded depth map itself, through the VQ-VAE's decoder.

Letters: B batch, l tokens of one scale, V codes, z latent channels, S side of the latent grid,
H side of the depth map.
"""

from __future__ import annotations

import torch
from torch import Tensor

from depthart.model import DepthART
from train.data.sample import Batch
from train.dense import gradient_error
from train.objectives import Lesson
from train.vq_images import depth_images
from train.vqvae_loss import nearness

GRADIENT_WEIGHT = 0.5


def true_depth(batch: Batch, log_offset: float) -> Tensor:
    """Depth as the VQ-VAE sees it (B, 1, H, H) in [-1, 1]; NaN where it is unknown (holes, sky)."""
    return depth_images(batch, log_offset)[:, :1].masked_fill(~batch.valid, torch.nan)


def decoded_depth_error(
    model: DepthART, logits: Tensor, lesson: Lesson, truth: Tensor, scale: int
) -> Tensor:
    """Relative error of the depth after one scale, and of its gradients.

    The scale's answer is its expected codes, so that the gradient reaches the logits; what the
    scales before it gave is taken as it is.

    Args:
        logits: (B, l_1 + ... + l_k, V) of all scales in use.
        lesson: with its `totals`.
        truth: (B, 1, H, H) in [-1, 1], see `true_depth`.
        scale: 0-based, one of those in use.

    Returns:
        scalar; absolute errors are weighted by `nearness`, which makes them relative to the depth.
    """
    quantizer = model.vqvae.quantizer
    piece = model.scales.split(logits, len(lesson.targets))[scale]
    codes = piece.float().softmax(-1) @ quantizer.codebook.weight.detach()  # (B, l, z)
    features = lesson.totals[scale] + quantizer.expand(codes, scale)  # (B, z, S, S)
    decoded = model.vqvae.decode(features.contiguous(memory_format=torch.channels_last))
    measured = (~truth.isnan()).float()
    truth = truth.nan_to_num()
    weight = nearness(truth, model.config.vqvae.log_offset)
    # The decoder's three channels are one depth map.
    error = (decoded.float().mean(1, keepdim=True) - truth) * weight * measured
    pixel = error.abs().sum() / measured.sum().clamp_min(1)
    return pixel + GRADIENT_WEIGHT * gradient_error(error, measured)
