"""Pinhole camera geometry on depth maps.

Axes are OpenCV's: x right, y down, z forward. A pixel's centre lies at +0.5, so the picture spans
[0, width] x [0, height]. Depth is z, not the distance to the camera. Lengths carry the unit of the
depth.

Letters: H, W height and width · N points · (u, v) pixel position, right and down.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from depthart.images import Photo

DEFAULT_FOV_DEG = 55.0
FILM_DIAGONAL_MM = math.hypot(36, 24)


@dataclass(frozen=True)
class Intrinsics:
    """A pinhole camera: u = fx * x / z + cx, v = fy * y / z + cy.

    Attributes:
        fx, fy: Focal lengths in pixels.
        cx, cy: Principal point in pixels.
        width, height: Picture size in pixels.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int

    def __post_init__(self) -> None:
        if not (self.fx > 0 and self.fy > 0 and math.isfinite(self.fx) and math.isfinite(self.fy)):
            raise ValueError(f"focal lengths must be positive, got fx = {self.fx}, fy = {self.fy}.")
        if self.width < 1 or self.height < 1:
            raise ValueError(f"a picture has at least one pixel, got {self.width} x {self.height}.")

    @classmethod
    def from_fov(cls, width: int, height: int, fov_deg: float = DEFAULT_FOV_DEG) -> Intrinsics:
        """Camera with square pixels, a centred axis and this horizontal field of view."""
        if not 1 <= fov_deg <= 170:
            raise ValueError(
                f"the field of view must lie between 1 and 170 degrees, got {fov_deg}."
            )
        focal = 0.5 * width / math.tan(math.radians(fov_deg) / 2)
        return cls(focal, focal, width / 2, height / 2, width, height)

    @classmethod
    def from_focal_35mm(cls, width: int, height: int, focal_35mm: float) -> Intrinsics:
        """Camera with a focal length in mm as on 35 mm film (36 x 24 mm, equal diagonals)."""
        if not focal_35mm > 0:
            raise ValueError(f"the focal length must be positive, got {focal_35mm} mm.")
        focal = focal_35mm * math.hypot(width, height) / FILM_DIAGONAL_MM
        return cls(focal, focal, width / 2, height / 2, width, height)

    @classmethod
    def of_photo(cls, photo: Photo, fov_deg: float | None = None) -> Intrinsics:
        """The camera of a photo: the given horizontal field of view, else EXIF, else 55 degrees."""
        if fov_deg is None and photo.focal_35mm is not None:
            return cls.from_focal_35mm(photo.width, photo.height, photo.focal_35mm)
        return cls.from_fov(
            photo.width, photo.height, DEFAULT_FOV_DEG if fov_deg is None else fov_deg
        )

    @property
    def fov_deg(self) -> float:
        """Horizontal field of view in degrees."""
        return math.degrees(
            math.atan2(self.cx, self.fx) + math.atan2(self.width - self.cx, self.fx)
        )

    def scaled(self, width: int, height: int) -> Intrinsics:
        """The same camera for the picture resized to width x height."""
        x, y = width / self.width, height / self.height
        return Intrinsics(self.fx * x, self.fy * y, self.cx * x, self.cy * y, width, height)

    def matrix(self) -> np.ndarray:
        """(3, 3) float64 camera matrix K."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], dtype=np.float64)

    def rays(self, rows: np.ndarray | None = None, columns: np.ndarray | None = None) -> np.ndarray:
        """Viewing rays with z = 1 through pixel centres.

        Args:
            rows: (H,) pixel rows; all of them by default.
            columns: (W,) pixel columns; all of them by default.

        Returns:
            (H, W, 3) float32.
        """
        rows = np.arange(self.height) if rows is None else rows
        columns = np.arange(self.width) if columns is None else columns
        rays = np.empty((len(rows), len(columns), 3), np.float32)
        rays[:, :, 0] = ((columns + 0.5 - self.cx) / self.fx)[None, :]
        rays[:, :, 1] = ((rows + 0.5 - self.cy) / self.fy)[:, None]
        rays[:, :, 2] = 1
        return rays


def unproject(depth: np.ndarray, intrinsics: Intrinsics) -> np.ndarray:
    """Points seen by the pixels. depth: (H, W) z-depth -> (H, W, 3) float32, OpenCV axes."""
    _check_depth(depth, intrinsics)
    return intrinsics.rays() * np.asarray(depth, np.float32)[:, :, None]


def distance_to_depth(distance: np.ndarray, intrinsics: Intrinsics) -> np.ndarray:
    """z-depth from distances to the camera centre, as Hypersim stores them (apple/ml-hypersim#9).

    Args:
        distance: (H, W) lengths of the viewing rays.

    Returns:
        (H, W) float32: distance * f / sqrt((u - cx)^2 + (v - cy)^2 + f^2).
    """
    _check_depth(distance, intrinsics)
    return (distance / np.linalg.norm(intrinsics.rays(), axis=2)).astype(np.float32)


def normals_from_depth(depth: np.ndarray, intrinsics: Intrinsics) -> np.ndarray:
    """Unit surface normals, facing the camera, from central differences of the points.

    Args:
        depth: (H, W) z-depth, both sides at least 2 pixels.

    Returns:
        (H, W, 3) float32 with normal . point <= 0; zeros where the surface is degenerate.
    """
    points = unproject(depth, intrinsics).astype(np.float64)
    down, right = np.gradient(points, axis=(0, 1))
    normals = np.cross(down, right)
    length = np.linalg.norm(normals, axis=2, keepdims=True)
    normals = np.divide(normals, length, out=np.zeros_like(normals), where=length > 0)
    away = (normals * points).sum(2) > 0
    normals[away] *= -1
    return normals.astype(np.float32)


def edge_mask(depth: np.ndarray, rtol: float = 0.04, reach: int = 1) -> np.ndarray:
    """Flying pixels: those on a depth step, where depth is a mixture of two surfaces.

    A step is a run of `reach + 1` pixels along a row or a column whose depths differ by more than
    rtol times the smallest; all pixels of the run are marked, on both sides of the step.

    Args:
        depth: (H, W) z-depth >= 0.
        rtol: Relative step; 0.04 as in MoGe.
        reach: Width of a step in pixels. A map enlarged r times has its steps spread over r pixels.

    Returns:
        (H, W) bool, True on flying pixels.
    """
    if rtol <= 0:
        raise ValueError(f"rtol must be positive, got {rtol}.")
    depth = np.asarray(depth, np.float32)
    mask = np.zeros(depth.shape, bool)
    for values, marks in ((depth, mask), (depth.T, mask.T)):  # marks are views: both write to mask
        run = len(values) - reach
        if run < 1:
            continue
        low = values[:run].copy()
        high = values[:run].copy()
        for shift in range(1, reach + 1):
            np.minimum(low, values[shift : run + shift], out=low)
            np.maximum(high, values[shift : run + shift], out=high)
        step = high - low > rtol * low
        for shift in range(reach + 1):
            marks[shift : run + shift] |= step
    return mask


@dataclass(frozen=True)
class Plane:
    """The plane of points p with normal . p = offset.

    Attributes:
        normal: (3,) float64 unit vector, turned towards the origin (the camera), so offset <= 0.
        offset: Signed distance of the plane from the origin along the normal.
        flatness: Standard deviation of the points' distances to the plane; 0 is perfectly flat.
    """

    normal: np.ndarray
    offset: float
    flatness: float

    def distances(self, points: np.ndarray) -> np.ndarray:
        """Signed distances of (N, 3) points to the plane, positive on the camera's side."""
        return points @ self.normal - self.offset


def fit_plane(points: np.ndarray, robust: bool = False, seed: int = 0) -> Plane:
    """Best plane through points by total least squares (smallest squared distances to the plane).

    Args:
        points: (N, 3), N >= 3.
        robust: Start from the plane through three points with the least median distance (of 200
            draws) and fit only points within 2.5 robust standard deviations; bears just under half
            outliers.
        seed: Of the draws.

    Raises:
        ValueError: Wrong shape, not finite, or all points on one line.
    """
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or len(points) < 3:
        raise ValueError(f"a plane needs points of shape (N, 3) with N >= 3, got {points.shape}.")
    if not np.isfinite(points).all():
        raise ValueError("the points hold NaN or infinite values.")
    if not robust:
        return _least_squares_plane(points)
    plane = _least_median_plane(points, np.random.default_rng(seed))
    for _ in range(5):
        distances = np.abs(plane.distances(points))
        # 1.4826 turns a median absolute deviation into a standard deviation (normal distribution).
        limit = max(2.5 * 1.4826 * np.median(distances), 1e-9 * np.abs(points).max())
        plane = _least_squares_plane(points[distances <= limit])
    return plane


def to_y_up(points: np.ndarray) -> np.ndarray:
    """OpenCV axes to glTF's, (..., 3) -> (..., 3): y up, the camera looks along -z."""
    return points * np.array([1, -1, -1], points.dtype)


def _least_squares_plane(points: np.ndarray) -> Plane:
    centre = points.mean(0)
    spread, axes = np.linalg.eigh(np.cov((points - centre).T, bias=True))  # ascending
    if spread[1] <= 1e-12 * max(spread[2], 1e-300):
        raise ValueError("all points lie on one line; they fix no plane.")
    return _plane_through(centre, axes[:, 0], float(np.sqrt(max(spread[0], 0))))


def _least_median_plane(points: np.ndarray, rng: np.random.Generator) -> Plane:
    sample = points if len(points) <= 2000 else points[rng.choice(len(points), 2000, replace=False)]
    best, best_median = _least_squares_plane(points), math.inf
    for _ in range(200):
        a, b, c = sample[rng.choice(len(sample), 3, replace=False)]
        normal = np.cross(b - a, c - a)
        length = np.linalg.norm(normal)
        if length <= 1e-12 * max(np.linalg.norm(b - a) * np.linalg.norm(c - a), 1e-300):
            continue
        candidate = _plane_through(a, normal / length, 0.0)
        median = float(np.median(np.abs(candidate.distances(sample))))
        if median < best_median:
            best, best_median = candidate, median
    return best


def _plane_through(point: np.ndarray, normal: np.ndarray, flatness: float) -> Plane:
    offset = float(point @ normal)
    if offset > 0:
        normal, offset = -normal, -offset
    return Plane(normal, offset, flatness)


def _check_depth(depth: np.ndarray, intrinsics: Intrinsics) -> None:
    if depth.shape != (intrinsics.height, intrinsics.width):
        raise ValueError(
            f"the depth map has shape {depth.shape}, the camera {intrinsics.height} x"
            f" {intrinsics.width}; use intrinsics.scaled(width, height)."
        )
