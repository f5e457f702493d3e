"""Beyond the paper: an error on the decoded depth map itself, through the VQ-VAE's decoder.

Letters: B batch, l tokens of one scale, V codes, z latent channels, S side of the latent grid,
H side of the depth map.
"""

from __future__ import annotations

import torch
from torch import Tensor

from depthart.model import DepthART
from depthart.normalize import image_to_depth
from train.data.sample import Batch
from train.dense import dense_loss
from train.objectives import Lesson
from train.vq_images import depth_images

NEAREST = 0.01  # of D_98; what is nearer counts as this near, so that logarithms are finite


def true_depth(batch: Batch, log_offset: float) -> Tensor:
    """Depth as the VQ-VAE sees it (B, 1, H, H) in [-1, 1]; NaN where it is unknown (holes, sky)."""
    return depth_images(batch, log_offset)[:, :1].masked_fill(~batch.valid, torch.nan)


def decoded_depth_error(
    model: DepthART, logits: Tensor, lesson: Lesson, truth: Tensor, scale: int
) -> Tensor:
    """The dense regression's own loss, `dense_loss`, on the depth after one scale.

    The scale's answer is its expected codes, so that the gradient reaches the logits; what the
    scales before it gave is taken as it is. 1x1 alone is to be flat, see `vqvae_loss.reconstruct`.

    Args:
        logits: (B, l_1 + ... + l_k, V) of all scales in use.
        lesson: with its `totals`.
        truth: (B, 1, H, H) in [-1, 1], see `true_depth`.
        scale: 0-based, one of those in use.

    Returns:
        scalar: scale-invariant L1 in log depth, and its gradients.
    """
    quantizer = model.vqvae.quantizer
    piece = model.scales.split(logits, len(lesson.targets))[scale]
    codes = piece.float().softmax(-1) @ quantizer.codebook.weight.detach()  # (B, l, z)
    features = lesson.totals[scale] + quantizer.expand(codes, scale)  # (B, z, S, S)
    decoded = model.vqvae.decode(features.contiguous(memory_format=torch.channels_last))
    log_offset = model.config.vqvae.log_offset
    log_depth = image_to_depth(decoded, log_offset)[:, None].clamp_min(NEAREST).log()
    measured = ~truth.isnan()
    true = image_to_depth(truth.nan_to_num(), log_offset)[:, None].clamp_min(NEAREST)
    if model.scales.sides[scale] == 1:
        true = torch.ones_like(true)
    return dense_loss(log_depth, true, measured)[0]
