"""Coloured points from a prediction, on a regular grid of the photo's pixels.

Letters: H, W photo size · h, w grid size · N points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from depthart.geometry import edge_mask

if TYPE_CHECKING:
    from depthart.prediction import Prediction

# Depth is predicted at about this size; larger maps are enlargements whose steps are blurred.
MODEL_SIDE = 256
_EDGE_SIDE = 512


@dataclass(frozen=True, eq=False)
class PointCloud:
    """Coloured points, OpenCV axes (x right, y down, z forward), in the unit of the prediction.

    Attributes:
        xyz: (N, 3) float32.
        rgb: (N, 3) uint8 sRGB.
    """

    xyz: np.ndarray
    rgb: np.ndarray

    def __len__(self) -> int:
        return len(self.xyz)


@dataclass(frozen=True, eq=False)
class PixelGrid:
    """A prediction looked at through h x w of its pixels.

    Attributes:
        rows: (h,) pixel rows. columns: (w,) pixel columns.
        xyz: (h, w, 3) float32 points, OpenCV axes.
        rgb: (h, w, 3) uint8 sRGB, mean of the pixels around.
        keep: (h, w) bool, False where there is no depth or, if wished, on flying pixels.
    """

    rows: np.ndarray
    columns: np.ndarray
    xyz: np.ndarray
    rgb: np.ndarray
    keep: np.ndarray


def pixel_grid(
    prediction: Prediction,
    height: int,
    width: int,
    remove_edges: bool = True,
    rtol: float = 0.04,
    max_depth: float | None = None,
) -> PixelGrid:
    """Points of height x width evenly spread pixels.

    Args:
        prediction: With depth (H, W).
        height, width: Of the grid, at most H and W.
        remove_edges: Drop flying pixels (`geometry.edge_mask`).
        rtol: Relative depth step of an edge.
        max_depth: Drop points farther than this, in the prediction's unit.
    """
    photo = prediction.photo
    rows, columns = _centres(height, photo.height), _centres(width, photo.width)
    depth = prediction.z_depth(rows, columns)
    xyz = prediction.intrinsics.rays(rows, columns) * depth[:, :, None]
    keep = depth > 0
    if max_depth is not None:
        keep &= depth <= max_depth
    if remove_edges:
        keep &= ~_edges(prediction, rtol, rows, columns)
    rgb = photo.rgb
    if (height, width) != rgb.shape[:2]:
        small = Image.fromarray(rgb).resize((width, height), Image.Resampling.BOX, reducing_gap=2)
        rgb = np.asarray(small)
    return PixelGrid(rows, columns, xyz, rgb, keep)


def point_cloud(
    prediction: Prediction,
    max_points: int | None = None,
    remove_edges: bool = True,
    rtol: float = 0.04,
    max_depth: float | None = None,
) -> PointCloud:
    """Coloured points of the photo's pixels; see `pixel_grid`.

    Args:
        max_points: Upper limit, met by a coarser grid; all pixels by default.
    """
    height, width = prediction.photo.height, prediction.photo.width
    if max_points is not None:
        if max_points < 1:
            raise ValueError(f"max_points must be at least 1, got {max_points}.")
        height, width = grid_size(height, width, max_points)
    grid = pixel_grid(prediction, height, width, remove_edges, rtol, max_depth)
    return PointCloud(grid.xyz[grid.keep], grid.rgb[grid.keep])


def grid_size(height: int, width: int, max_points: int) -> tuple[int, int]:
    """Largest grid of the same shape with at most max_points points."""
    shrink = min(1.0, math.sqrt(max_points / (height * width)))
    rows = min(max(1, int(height * shrink)), max_points)
    return rows, max(1, min(int(width * shrink), max_points // rows))


def _centres(count: int, total: int) -> np.ndarray:
    """Pixels under the centres of `count` equal parts of `total` pixels."""
    return ((np.arange(count) + 0.5) * (total / count)).astype(np.int64)


def _edges(
    prediction: Prediction, rtol: float, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """Flying pixels (h, w) bool, found at a size where a step still is a step, then looked up."""
    height, width = prediction.photo.height, prediction.photo.width
    shrink = min(1.0, _EDGE_SIDE / max(height, width))
    size = max(1, round(height * shrink)), max(1, round(width * shrink))
    coarse = prediction.z_depth(_centres(size[0], height), _centres(size[1], width))
    reach = max(1, round(max(size) / MODEL_SIDE))
    mask = edge_mask(coarse, rtol, reach)
    return mask[np.ix_(rows * size[0] // height, columns * size[1] // width)]
