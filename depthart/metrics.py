"""Depth metrics and alignment (paper, section 4.1). Pure functions, one picture at a time.

Letters: N valid pixels of one picture. Every function takes prediction and truth as arrays of one
shape and a boolean mask of valid pixels, and returns one number.
"""

from __future__ import annotations

import numpy as np


def align_scale(prediction: np.ndarray, truth: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Multiply by median(truth / prediction), the L1-optimal factor in relative depth.

    Args:
        prediction: (H, W) linear depth, any unit. truth: (H, W). valid: (H, W) bool.

    Returns:
        (H, W) float64 in the unit of `truth`.
    """
    p, t = _pixels(prediction, truth, valid)
    return np.maximum(np.asarray(prediction, np.float64), _TINY) * np.median(t / p)


def abs_rel(prediction: np.ndarray, truth: np.ndarray, valid: np.ndarray) -> float:
    """Mean of |p - t| / t over valid pixels; lower is better."""
    p, t = _pixels(prediction, truth, valid)
    return float(np.mean(np.abs(p - t) / t))


def delta1(prediction: np.ndarray, truth: np.ndarray, valid: np.ndarray) -> float:
    """Share of valid pixels with max(p / t, t / p) < 1.25; higher is better."""
    p, t = _pixels(prediction, truth, valid)
    return float(np.mean(np.maximum(p / t, t / p) < 1.25))


def delta1_error(prediction: np.ndarray, truth: np.ndarray, valid: np.ndarray) -> float:
    """1 - delta1, what the paper's tables call "delta1 (lower is better)"."""
    return 1.0 - delta1(prediction, truth, valid)


_TINY = 1e-6


def _pixels(
    prediction: np.ndarray, truth: np.ndarray, valid: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Valid pixels as float64, predictions kept above zero.

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
    return np.maximum(np.asarray(prediction, np.float64)[valid], _TINY), t
