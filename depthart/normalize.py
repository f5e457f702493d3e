"""Scale-invariant depth normalisation (paper, eq. 9) and its inverse.

Beyond the paper, depth may be shown in log, with an offset c that keeps zero depth finite:
`2 * log(1 + d / c) / log(1 + 1 / c) - 1` for d in [0, 1]. Eq. 9 is linear, and where the farthest
thing is far away it leaves all that is near in a few hundredths of its range.
Letters: B batch, H x W pixels.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

PERCENTILE = 0.98
EPS = 1e-6


def depth_scale(depth: Tensor, valid: Tensor | None = None) -> Tensor:
    """D_98: the 98th percentile of each map.

    Args:
        depth: (B, 1, H, W), any unit, not negative.
        valid: (B, 1, H, W) bool; percentiles are taken over True pixels only.

    Returns:
        (B, 1, 1, 1) in the unit of `depth`.

    Raises:
        ValueError: if a map has no valid pixel.
    """
    maps = depth.float().flatten(1)
    if valid is None:
        return maps.quantile(PERCENTILE, dim=1).view(-1, 1, 1, 1)
    flags = valid.flatten(1)
    if not flags.any(dim=1).all():
        raise ValueError("cannot normalise a depth map without a single valid pixel")
    return maps.masked_fill(~flags, torch.nan).nanquantile(PERCENTILE, dim=1).view(-1, 1, 1, 1)


def normalize_depth(depth: Tensor, valid: Tensor | None = None, clip: bool = True) -> Tensor:
    """Eq. 9: `2 * D / (D_98 + eps) - 1`, clipped to [-1, 1].

    Args:
        depth: (B, 1, H, W), any unit, not negative, without holes (see `fill_invalid`).
        valid: (B, 1, H, W) bool, pixels that count for the percentile; default all.
        clip: False leaves the farthest 2 % above 1.

    Returns:
        (B, 1, H, W) float32.
    """
    normalized = depth.float() / (depth_scale(depth, valid) + EPS) * 2 - 1
    return normalized.clamp(-1, 1) if clip else normalized


def depth_to_image(depth: Tensor, valid: Tensor | None = None, log_offset: float = 0.0) -> Tensor:
    """The three equal channels that the VQ-VAE sees: (B, 1, H, W) depth -> (B, 3, H, W) [-1, 1].

    Args:
        depth, valid: see `normalize_depth`.
        log_offset: c, as a share of D_98; 0 = linear, as in the paper.
    """
    return to_log(normalize_depth(depth, valid), log_offset).expand(-1, 3, -1, -1)


def to_log(image: Tensor, log_offset: float) -> Tensor:
    """Eq. 9's linear depth in [-1, 1], of any shape, shown in log, in [-1, 1] again.

    Args:
        log_offset: c, as a share of D_98; 0 leaves the image as it is.
    """
    if not log_offset:
        return image
    return 2 * torch.log1p((image + 1) / 2 / log_offset) / math.log1p(1 / log_offset) - 1


def image_to_depth(image: Tensor, log_offset: float = 0.0) -> Tensor:
    """Decoded image (B, 3, H, W) -> relative linear depth (B, H, W) in [0, 1], 1 = D_98."""
    share = (image.float().clamp(-1, 1).mean(dim=1) + 1) / 2
    return log_offset * torch.expm1(share * math.log1p(1 / log_offset)) if log_offset else share


def image_slope(image: Tensor, log_offset: float = 0.0) -> Tensor:
    """Derivative of `image_to_depth` by the image in [-1, 1], at every pixel; same shape."""
    if not log_offset:
        return torch.full_like(image, 0.5)
    rate = math.log1p(1 / log_offset)
    return rate / 2 * log_offset * torch.exp((image + 1) / 2 * rate)


def fill_invalid(depth: Tensor, valid: Tensor) -> Tensor:
    """Fill holes with the mean of the nearest valid neighbourhood, coarse to fine.

    Args:
        depth: (B, 1, H, W); valid: (B, 1, H, W) bool.

    Returns:
        (B, 1, H, W): `depth` where valid, a smooth fill elsewhere; zero if nothing is valid.
    """
    weight = valid.to(depth.dtype)
    total = depth.masked_fill(~valid, 0)
    pyramid = [(total, weight)]
    while max(total.shape[-2:]) > 1:
        total = F.avg_pool2d(total, 2, ceil_mode=True, count_include_pad=False)
        weight = F.avg_pool2d(weight, 2, ceil_mode=True, count_include_pad=False)
        pyramid.append((total, weight))
    filled = pyramid[-1][0] / pyramid[-1][1].clamp_min(1e-12)
    for total, weight in reversed(pyramid[:-1]):
        coarse = F.interpolate(filled, size=total.shape[-2:], mode="nearest")
        filled = torch.where(weight > 0, total / weight.clamp_min(1e-12), coarse)
    return filled
