"""Losses that the baselines train with, as their papers state them.

Letters: B batch, H x W pixels, N valid pixels of one map, e an error per pixel.
"""

from __future__ import annotations

import torch
from torch import Tensor

from depthart.normalize import EPS, PERCENTILE
from depthart.prediction import Kind

Losses = tuple[Tensor, dict[str, Tensor]]


def loss_of_kind(kind: Kind, prediction: Tensor, depth: Tensor, valid: Tensor) -> Losses:
    """L2 in depth for "scale_invariant" (DepthART, section 4), MiDaS' loss for "disparity".

    Args:
        prediction: (B, H, W). depth, valid: (B, 1, H, W).

    Raises:
        ValueError: for a kind that has no loss.
    """
    if kind == "scale_invariant":
        loss = l2_loss(prediction, depth, valid)
        return loss, {"l2": loss.detach()}
    if kind == "disparity":
        return affine_invariant_loss(prediction, depth, valid)
    raise ValueError(f"there is no loss for kind {kind!r}; train scale_invariant or disparity")


def relative_depth(depth: Tensor, valid: Tensor) -> Tensor:
    """DepthART's normalisation (eq. 9) on [0, 1]: D / D_98, clipped; (B, 1, H, W) -> (B, H, W)."""
    step = max(1, depth.shape[-1] // 128)  # sorting all pixels costs as much as a network
    some, known = (t[..., ::step, ::step].flatten(1) for t in (depth.float(), valid))
    far = some.masked_fill(~known, torch.nan).nanquantile(PERCENTILE, dim=1).nan_to_num(1.0)
    return (depth.float() / (far.view(-1, 1, 1, 1) + EPS)).clamp(0, 1).squeeze(1)


def disparity_of(depth: Tensor, valid: Tensor) -> Tensor:
    """1 / depth where valid, 0 elsewhere; (B, 1, H, W) -> (B, H, W)."""
    return torch.where(valid, 1 / depth.float().clamp_min(1e-6), 0.0).squeeze(1)


def l2_loss(prediction: Tensor, depth: Tensor, valid: Tensor) -> Tensor:
    """Mean squared error against `relative_depth`."""
    mask = valid.squeeze(1).float()
    error = (prediction.float() - relative_depth(depth, valid)) ** 2
    return mean(error, mask)


def affine_invariant_loss(
    prediction: Tensor, depth: Tensor, valid: Tensor, trim: float = 0.2, alpha: float = 0.5
) -> Losses:
    """MiDaS' loss in disparity (arXiv 1907.01341, eqs. 5-11): trimmed errors and gradients.

    Args:
        prediction: (B, H, W) disparity up to factor and shift.
        trim: share of the largest errors of each map that are ignored. alpha: of the gradients.
    """
    mask = valid.squeeze(1)
    error = standardize(prediction.float(), mask) - standardize(disparity_of(depth, valid), mask)
    pixel = trimmed_mean(error.abs(), mask, trim) / 2
    gradient = gradient_loss(error, mask.float())
    return pixel + alpha * gradient, {"ssi": pixel.detach(), "gradient": gradient.detach()}


def standardize(values: Tensor, mask: Tensor) -> Tensor:
    """(values - median) / mean absolute deviation of each map over its mask.

    Gradients flow through both, so that what is made of the result is invariant to scale and shift.

    Args:
        values, mask: (B, ..., H, W), float and bool.

    Returns:
        of the same shape, meaningless outside the mask.
    """
    centred = values - masked_median(values, mask)
    return centred / masked_mean(centred.abs(), mask).clamp_min(1e-6)


def masked_median(values: Tensor, mask: Tensor) -> Tensor:
    """Median of each map over its mask, (B, ..., H, W) -> (B, 1, ...); 0 for an empty mask.

    Of an even number of pixels the lower of the two in the middle.
    """
    hidden = values.masked_fill(~mask, torch.nan).flatten(1)
    return hidden.nanmedian(dim=1).values.nan_to_num().view(-1, *[1] * (values.ndim - 1))


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of each map over its mask, (B, ..., H, W) -> (B, 1, ...); 0 for an empty mask."""
    dims = tuple(range(1, values.ndim))
    total = torch.where(mask, values, torch.zeros_like(values)).sum(dims, keepdim=True)
    return total / mask.sum(dims, keepdim=True).clamp_min(1)


def trimmed_mean(errors: Tensor, mask: Tensor, trim: float) -> Tensor:
    """Sum of the (1 - trim) smallest errors of each map over its number of pixels, averaged."""
    flat = errors.flatten(1).masked_fill(~mask.flatten(1), torch.inf).sort(dim=1).values
    count = mask.flatten(1).sum(1, keepdim=True)
    kept = torch.arange(flat.shape[1], device=flat.device)[None] < (1 - trim) * count
    sums = flat.masked_fill(~kept, 0).sum(1)
    return (sums / count.squeeze(1).clamp_min(1)).mean()


def gradient_loss(error: Tensor, mask: Tensor, levels: int = 4) -> Tensor:
    """Mean |d error / dx| + |d error / dy| over resolutions 1, 1/2, 1/4, 1/8, summed.

    Args:
        error: (B, H, W). mask: (B, H, W), 1 where valid.
    """
    total = error.new_zeros(())
    for _ in range(levels):
        for dim in (1, 2):
            length = mask.shape[dim] - 1
            pairs = mask.narrow(dim, 1, length) * mask.narrow(dim, 0, length)
            total = total + (error.diff(dim=dim).abs() * pairs).sum() / mask.sum().clamp_min(1)
        error, mask = error[:, ::2, ::2], mask[:, ::2, ::2]
    return total


def mean_pairwise_distance(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over all ordered pairs of |v_i - v_j| within each map, in O(N log N); (B,).

    In ascending order v_(k) is the larger of k pairs and the smaller of N - 1 - k, so the sum over
    unordered pairs is that of (2 k - N + 1) v_(k). Invariant to a shift of `values`.

    Args:
        values, mask: (B, H, W).
    """
    flags = mask.flatten(1)
    ordered = values.flatten(1).masked_fill(~flags, torch.inf).sort(dim=1).values
    count = flags.sum(1, keepdim=True)
    rank = torch.arange(ordered.shape[1], device=values.device)[None]
    weight = 2 * rank - count + 1
    terms = (ordered.masked_fill(rank >= count, 0) * weight).sum(1)
    return 2 * terms / (count.squeeze(1).float() ** 2).clamp_min(1)


def silog_loss(log_error: Tensor, mask: Tensor, variance_focus: float = 0.85) -> Tensor:
    """10 sqrt(mean e^2 - 0.85 (mean e)^2) over the batch (AdaBins, eq. 4).

    Args:
        log_error: (B, H, W) log prediction - log truth. mask: (B, H, W), 1 where valid.
    """
    squares = mean(log_error**2, mask)
    return 10 * (squares - variance_focus * mean(log_error, mask) ** 2).clamp_min(1e-8).sqrt()


def mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over a mask of ones and zeros; 0 for an empty one."""
    return (values * mask).sum() / mask.sum().clamp_min(1)
