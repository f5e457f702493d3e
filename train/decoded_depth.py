"""Beyond the paper: an error on the decoded depth map itself, through the frozen VQ-VAE decoder.

Letters: B batch, l tokens of one scale, V codes, z latent channels, S side of the latent grid.
"""

from __future__ import annotations

import torch
from torch import Tensor

from depthart.model import DepthART
from train.objectives import Lesson
from train.vqvae_loss import nearness


def decoded_depth_error(
    model: DepthART, logits: Tensor, lesson: Lesson, depth_features: Tensor, scale: int
) -> Tensor:
    """Mean absolute error of the depth after one scale, weighted by nearness.

    The scale's answer is its expected codes, so that the gradient reaches the logits; what the
    scales before it gave is taken as it is. The truth is the VQ-VAE's own decoding of the true
    features, unquantised: the error asks for nothing that the decoder cannot draw.

    Args:
        logits: (B, l_1 + ... + l_k, V) of all scales in use.
        lesson: with its `totals`.
        depth_features: VQ-VAE features of the true depth, (B, z, S, S).
        scale: 0-based, one of those in use.

    Returns:
        scalar; inputs in [-1, 1], so about twice the relative error of near pixels.
    """
    quantizer = model.vqvae.quantizer
    piece = model.scales.split(logits, len(lesson.targets))[scale]
    codes = piece.float().softmax(-1) @ quantizer.codebook.weight.detach()  # (B, l, z)
    predicted = model.vqvae.decode(lesson.totals[scale] + quantizer.expand(codes, scale))
    with torch.no_grad():
        truth = model.vqvae.decode(depth_features).float().clamp(-1, 1).mean(1, keepdim=True)
    # The decoder's three channels are one depth map.
    error = (predicted.float().mean(1, keepdim=True) - truth).abs()
    return (error * nearness(truth)).mean()
