"""Depth metrics (paper, section 4.1). Pure functions, one picture at a time.

Letters: N valid pixels of one picture · p predicted, t true depth there. Every function takes
prediction and truth as arrays of one shape and a boolean mask of valid pixels, and returns one
number. Predictions have to be aligned first, see `depthart.align`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from depthart.align import TINY, valid_pixels
from depthart.align import align_scale as align_scale  # its name before there was `align`


def abs_rel(prediction: np.ndarray, truth: np.ndarray, valid: np.ndarray) -> float:
    """Mean of |p - t| / t over valid pixels; lower is better."""
    p, t = _pixels(prediction, truth, valid)
    return float(np.mean(np.abs(p - t) / t))


def delta1(prediction: np.ndarray, truth: np.ndarray, valid: np.ndarray) -> float:
    """Share of valid pixels with max(p / t, t / p) < 1.25; higher is better."""
    return _share_within(1.25, prediction, truth, valid)


def delta1_error(prediction: np.ndarray, truth: np.ndarray, valid: np.ndarray) -> float:
    """1 - delta1, what the paper's tables call "delta1 (lower is better)"."""
    return 1.0 - delta1(prediction, truth, valid)


def delta2(prediction: np.ndarray, truth: np.ndarray, valid: np.ndarray) -> float:
    """Share of valid pixels with max(p / t, t / p) < 1.25^2; higher is better."""
    return _share_within(1.25**2, prediction, truth, valid)


def delta3(prediction: np.ndarray, truth: np.ndarray, valid: np.ndarray) -> float:
    """Share of valid pixels with max(p / t, t / p) < 1.25^3; higher is better."""
    return _share_within(1.25**3, prediction, truth, valid)


def rmse(prediction: np.ndarray, truth: np.ndarray, valid: np.ndarray) -> float:
    """Root of the mean of (p - t)^2, in the unit of the truth; lower is better."""
    p, t = _pixels(prediction, truth, valid)
    return float(np.sqrt(np.mean((p - t) ** 2)))


def log10(prediction: np.ndarray, truth: np.ndarray, valid: np.ndarray) -> float:
    """Mean of |log10 p - log10 t|; lower is better."""
    p, t = _pixels(prediction, truth, valid)
    return float(np.mean(np.abs(np.log10(p) - np.log10(t))))


def silog(prediction: np.ndarray, truth: np.ndarray, valid: np.ndarray) -> float:
    """100 times the standard deviation of ln p - ln t, as KITTI reports it; lower is better."""
    p, t = _pixels(prediction, truth, valid)
    return float(100 * np.std(np.log(p) - np.log(t)))


METRICS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], float]] = {
    "abs_rel": abs_rel,
    "delta1_error": delta1_error,
    "delta1": delta1,
    "delta2": delta2,
    "delta3": delta3,
    "rmse": rmse,
    "log10": log10,
    "silog": silog,
}
HIGHER_IS_BETTER = frozenset({"delta1", "delta2", "delta3"})


def depth_metrics(prediction: np.ndarray, truth: np.ndarray, valid: np.ndarray) -> dict[str, float]:
    """All `METRICS` of one aligned prediction."""
    return {name: metric(prediction, truth, valid) for name, metric in METRICS.items()}


def _share_within(
    ratio: float, prediction: np.ndarray, truth: np.ndarray, valid: np.ndarray
) -> float:
    p, t = _pixels(prediction, truth, valid)
    return float(np.mean(np.maximum(p / t, t / p) < ratio))


def _pixels(
    prediction: np.ndarray, truth: np.ndarray, valid: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """As `valid_pixels`, predictions kept above zero."""
    p, t = valid_pixels(prediction, truth, valid)
    return np.maximum(p, TINY), t
