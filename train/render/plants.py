"""Leaves, pot plants, bushes and trees as meshes. A few variants of each are made once."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from train.render import looks
from train.render.curved import lathe, spline, tube
from train.render.materials import MIXED, Material
from train.render.mesh import Mesh, grid_faces, mesh_of
from train.render.scene import Scene

VARIANTS = 10


def _merged(vertices: list[np.ndarray], faces: list[np.ndarray]) -> Mesh:
    first = np.cumsum([0, *(len(v) for v in vertices[:-1])])
    joined = np.concatenate([f + k for f, k in zip(faces, first, strict=True)])
    return mesh_of(np.concatenate(vertices), joined)


def _blade(rng: np.random.Generator, long: float, wide: float, rise: float, turn: float,
           droop: float, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """A bent leaf: (V, 3) and faces. `rise` and `turn` are its first direction, radians."""
    rows = 7
    t = np.linspace(0, 1, rows)
    angle = rise - droop * t
    step = long / (rows - 1)
    flat = np.concatenate([[0], np.cumsum(np.cos(angle[:-1]) * step)])
    up = np.concatenate([[0], np.cumsum(np.sin(angle[:-1]) * step)])
    half = wide / 2 * np.sin(np.pi * np.clip(t * 0.92 + 0.08, 0, 1)) ** 0.7
    half[-1] *= 0.2
    side = np.array([-0.999, 0, 0.999])[None] * half[:, None]
    fold = np.abs(side) * rng.uniform(0, 0.5)
    x = flat[:, None] + 0 * side
    points = np.stack([x, side, up[:, None] + fold], -1).reshape(-1, 3)
    c, s = np.cos(turn), np.sin(turn)
    points = points @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1.0]]) + start
    return points, grid_faces(rows, 3)


@lru_cache(maxsize=VARIANTS)
def houseplant(number: int) -> Mesh:
    """Leaves of a plant about 1 high, standing on z = 0."""
    rng = np.random.default_rng([41, number])
    grassy, count = rng.random() < 0.4, int(rng.integers(12, 40))
    vertices, faces = [], []
    droop = rng.uniform(0.2, 2.0)
    for _ in range(count):
        turn = rng.uniform(0, 2 * np.pi)
        if grassy:
            long, wide = rng.uniform(0.5, 1.1), rng.uniform(0.02, 0.09)
            blade = _blade(rng, long, wide, rng.uniform(0.8, 1.5), turn, droop, np.zeros(3))
        else:
            high = rng.uniform(0.1, 0.85)
            out = rng.uniform(0, 0.25)
            tip = np.array([np.cos(turn) * out, np.sin(turn) * out, high])
            stem = tube(spline([[0, 0, 0], tip * [0.3, 0.3, 0.6], tip], 5), 0.008, 5)
            vertices.append(stem.vertices)
            faces.append(stem.faces)
            long = rng.uniform(0.18, 0.5)
            wide = long * rng.uniform(0.35, 0.8)
            blade = _blade(rng, long, wide, rng.uniform(-0.3, 1.0), turn, droop, tip)
        vertices.append(blade[0])
        faces.append(blade[1])
    return _merged(vertices, faces)


@lru_cache(maxsize=VARIANTS)
def crown(number: int) -> Mesh:
    """A tree's or bush's leaves in clumps, within a unit ball around the origin."""
    rng = np.random.default_rng([43, number])
    clumps = int(rng.integers(12, 26))
    at = rng.normal(size=(clumps, 3))
    at *= (rng.random((clumps, 1)) ** 0.4) * 0.75 / np.linalg.norm(at, axis=1, keepdims=True)
    count, size = 2600, rng.uniform(0.05, 0.09)
    which = rng.integers(clumps, size=count)
    off = rng.normal(size=(count, 3))
    off *= (
        rng.uniform(0.2, 0.33)
        * rng.random((count, 1)) ** 0.3
        / np.linalg.norm(off, axis=1, keepdims=True)
    )
    middle = at[which] + off
    a, b = (rng.normal(size=(count, 3)) for _ in range(2))
    a /= np.linalg.norm(a, axis=1, keepdims=True)
    b = np.cross(a, b)
    b /= np.linalg.norm(b, axis=1, keepdims=True)
    corners = np.stack([middle - size * a, middle + size * 0.5 * b, middle + size * a,
                        middle - size * 0.5 * b], 1)  # fmt: skip
    quads = np.arange(4 * count).reshape(-1, 4)
    faces = quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3).astype(np.int32)
    normals = corners.reshape(-1, 3)
    normals = normals / np.linalg.norm(normals, axis=1, keepdims=True)  # light as on one round body
    flat = mesh_of(corners.reshape(-1, 3), faces)
    return Mesh(flat.vertices, faces, normals[faces].astype(np.float32), flat.face)


def green(rng: np.random.Generator, dark: float = 0.35) -> Material:
    """The look of leaves."""
    first = looks.hsv(rng.uniform(0.2, 0.36), rng.uniform(0.4, 0.75), rng.uniform(dark, dark + 0.3))
    second = looks.hsv(rng.uniform(0.17, 0.38), rng.uniform(0.4, 0.7), rng.uniform(dark, 0.8))
    return Material(MIXED, first, second, noise=int(rng.integers(1, 5)),
                    noise_period=float(rng.uniform(0.05, 0.4)),
                    gloss=float(rng.uniform(0, 0.5)))  # fmt: skip


def leaves(s: Scene, size: float) -> None:
    """A houseplant without its pot."""
    wide = size * s.rng.uniform(0.7, 1.3)
    s.mesh(houseplant(int(s.rng.integers(VARIANTS))), green(s.rng), (wide, wide, size))


def pot_plant(s: Scene, size: float) -> None:
    """A pot with earth and leaves."""
    rng = s.rng
    h, r = size * rng.uniform(0.25, 0.45), size * rng.uniform(0.13, 0.25)
    foot, bulge = rng.uniform(0.6, 1), rng.uniform(0.9, 1.25)
    wall = spline([[r * foot, 0], [r * bulge, h * 0.5], [r, h]], 8)
    inner = [[r * 0.9, h], [r * 0.85, h * 0.9], [0, h * 0.9]]
    s.mesh(lathe(np.concatenate([[[0, 0]], wall, inner])), looks.plain(rng))
    s.cone((0, 0, h * 0.85), h * 0.06, r * 0.8, r * 0.86, looks.fabric(s))
    with s.at(0, 0, h * 0.88, rng.uniform(0, 6)):
        leaves(s, size * rng.uniform(0.6, 1.1))


def tree(s: Scene, height: float) -> None:
    """Trunk and crown."""
    rng = s.rng
    trunk = rng.uniform(0.25, 0.5) * height
    thick = height * rng.uniform(0.012, 0.025)
    path = spline([[0, 0, -0.1], [*rng.normal(0, 0.02 * height, 2), trunk * 0.6],
                   [*rng.normal(0, 0.03 * height, 2), trunk * 1.5]], 8)  # fmt: skip
    bark = looks.hsv(0.08, 0.35, rng.uniform(0.2, 0.45))
    s.mesh(tube(path, np.linspace(1.3, 0.5, 8) * thick, 9), Material(MIXED, bark, bark * 0.5,
           noise_period=0.3, gloss=0.0))  # fmt: skip
    wide, tall = height * rng.uniform(0.22, 0.4), (height - trunk) * 0.55
    with s.at(path[-1][0], path[-1][1], trunk + tall * 0.8, rng.uniform(0, 6)):
        s.mesh(crown(int(rng.integers(VARIANTS))), green(rng, 0.25), (wide, wide, tall))


def bush(s: Scene, size: float) -> None:
    """A crown on the ground."""
    rng = s.rng
    wide, tall = size * rng.uniform(0.4, 0.9), size * rng.uniform(0.3, 0.6)
    with s.at(0, 0, tall * 0.7, rng.uniform(0, 6)):
        s.mesh(crown(int(rng.integers(VARIANTS))), green(rng, 0.25), (wide, wide, tall))
