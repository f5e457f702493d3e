"""Unit shapes as triangles: boxes, ellipsoids and frusta that a scene stretches and turns.

- BOX: |x|, |y|, |z| <= 1.
- ELLIPSOID: unit sphere; only its part with z <= shape[0] is there (a bowl, seen from inside too).
- FRUSTUM: axis z from -1 to 1, radius shape[0] at the bottom and shape[1] at the top (both <= 1);
  shape[2] > 0 leaves the top open (cups, bins, lamp shades).
- MESH: any other `Mesh`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from train.render.mesh import Mesh, flat_normals, grid_faces, main_face

BOX, ELLIPSOID, FRUSTUM, MESH = range(4)
SEGMENTS = 40  # around the axis of round shapes
# a polygon with its corners on a circle lies inside of it; this gives it the circle's area
_GROWN = float(np.sinc(2 / SEGMENTS) ** -0.5)


@lru_cache(maxsize=1)
def unit_box() -> Mesh:
    """Twelve triangles."""
    vertices = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)
    quads = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4],
                      [1, 5, 7, 3]], np.int32)  # fmt: skip
    faces = quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
    normals = np.repeat(flat_normals(vertices[faces])[:, None], 3, axis=1)
    return Mesh(vertices, faces, normals, main_face(normals))


def _ring() -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine of a full turn in SEGMENTS steps."""
    turn = np.arange(SEGMENTS) / SEGMENTS * 2 * np.pi
    return np.cos(turn), np.sin(turn)


@lru_cache(maxsize=64)
def unit_ball(clip: float) -> Mesh:
    """A sphere up to z = clip."""
    x, y = _ring()
    top = np.arcsin(np.clip(clip, -1, 1))
    rise = np.linspace(-np.pi / 2, top, max(6, round(SEGMENTS / 2 * (top / np.pi + 0.5))))
    flat, z = np.cos(rise)[:, None], np.sin(rise)[:, None]
    points = np.stack([flat * x, flat * y, z + 0 * x], -1).reshape(-1, 3).astype(np.float32)
    faces = grid_faces(len(rise), SEGMENTS, wrap=True)
    return Mesh(points * _GROWN, faces, points[faces], np.full(len(faces), 6, np.uint8))


@lru_cache(maxsize=512)
def unit_cone(bottom: float, top: float, open_top: bool) -> Mesh:
    """A frustum with its caps."""
    ring = np.stack(_ring(), -1)
    rings = [np.c_[ring * r * _GROWN, np.full(SEGMENTS, z)] for r, z in ((bottom, -1), (top, 1))]
    vertices = np.concatenate([*rings, [[0, 0, -1], [0, 0, 1]]])
    slope = (bottom - top) / 2
    out = np.tile(np.c_[ring, np.full(SEGMENTS, slope)], (2, 1)) / np.hypot(1, slope)
    sides = grid_faces(2, SEGMENTS, wrap=True)
    faces, normals, face = [sides], [out[sides]], [np.full(len(sides), 6)]
    at = np.arange(SEGMENTS)
    after = (at + 1) % SEGMENTS
    for r, z, number in ((bottom, -1, 4), (top, 1, 5)):
        if r <= 0 or (z > 0 and open_top):
            continue
        middle = np.full(SEGMENTS, 2 * SEGMENTS + (z > 0))
        rim = at + SEGMENTS * (z > 0), after + SEGMENTS * (z > 0)
        faces.append(np.stack([middle, *(rim if z > 0 else rim[::-1])], 1))
        normals.append(np.broadcast_to([0.0, 0, z], (SEGMENTS, 3, 3)))
        face.append(np.full(SEGMENTS, number))
    return Mesh(
        vertices.astype(np.float32),
        np.concatenate(faces).astype(np.int32),
        np.concatenate(normals).astype(np.float32),
        np.concatenate(face).astype(np.uint8),
    )


def unit_mesh(kind: int, shape: tuple[float, float, float]) -> Mesh:
    """Triangles of a unit shape of kind BOX, ELLIPSOID or FRUSTUM."""
    if kind == BOX:
        return unit_box()
    if kind == ELLIPSOID:
        return unit_ball(round(min(shape[0], 1.0), 3))
    return unit_cone(round(shape[0], 3), round(shape[1], 3), shape[2] > 0)
