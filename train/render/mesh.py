"""Triangle meshes: what every shape of a scene is made of.

Legend: V vertices, F triangles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CREASE_DEG = 40.0  # sharper edges stay edges when normals are averaged


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles in a local frame.

    Attributes:
        vertices: (V, 3) float32 positions.
        faces: (F, 3) int32, counter-clockwise seen from outside.
        normals: (F, 3, 3) unit normals at the corners.
        face: (F,) uint8, which way a triangle's surface coordinates run: 0..5 for planes square to
            -x, +x, -y, +y, -z, +z; 6 for what goes round the z axis.
        extra: (F, 3, 3) at the corners: texture coordinates (u, v, 0) with v downwards, or linear
            RGB, as the material asks; None where the surface coordinates do.
    """

    vertices: np.ndarray
    faces: np.ndarray
    normals: np.ndarray
    face: np.ndarray
    extra: np.ndarray | None = None


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(..., 3) cross products; much faster than `np.cross`."""
    ax, ay, az = np.moveaxis(a, -1, 0)
    bx, by, bz = np.moveaxis(b, -1, 0)
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], -1)


def _areas(corners: np.ndarray) -> np.ndarray:
    """(F, 3) normals of triangles (F, 3, 3), as long as twice their area."""
    return cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def _unit(x: np.ndarray) -> np.ndarray:
    """Vectors (N, 3) of length 1; those of length 0 stay."""
    return x / np.maximum(np.sqrt(np.einsum("nx,nx->n", x, x)), 1e-20)[:, None]


def flat_normals(corners: np.ndarray) -> np.ndarray:
    """(F, 3) unit normals of triangles (F, 3, 3); zero for those without area."""
    return _unit(_areas(corners))


def smooth_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(F, 3, 3) corner normals, averaged over the faces around a position except across creases.

    Args:
        vertices: (V, 3); those at one position count as one, so that texture seams do not show.
        faces: (F, 3) indices.
    """
    area = _areas(vertices[faces])
    flat = _unit(area)
    place = np.round(vertices * 1e5).astype(np.int64)
    _, merged = np.unique(place @ np.array([1, 73856093, 19349669 << 20]), return_inverse=True)
    at = merged[faces]
    total = np.stack([np.bincount(at.ravel(), np.repeat(area[:, k], 3)) for k in range(3)], 1)
    normals = _unit(total)[at]
    sharp = np.einsum("fcx,fx->fc", normals, flat) < np.cos(np.radians(CREASE_DEG))
    return np.where(sharp[..., None], flat[:, None], normals).astype(np.float32)


def main_face(normals: np.ndarray) -> np.ndarray:
    """(F,) uint8 face 0..5 that the mean corner normal (F, 3, 3) points at."""
    n = normals.mean(1)
    axis = np.abs(n).argmax(1)
    return (axis * 2 + (n[np.arange(len(n)), axis] > 0)).astype(np.uint8)


def mesh_of(
    vertices: np.ndarray,
    faces: np.ndarray,
    extra: np.ndarray | None = None,
    around: bool = False,
) -> Mesh:
    """Mesh of indexed triangles with smooth normals.

    Args:
        vertices: (V, 3).
        faces: (F, 3), counter-clockwise seen from outside.
        extra: (V, 2) texture coordinates or (V, 3) linear RGB, or None.
        around: surface coordinates go round the z axis.
    """
    vertices = np.asarray(vertices, dtype=np.float32)
    normals = smooth_normals(vertices, faces)
    face = np.full(len(faces), 6, np.uint8) if around else main_face(normals)
    if extra is not None:
        extra = np.asarray(extra, dtype=np.float32)[faces]
        if extra.shape[2] == 2:
            extra = np.concatenate([extra, np.zeros_like(extra[..., :1])], axis=2)
    return Mesh(vertices, np.asarray(faces, dtype=np.int32), normals, face, extra)


def grid_faces(rows: int, columns: int, wrap: bool = False) -> np.ndarray:
    """(F, 3) triangles of a grid of rows x columns vertices in row order.

    Counter-clockwise where columns run to the right and rows upwards. `wrap` joins the last column
    with the first.
    """
    r, c = np.meshgrid(np.arange(rows - 1), np.arange(columns - (not wrap)), indexing="ij")
    r, c = r.ravel(), c.ravel()
    a, b = r * columns + c, r * columns + (c + 1) % columns
    d, e = a + columns, b + columns
    return np.concatenate([np.stack([a, b, e], 1), np.stack([a, e, d], 1)])
