"""Meshes of curved things: turned profiles, swept tubes, superquadrics, cloth."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from train.render.mesh import Mesh, cross, grid_faces, mesh_of


def spline(points: Sequence[Sequence[float]], count: int) -> np.ndarray:
    """(count, D) points on a smooth curve (Catmull-Rom) through `points` (N, D), N >= 2."""
    p = np.asarray(points, dtype=float)
    p = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    t = np.linspace(0, len(p) - 3 - 1e-9, count)
    k = t.astype(int)
    f = (t - k)[:, None]
    a, b, c, d = p[k], p[k + 1], p[k + 2], p[k + 3]
    return 0.5 * (2 * b + (c - a) * f + (2 * a - 5 * b + 4 * c - d) * f**2
                  + (3 * b - a - 3 * c + d) * f**3)  # fmt: skip


def lathe(profile: np.ndarray, segments: int = 28) -> Mesh:
    """What a profile (N, 2) of radius and height sweeps around the z axis.

    From the outside at the bottom upwards; it may turn inwards and go down again, as in a cup.
    """
    turn = np.arange(segments) / segments * 2 * np.pi
    r, z = np.maximum(profile[:, :1], 1e-5), profile[:, 1:]
    points = np.stack([r * np.cos(turn), r * np.sin(turn), z + 0 * turn], -1).reshape(-1, 3)
    return mesh_of(points, grid_faces(len(profile), segments, wrap=True), around=True)


def tube(path: np.ndarray, radius: np.ndarray | float, segments: int = 10) -> Mesh:
    """A round tube along a path (N, 3), closed at both ends; radius (N,) or one for all."""
    n = len(path)
    along = np.gradient(path, axis=0)
    along /= np.maximum(np.sqrt(np.einsum("nx,nx->n", along, along)), 1e-9)[:, None]
    side = cross(along[0], np.array([0.3, 0.5, 0.8]))
    if side @ side < 0.01:
        side = cross(along[0], np.array([1.0, 0, 0]))
    sides = np.empty((n, 3))
    for k in range(n):  # the side turns with the path, without twisting
        side = side - along[k] * (side @ along[k])
        side /= math.sqrt(side @ side)
        sides[k] = side
    turn = np.arange(segments) / segments * 2 * np.pi
    reach = np.broadcast_to(radius, n)[:, None, None]
    ring = np.cos(turn)[:, None] * sides[:, None]
    ring += np.sin(turn)[:, None] * cross(along, sides)[:, None]
    rings = path[:, None] + reach * ring
    points = np.concatenate([rings.reshape(-1, 3), path[:1], path[-1:]])
    at = np.arange(segments)
    after = (at + 1) % segments
    last = (n - 1) * segments
    start = np.stack([np.full(segments, n * segments), after, at], 1)
    end = np.stack([np.full(segments, n * segments + 1), last + at, last + after], 1)
    return mesh_of(points, np.concatenate([grid_faces(n, segments, wrap=True), start, end]))


def superquadric(e1: float, e2: float, segments: int = 24) -> Mesh:
    """Between a box (exponents near 0), a ball (1, 1) and an octahedron (2, 2), half size 1."""

    def power(x: np.ndarray, e: float) -> np.ndarray:
        return np.sign(x) * np.abs(x) ** e

    rise = np.linspace(-np.pi / 2, np.pi / 2, segments // 2 + 1)[:, None]
    turn = (np.arange(segments) / segments * 2 * np.pi)[None]
    x = power(np.cos(rise), e1) * power(np.cos(turn), e2)
    y = power(np.cos(rise), e1) * power(np.sin(turn), e2)
    z = power(np.sin(rise), e1) + 0 * turn
    points = np.stack([x, y, z], -1).reshape(-1, 3)
    return mesh_of(points, grid_faces(len(rise), segments, wrap=True))


def waves(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, finest: float) -> np.ndarray:
    """A random smooth field over places in metres, about -1..1; waves down to `finest` metres."""
    total, weight = np.zeros(np.broadcast(x, y).shape), 0.0
    for k in range(5):
        period = finest * 1.8**k
        angle, shift = rng.uniform(0, 2 * np.pi, 2)
        size = period * rng.uniform(0.5, 1)
        bend = np.sin((x * np.sin(angle) - y * np.cos(angle)) / period * 2 + shift)
        total += size * np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / period
                               + 1.5 * bend + shift)  # fmt: skip
        weight += size
    return total / weight * 1.5


def cushion(rng: np.random.Generator, soft: float = 1.0, cells: int = 22) -> Mesh:
    """A pillow of half size 1 in x and y and 1 in z, with dents where `soft` is large."""
    at = np.sin(np.linspace(-np.pi / 2, np.pi / 2, cells))
    x, y = np.meshgrid(at, at)
    puff = np.clip((1 - x**4) * (1 - y**4), 0, None) ** 0.45
    # sides curve inwards between the corners
    pinch = 1 - 0.1 * soft * np.cos(x * np.pi / 2), 1 - 0.1 * soft * np.cos(y * np.pi / 2)
    px, py = x * pinch[1], y * pinch[0]
    dent = 1 + 0.12 * soft * waves(rng, x, y, 0.5)
    top = np.stack([px, py, puff * dent], -1).reshape(-1, 3)
    bottom = np.stack([px, py, -puff], -1).reshape(-1, 3)
    faces = grid_faces(cells, cells)
    return mesh_of(np.concatenate([top, bottom]),
                   np.concatenate([faces, faces[:, ::-1] + len(top)]))  # fmt: skip


def cloth(rng: np.random.Generator, w: float, d: float, rise: float, folds: float,
          cells: int = 40) -> Mesh:  # fmt: skip
    """A cloth of w x d metres lying on z = 0 around the origin, `rise` high, with wavy borders."""
    u, v = np.meshgrid(np.linspace(-0.5, 0.5, cells), np.linspace(-0.5, 0.5, cells))
    x, y = u * w, v * d
    height = np.clip(0.35 + 0.65 * waves(rng, x, y, folds), 0.0, None) * rise
    x = x + 0.3 * rise * waves(rng, x, y, folds * 2)
    y = y + 0.3 * rise * waves(rng, x, y, folds * 2)
    points = np.stack([x, y, height + 0.004], -1).reshape(-1, 3)
    return mesh_of(
        points, grid_faces(cells, cells), np.stack([u + 0.5, 0.5 - v], -1).reshape(-1, 2)
    )


def draped(rng: np.random.Generator, w: float, d: float, drop: float, cells: int = 44) -> Mesh:
    """A cloth over a slab of w x d metres at z = 0: its sides hang `drop` deep in folds."""
    outer_w, outer_d = w / 2 + drop, d / 2 + drop
    x, y = np.meshgrid(np.linspace(-outer_w, outer_w, cells), np.linspace(-outer_d, outer_d, cells))
    over_x, over_y = np.maximum(np.abs(x) - w / 2, 0), np.maximum(np.abs(y) - d / 2, 0)
    over = np.maximum(over_x, over_y)
    fold = 0.03 * waves(rng, x + y * 0, y, 0.16) * np.clip(over / max(drop, 1e-3), 0, 1)
    px = np.clip(x, -w / 2, w / 2) + np.sign(x) * np.where(over_x > 0, 0.02 + fold, 0)
    py = np.clip(y, -d / 2, d / 2) + np.sign(y) * np.where(over_y > 0, 0.02 + fold, 0)
    z = 0.012 + 0.012 * waves(rng, x, y, 0.25) - over
    points = np.stack([px, py, z], -1).reshape(-1, 3)
    return mesh_of(points, grid_faces(cells, cells))
