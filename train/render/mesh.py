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


def flat_normals(corners: np.ndarray) -> np.ndarray:
    """(F, 3) unit normals of triangles (F, 3, 3); zero for those without area."""
    n = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return n / np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-20)


def smooth_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(F, 3, 3) corner normals, averaged over the faces around a position except across creases.

    Args:
        vertices: (V, 3); those at one position count as one, so that texture seams do not show.
        faces: (F, 3) indices.
    """
    corners = vertices[faces]
    flat = flat_normals(corners)
    area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    _, merged = np.unique(np.round(vertices, 5), axis=0, return_inverse=True)
    at = merged.reshape(-1)[faces]
    total = np.zeros((at.max() + 1, 3))
    for corner in range(3):
        for axis in range(3):
            total[:, axis] += np.bincount(at[:, corner], area[:, axis], len(total))
    total /= np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-20)
    normals = total[at]
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
