"""The plane probe: how flat a wall or floor is after each scale, and for each compared model.

What the paper's pe-fla and pe-ori measure (section 4.1), on a rectangle of the visitor's choice.
Plain functions, no Gradio. Letters: h, w preview size · N points.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from depthart.app import compare
from depthart.app.compare import TRUTH, Reference
from depthart.app.state import Session
from depthart.geometry import Intrinsics, Plane, fit_plane
from depthart.plane_metrics import angle_between
from depthart.prediction import LINEAR_KINDS

Box = tuple[float, float, float, float]  # left, top, right, bottom in shares of the picture

DEFAULT_BOX: Box = (0.35, 0.72, 0.65, 0.92)  # mostly floor or table top
MIN_SIDE = 0.02  # of a rectangle, as a share of the picture
_POINTS = 60  # rows and columns looked at, at most
_RING = 0.5  # radius of the ring on the plane, as a share of the rectangle's shorter side


@dataclass(frozen=True)
class Fit:
    """The plane fitted to one depth map inside the rectangle.

    Attributes:
        name: A model's name, `TRUTH`, or "Scale 3".
        unevenness: Standard deviation of the points' distances to the plane, as a share of their
            median depth, so that the unknown factor does not matter; 0 is perfectly flat.
        plane: Fitted to points of median depth 1, OpenCV axes.
        turned_deg: Angle between its normal and that of the reference, 0 to 90.
    """

    name: str
    unevenness: float
    plane: Plane
    turned_deg: float = 0.0


@dataclass(frozen=True)
class Probe:
    """What the rectangle shows. None stands for a map that has no plane there.

    Attributes:
        box: The rectangle.
        against: What the normals are compared with: `TRUTH` or "Scale 10".
        reference: The plane of that.
        scales: One per scale, coarse to fine.
        models: One per compared model, the chosen one included.
        median_m: Median depth in metres, where it is known.
    """

    box: Box
    against: str
    reference: Fit | None
    scales: list[Fit | None]
    models: dict[str, Fit | None]
    median_m: float | None


def probe(session: Session, names: Iterable[str] = (), box: Box | None = None) -> Probe:
    """Fit planes to all that is known of the rectangle.

    Args:
        names: Models chosen for comparison; those that have answered are probed.
        box: The rectangle, by default the session's, else one low in the middle.
    """
    box = tidy(box or session.box or DEFAULT_BOX)
    reference, shown = compare.compared(session, names)
    scales = [
        _fit(session, box, _scale_depth(session, scale, reference), f"Scale {scale + 1}")
        for scale in range(len(session.steps))
    ]
    models = {name: _fit(session, box, row.depth, name) for name, row in shown.items()}
    base = scales[-1]
    if reference.name == TRUTH:
        base = _fit(session, box, np.where(reference.valid, reference.depth, 0), TRUTH) or base

    def turned(fit: Fit | None) -> Fit | None:
        if fit is None or base is None:
            return fit
        return replace(fit, turned_deg=angle_between(fit.plane.normal, base.plane.normal))

    median_m = None
    if reference.metric:
        rows, columns = _pixels(session, box)
        inside = np.where(reference.valid, reference.depth, np.nan)[np.ix_(rows, columns)]
        median_m = float(np.nanmedian(inside)) if np.isfinite(inside).any() else None
    return Probe(
        box,
        base.name if base else scales[-1].name if scales[-1] else "",
        base,
        [turned(fit) for fit in scales],
        {name: turned(fit) for name, fit in models.items()},
        median_m,
    )


def tidy(box: Iterable[float]) -> Box:
    """A rectangle inside the picture, corners in order, not too small.

    Raises:
        ValueError: Not four finite numbers.
    """
    values = [float(value) for value in box]
    if len(values) != 4 or not all(map(math.isfinite, values)):
        raise ValueError(f"a rectangle is left, top, right and bottom, got {values}.")
    sides = []
    for a, b in ((values[0], values[2]), (values[1], values[3])):
        low, high = sorted((min(max(a, 0.0), 1.0), min(max(b, 0.0), 1.0)))
        if high - low < MIN_SIDE:
            low = min(max((low + high - MIN_SIDE) / 2, 0.0), 1 - MIN_SIDE)
            high = low + MIN_SIDE
        sides.append((low, high))
    (left, right), (top, bottom) = sides
    return left, top, right, bottom


def ring(session: Session, box: Box, fit: Fit) -> dict[str, list]:
    """A ring lying on the plane and its normal, as they appear in the photo, for drawing.

    Returns:
        "ring": points [x, y] around; "base" and "tip" [x, y] of the normal. Shares of the picture;
        empty if some of it lies behind the camera.
    """
    camera, plane = _camera(session), fit.plane
    width, height = camera.width, camera.height
    u, v = (box[0] + box[2]) / 2 * width, (box[1] + box[3]) / 2 * height
    ray = np.array([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, 1.0])
    facing = float(plane.normal @ ray)
    if facing > -1e-6:
        return {}
    base = ray * (plane.offset / facing)
    shorter = min((box[2] - box[0]) * width, (box[3] - box[1]) * height)
    radius = _RING * shorter / camera.fx * base[2]
    across = np.cross(plane.normal, [0.0, 0.0, 1.0])
    if np.linalg.norm(across) < 1e-6:
        across = np.array([1.0, 0.0, 0.0])
    across /= np.linalg.norm(across)
    along = np.cross(plane.normal, across)
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)[:, None]
    points = base + radius * (np.cos(turn) * across + np.sin(turn) * along)
    tip = base + 1.6 * radius * plane.normal
    points = np.vstack([points, base, tip])
    if points[:, 2].min() < 1e-3:
        return {}
    x = (points[:, 0] / points[:, 2] * camera.fx + camera.cx) / width
    y = (points[:, 1] / points[:, 2] * camera.fy + camera.cy) / height
    *around, base_xy, tip_xy = np.stack([x, y], axis=1).round(4).tolist()
    return {"ring": around, "base": base_xy, "tip": tip_xy}


def _fit(session: Session, box: Box, depth: np.ndarray, name: str) -> Fit | None:
    """depth: (h, w), 0 where unknown."""
    rows, columns = _pixels(session, box)
    inside = depth[np.ix_(rows, columns)].astype(np.float64)
    known = inside > 0
    if known.sum() < 3:
        return None
    points = (_camera(session).rays(rows, columns) * inside[:, :, None])[known]
    try:
        plane = fit_plane(points / np.median(inside[known]))
    except ValueError:  # all on one line
        return None
    return Fit(name, plane.flatness, plane)


def _scale_depth(session: Session, scale: int, reference: Reference) -> np.ndarray:
    """(h, w) after a scale, linear up to a factor, which does not matter here."""
    if session.kind in LINEAR_KINDS:
        return session.preview_depth(scale)
    step = session.steps[scale]
    result = compare.Result(f"scale {scale}", session.kind, step.model_depth, 0.0, scale + 1)
    return compare.aligned(session, result, reference).depth


def _pixels(session: Session, box: Box) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the preview, evenly spread inside the rectangle."""
    width, height = session.preview.width, session.preview.height

    def spread(low: float, high: float, size: int) -> np.ndarray:
        first = min(int(low * size), size - 2)
        last = max(min(int(high * size), size - 1), first + 1)
        return np.unique(np.linspace(first, last, _POINTS).round().astype(int))

    return spread(box[1], box[3], height), spread(box[0], box[2], width)


def _camera(session: Session) -> Intrinsics:
    return Intrinsics.of_photo(session.preview, session.fov_deg)
