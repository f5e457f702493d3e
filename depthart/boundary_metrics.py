"""Depth boundary errors of iBims-1: are depth edges where they should be, and are all there?

Koch et al., "Evaluation of CNN-based Single-Image Depth Estimation Methods" (2018). Edges of the
prediction come from a Canny filter; both errors are distances in pixels, truncated at 10.

Letters: H, W height and width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

MAX_DISTANCE = 10.0  # pixels
LOW, HIGH = 0.15, 0.3  # Canny's thresholds on the Sobel magnitude of a map with range 0 to 1
SIGMA = math.sqrt(2)  # of the Gaussian before it


@dataclass(frozen=True)
class BoundaryError:
    """In pixels; lower is better.

    Attributes:
        accuracy: Mean distance from predicted edges to the nearest true edge, over those
            nearer than 10 pixels to one: are the edges in the right place?
        completeness: Mean distance of predicted edges to true ones and of true ones to predicted
            ones, each cut off at 10 pixels: missing and invented edges both count.
    """

    accuracy: float
    completeness: float


def boundary_error(predicted_edges: np.ndarray, true_edges: np.ndarray) -> BoundaryError | None:
    """Truncated chamfer distances between two edge maps.

    Both errors are 10 if no predicted edge is near a true one.

    Args:
        predicted_edges, true_edges: (H, W) bool, see `depth_edges`.

    Returns:
        None if there is no true edge.
    """
    if np.shape(predicted_edges) != np.shape(true_edges):
        raise ValueError(
            f"predicted edges {np.shape(predicted_edges)} and true edges {np.shape(true_edges)} "
            "must have one shape"
        )
    predicted, true = np.asarray(predicted_edges, bool), np.asarray(true_edges, bool)
    if not true.any():
        return None
    to_true = _distance_to(true)[predicted]
    near = to_true[to_true < MAX_DISTANCE]
    if not near.size:
        return BoundaryError(MAX_DISTANCE, MAX_DISTANCE)
    both_ways = np.concatenate([to_true, _distance_to(predicted)[true]])
    return BoundaryError(float(near.mean()), float(np.minimum(both_ways, MAX_DISTANCE).mean()))


def depth_edges(
    depth: np.ndarray, valid: np.ndarray | None = None, low: float = LOW, high: float = HIGH
) -> np.ndarray:
    """Depth discontinuities found by a Canny filter after scaling the map's range to 0 to 1.

    Args:
        depth: (H, W), finite where valid; factor and offset do not matter.
        valid: (H, W) bool; holes are filled with the nearest valid depth, and no edge is marked in
            them or as near to them as the filter reaches.
        low, high: Canny's thresholds on the magnitude of the (unnormalised) Sobel gradient.

    Returns:
        (H, W) bool, one pixel thin; all False where the depth is constant.
    """
    import cv2

    depth = np.asarray(depth, np.float32)
    holes = None if valid is None or np.all(valid) else ~np.asarray(valid, bool)
    if holes is not None:
        if holes.all():
            return np.zeros(depth.shape, bool)
        depth = _fill_nearest(depth, holes)
    nearest, farthest = float(depth.min()), float(depth.max())
    if not farthest > nearest:
        return np.zeros(depth.shape, bool)
    reach = math.ceil(4 * SIGMA)  # of the Gaussian
    side = 2 * reach + 1
    smooth = cv2.GaussianBlur(
        (depth - nearest) / (farthest - nearest), (side, side), SIGMA, borderType=cv2.BORDER_REFLECT
    )
    # OpenCV's Canny takes gradients as 16-bit integers; Sobel's reach 4 for a map from 0 to 1.
    unit = 8000
    gradients = [
        np.round(unit * cv2.Sobel(smooth, cv2.CV_32F, *order, borderType=cv2.BORDER_REFLECT))
        for order in ((1, 0), (0, 1))
    ]
    across, down = (gradient.astype(np.int16) for gradient in gradients)
    edges = cv2.Canny(across, down, unit * low, unit * high, L2gradient=True) > 0
    if holes is not None:
        edges &= _distance_to(holes) > reach + 1
    return edges


def _distance_to(marked: np.ndarray) -> np.ndarray:
    """(H, W) bool -> (H, W) float32 distance to the nearest marked pixel; infinite if none is."""
    import cv2

    if not marked.any():
        return np.full(marked.shape, np.inf, np.float32)
    return cv2.distanceTransform((~marked).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def _fill_nearest(depth: np.ndarray, holes: np.ndarray) -> np.ndarray:
    import cv2

    labels = cv2.distanceTransformWithLabels(
        holes.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )[1]
    values = np.zeros(labels.max() + 1, np.float32)
    values[labels[~holes]] = depth[~holes]
    return values[labels]
