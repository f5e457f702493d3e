"""What a prediction leaves open is fixed against the true depth before it is scored.

Pure functions, one picture at a time. Letters: H, W height and width · N valid pixels · p
prediction · t true depth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

if TYPE_CHECKING:
    from depthart.prediction import Kind

Alignment = Literal["none", "scale", "scale+shift", "disparity"]

# Predictions are kept above this before they are divided by or multiplied.
TINY = 1e-6

_ALIGNMENTS: dict[str, Alignment] = {
    "metric": "none",
    "scale_invariant": "scale",
    "affine_invariant": "scale+shift",
    "disparity": "disparity",
}


def alignment_for(kind: Kind) -> Alignment:
    """The weakest alignment that fixes all a kind of prediction leaves open.

    The paper aligns every model by scale alone, metric ones too (section 4.1).

    Raises:
        ValueError: unknown kind.
    """
    if kind not in _ALIGNMENTS:
        raise ValueError(f"unknown kind {kind!r}; known: {', '.join(_ALIGNMENTS)}.")
    return _ALIGNMENTS[kind]


def align(
    prediction: np.ndarray,
    truth: np.ndarray,
    valid: np.ndarray,
    how: Alignment,
    robust: bool = False,
    limits: tuple[float, float] | None = None,
) -> np.ndarray:
    """A prediction as depth in the unit of the truth.

    - "none": as it is.
    - "scale": times the median of t / p, the L1-optimal factor in relative depth.
    - "scale+shift": a * p + b nearest to t in least squares, not below the near limit.
    - "disparity": p grows with nearness; a * p + b nearest to 1 / t in least squares, then
      1 / (a * p + b), not beyond the far limit (the line may reach zero or less).

    Args:
        prediction: (H, W) depth, or disparity for "disparity".
        truth: (H, W) depth, positive where valid.
        valid: (H, W) bool.
        robust: Smallest absolute deviations instead of least squares; "scale" always is.
        limits: Nearest and farthest depth, such as those of a data set; by default those of the
            valid truth.

    Returns:
        (H, W) float64.

    Raises:
        ValueError: Unknown alignment, shapes that differ, nothing valid, a truth or limits that
            are not positive.
    """
    if how not in get_args(Alignment):
        raise ValueError(f"unknown alignment {how!r}; known: {', '.join(get_args(Alignment))}.")
    p, t = valid_pixels(prediction, truth, valid)
    if how == "scale":
        return align_scale(prediction, truth, valid)
    prediction = np.asarray(prediction, np.float64)
    if how == "none":
        return prediction
    near, far = (t.min(), t.max()) if limits is None else limits
    if not 0 < near <= far:
        raise ValueError(f"the limits must be positive and ascending, got {near} and {far}.")
    if how == "scale+shift":
        factor, shift = fit_line(p, t, robust)
        return np.maximum(factor * prediction + shift, near)
    factor, shift = fit_line(p, 1 / t, robust)
    return 1 / np.maximum(factor * prediction + shift, 1 / far)


def align_scale(prediction: np.ndarray, truth: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Multiply by median(truth / prediction), the L1-optimal factor in relative depth.

    Args:
        prediction: (H, W) linear depth, any unit. truth: (H, W). valid: (H, W) bool.

    Returns:
        (H, W) float64 in the unit of `truth`.
    """
    p, t = valid_pixels(prediction, truth, valid)
    factor = np.median(t / np.maximum(p, TINY))
    return np.maximum(np.asarray(prediction, np.float64), TINY) * factor


def fit_line(x: np.ndarray, y: np.ndarray, robust: bool = False) -> tuple[float, float]:
    """Factor a and shift b of the line y = a * x + b through points.

    Args:
        x, y: (N,) float64.
        robust: Smallest sum of |a * x + b - y| (iteratively reweighted least squares) instead of
            smallest sum of squares.

    Returns:
        a and b; a = 0 where all x are equal.
    """
    factor, shift = _weighted_line(x, y, np.ones_like(x))
    if not robust:
        return factor, shift
    floor = 1e-9 * max(float(np.ptp(y)), TINY)  # a point on the line would get infinite weight
    for _ in range(100):
        before = factor, shift
        deviation = np.abs(factor * x + shift - y)
        factor, shift = _weighted_line(x, y, 1 / np.maximum(deviation, floor))
        if np.allclose((factor, shift), before, rtol=1e-9, atol=0):
            break
    return factor, shift


def valid_pixels(
    prediction: np.ndarray, truth: np.ndarray, valid: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Prediction and truth at the valid pixels, (N,) float64 each.

    Raises:
        ValueError: if shapes differ, nothing is valid, or a valid truth is not positive.
    """
    if not (np.shape(prediction) == np.shape(truth) == np.shape(valid)):
        raise ValueError(
            f"prediction {np.shape(prediction)}, truth {np.shape(truth)} and mask "
            f"{np.shape(valid)} must have one shape"
        )
    valid = np.asarray(valid, bool)
    t = np.asarray(truth, np.float64)[valid]
    if not t.size:
        raise ValueError("no valid pixel to compare")
    if not (t > 0).all():
        raise ValueError("true depth must be positive where it is valid")
    return np.asarray(prediction, np.float64)[valid], t


def _weighted_line(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    x_mean, y_mean = np.average(x, weights=weight), np.average(y, weights=weight)
    centred = x - x_mean
    spread = weight @ centred**2
    # Of equal x only rounding is left, which would give any factor.
    flat = np.ptp(x) <= 1e-12 * np.abs(x).max()
    factor = 0.0 if flat else float(weight @ (centred * (y - y_mean)) / spread)
    return factor, float(y_mean - factor * x_mean)
