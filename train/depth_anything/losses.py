"""Disparity targets and the affine-invariant loss (Depth Anything, eqs. 1-3).

Letters: B batch · H, W pixels · d disparity = 1 / depth, larger is nearer.
"""

from __future__ import annotations

import torch
from torch import Tensor

from depthart.baselines.losses import masked_mean, masked_median, standardize

EPSILON = 1e-6
MIN_PIXELS = 16  # fewer say nothing about a median and a deviation


def disparity(depth: Tensor) -> tuple[Tensor, Tensor]:
    """Depth as disparity, normalised to 0-1 per map (section 3.1).

    Args:
        depth: (B, 1, H, W); 0 or NaN = not measured, +inf = sky, whose disparity is 0.

    Returns:
        disparity (B, 1, H, W), 0 where not measured; mask (B, 1, H, W) bool of what is known.
    """
    known = depth > 0
    d = torch.where(known, depth, torch.ones_like(depth)).reciprocal()  # 1 / inf = 0
    return unit_range(d, known), known


def unit_range(d: Tensor, mask: Tensor) -> Tensor:
    """Shift and scale each map so that its masked pixels span 0 to 1; 0 outside the mask."""
    low = d.masked_fill(~mask, torch.inf).amin((-3, -2, -1), keepdim=True)
    high = d.masked_fill(~mask, -torch.inf).amax((-3, -2, -1), keepdim=True)
    scaled = (d - low) / (high - low).clamp_min(EPSILON)
    return torch.where(mask, scaled, torch.zeros_like(d))


def affine_invariant_error(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean absolute error of the standardised maps over the mask (eqs. 1-3), for each map.

    Args:
        prediction, target: (B, 1, H, W) disparities. mask: (B, 1, H, W) bool.

    Returns:
        (B,); 0 for a map with fewer than `MIN_PIXELS` pixels or a mask of one value.
    """
    prediction, target = prediction.float(), target.float()
    error = (standardize(prediction, mask) - standardize(target, mask)).abs()
    return masked_mean(error, mask).flatten() * usable(target, mask)


def affine_invariant_loss(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """`affine_invariant_error`, averaged over the maps that have something to compare."""
    errors = affine_invariant_error(prediction, target, mask)
    return errors.sum() / usable(target, mask).sum().clamp_min(1)


def usable(target: Tensor, mask: Tensor) -> Tensor:
    """(B,) 1.0 where a target has enough known pixels and is not flat, else 0.0."""
    spread = masked_mean((target - masked_median(target, mask)).abs(), mask).flatten()
    return ((mask.flatten(1).sum(1) >= MIN_PIXELS) & (spread > EPSILON)).float()
