"""Turned and bent things: cups, bottles, bowls, jugs, vases, lamps. Each stands at the origin."""

from __future__ import annotations

import numpy as np

from train.render import looks
from train.render.curved import lathe, spline, superquadric, tube
from train.render.materials import MIXED, Material
from train.render.plants import leaves
from train.render.scene import Scene


def _vessel(outer: np.ndarray, wall: float, floor: float) -> np.ndarray:
    """Profile of an open vessel: bottom, outside (N, 2) upwards, rim, inside down to `floor`."""
    inner = outer[::-1].copy()
    inner[:, 0] = np.maximum(inner[:, 0] - wall, 1e-3)
    inner = inner[inner[:, 1] > floor]
    rim = [[outer[-1, 0] - wall / 2, outer[-1, 1] + wall * 0.4]]
    return np.concatenate([[[0, outer[0, 1]]], outer, rim, inner, [[0, floor]]])


def _handle(s: Scene, r: float, low: float, high: float, thick: float, look: Material) -> None:
    out = (high - low) * s.rng.uniform(0.5, 0.8)
    path = [[r * 0.93, 0, high], [r + out * 0.7, 0, high + thick], [r + out, 0, (low + high) / 2],
            [r + out * 0.6, 0, low], [r * 0.93, 0, low + thick]]  # fmt: skip
    s.mesh(tube(spline(path, 14), thick, 8), look)


def glaze(s: Scene) -> Material:
    """Pottery, glass-like or painted; often white."""
    rng = s.rng
    if rng.random() < 0.35:
        white = looks.hsv(0.1, rng.uniform(0, 0.1), rng.uniform(0.75, 0.97))
        return Material(first=white, gloss=0.8, noise_amount=0.05, mirror=0.03)
    made = looks.plain(rng, float(rng.uniform(0.3, 1))) if rng.random() < 0.8 else looks.fabric(s)
    made.mirror = float(rng.choice([0.0, 0.04]))
    return made


def mug(s: Scene, size: float) -> None:
    """A cup with something in it, mostly with a handle and sometimes on a saucer."""
    rng = s.rng
    r, h = size * rng.uniform(0.14, 0.22), size * rng.uniform(0.25, 0.5)
    look, z = glaze(s), 0.0
    if rng.random() < 0.25:
        s.mesh(lathe(spline([[0, 0], [r * 1.1, 0.002], [r * 1.9, 0.018]], 8)), look)
        z = 0.008
    with s.at(0, 0, z):
        shape = spline(
            [[r * rng.uniform(0.55, 1), 0], [r * rng.uniform(0.85, 1.1), h * 0.4], [r, h]], 9
        )
        s.mesh(lathe(_vessel(shape, 0.06 * r + 0.001, 0.05 * h)), look)
        full = h * rng.uniform(0.3, 0.9)
        wide = float(np.interp(full, shape[:, 1], shape[:, 0])) * 0.93
        s.cone((0, 0, full - 0.002), 0.002, wide, wide, looks.plain(rng, 0.9))
        if rng.random() < 0.65:
            _handle(s, r, h * 0.2, h * 0.8, 0.05 * h + 0.002, look)


def glass(s: Scene, size: float) -> None:
    """A goblet or tumbler."""
    rng = s.rng
    r, h = size * rng.uniform(0.1, 0.16), size * rng.uniform(0.3, 0.6)
    look = glaze(s)
    if rng.random() < 0.5:
        shape = [
            [r, 0.003],
            [r * 0.12, h * 0.06],
            [r * 0.1, h * 0.45],
            [r * 0.9, h * 0.7],
            [r * 0.8, h],
        ]
    else:
        shape = [[r * rng.uniform(0.6, 1), 0], [r, h * 0.6], [r * rng.uniform(0.9, 1.1), h]]
    s.mesh(lathe(_vessel(spline(shape, 14), 0.05 * r, h * 0.5)), look)


def bottle(s: Scene, size: float) -> None:
    """Body, shoulder and neck in one curve, a cap, sometimes a label."""
    rng = s.rng
    r, h = size * rng.uniform(0.1, 0.2), size * rng.uniform(0.5, 1.1)
    neck, shoulder = r * rng.uniform(0.25, 0.6), rng.uniform(0.5, 0.75)
    waist = r * rng.uniform(0.8, 1.05)
    body = spline([[r, 0.01], [waist, h * shoulder * 0.5], [r, h * shoulder],
                   [neck, h * (shoulder + 0.18)], [neck, h]], 18)  # fmt: skip
    s.mesh(lathe(np.concatenate([[[0, 0], [r * 0.93, 0]], body, [[0, h]]])), glaze(s))
    s.cone((0, 0, h * 0.97), h * 0.07, neck * 1.15, neck * 1.1, looks.plain(rng))
    if rng.random() < 0.5 and waist > r * 0.95:
        s.cone((0, 0, h * 0.12), h * 0.3, r * 1.02, r * 1.02, looks.photo(s, 0.2))


def bowl(s: Scene, size: float) -> None:
    """An open bowl with fruit in it."""
    rng = s.rng
    r, h = size * rng.uniform(0.3, 0.6), size * rng.uniform(0.12, 0.35)
    shape = spline([[r * 0.35, 0], [r * rng.uniform(0.7, 0.95), h * 0.45], [r, h]], 10)
    s.mesh(lathe(_vessel(shape, 0.03 * r + 0.001, h * 0.1)), glaze(s))
    fruit = looks.plain(rng, 0.3)
    for _ in range(rng.integers(0, 7)):
        q = r * rng.uniform(0.2, 0.33)
        x, y = rng.uniform(-0.4, 0.4, 2) * r
        look = fruit if rng.random() < 0.6 else looks.plain(rng, 0.3)
        s.ball((x, y, h * 0.35 + q * 0.8), (q, q, q * rng.uniform(0.8, 1.05)), look)


def plate(s: Scene, size: float) -> None:
    """A flat dish, sometimes with food on it."""
    rng = s.rng
    r = size * rng.uniform(0.3, 0.55)
    shape = spline([[r * 0.6, 0], [r * 0.7, 0.006], [r, r * rng.uniform(0.06, 0.16)]], 8)
    s.mesh(lathe(_vessel(shape, 0.004, 0.005)), glaze(s))
    for _ in range(rng.integers(0, 5)):
        with s.at(*(rng.uniform(-0.35, 0.35, 2) * r), 0.006, rng.uniform(0, 6)):
            lump(s, r * 0.8)


def vase(s: Scene, size: float) -> None:
    """A random turned shape, sometimes with a plant."""
    rng = s.rng
    h, levels = size * rng.uniform(0.5, 1.1), int(rng.integers(3, 6))
    radii = np.clip(size * rng.uniform(0.06, 0.3, levels), 0.03 * size, None)
    shape = spline(np.stack([radii, np.linspace(0, h, levels)], 1), 24)
    shape[:, 0] = np.maximum(shape[:, 0], 0.02 * size)
    s.mesh(lathe(_vessel(shape, 0.012 * size, h * 0.3)), glaze(s))
    if rng.random() < 0.4:
        with s.at(0, 0, h * 0.7):
            leaves(s, size * rng.uniform(0.6, 1.2))


def jug(s: Scene, size: float) -> None:
    """A pot with a lid, a handle and a spout: kettles, teapots, cans."""
    rng = s.rng
    r, h = size * rng.uniform(0.2, 0.32), size * rng.uniform(0.3, 0.6)
    look = glaze(s)
    shape = spline([[r * rng.uniform(0.6, 1), 0], [r, h * rng.uniform(0.3, 0.6)],
                    [r * rng.uniform(0.4, 0.9), h]], 12)  # fmt: skip
    s.mesh(lathe(np.concatenate([[[0, 0]], shape, [[0.3 * r, h * 1.05], [0, h * 1.07]]])), look)
    s.ball((0, 0, h * 1.1), (0.1 * r, 0.1 * r, 0.1 * r), look)
    with s.at(0, 0, 0, np.pi):
        _handle(s, r * 0.85, h * 0.25, h * 0.85, 0.04 * h + 0.002, look)
    path = spline([[r * 0.8, 0, h * 0.35], [r * 1.3, 0, h * 0.5], [r * 1.7, 0, h * 0.95]], 8)
    s.mesh(tube(path, np.linspace(0.18, 0.09, 8) * r, 10), look)


def table_lamp(s: Scene, size: float) -> None:
    """A turned foot with a shade that may glow, or a bent arm with a cone at its end."""
    rng = s.rng
    h, r = size * rng.uniform(0.6, 1.2), size * rng.uniform(0.15, 0.3)
    shade = looks.glow(rng, rng.uniform(0.3, 3)) if rng.random() < 0.5 else looks.fabric(s)
    if rng.random() < 0.5:
        radii = size * np.array([0.16, rng.uniform(0.03, 0.16), rng.uniform(0.02, 0.1), 0.015])
        foot = spline(np.stack([radii, np.array([0, 0.3, 0.6, 0.85]) * h], 1), 16)
        s.mesh(lathe(np.concatenate([[[0, 0]], foot])), glaze(s))
        top = r * rng.uniform(0.5, 1.1)
        s.cone((0, 0, h * 0.75), r * rng.uniform(0.8, 1.4), r * 1.2, top, shade, open_top=True)
        return
    look = looks.metal(rng)
    s.cone((0, 0, 0), 0.02, r * 0.7, r * 0.65, look)
    arm = spline(
        [[0, 0, 0], [-0.1 * size, 0, h * 0.5], [0.15 * size, 0, h], [0.4 * size, 0, h * 0.85]], 16
    )
    s.mesh(tube(arm, 0.006 + 0.01 * size, 8), look)
    with s.at(0.4 * size, 0, h * 0.85 - r * 0.7, 0, rng.uniform(-0.4, 0.4)):
        s.cone((0, 0, 0), r * 0.8, r * 0.8, r * 0.3, looks.plain(rng, 0.6), open_top=True)


def lump(s: Scene, size: float) -> None:
    """Rounded blocks: bread, soap, stones, fruit, toys."""
    rng = s.rng
    a, b, c = size * rng.uniform(0.12, 0.45, 3) * (1, 1, 0.7)
    first = looks.any_colour(rng, 0.8)
    look = Material(MIXED, first, looks.near(rng, first, 0.4),
                    noise_period=float(rng.uniform(0.05, 0.3)),
                    gloss=float(rng.random() * 0.6))  # fmt: skip
    with s.at(0, 0, c):
        s.mesh(superquadric(rng.uniform(0.3, 1.2), rng.uniform(0.3, 1.2)), look, (a, b, c))


def cable(s: Scene, size: float) -> None:
    """A cord lying in loops, or a ring, a hose, a chain."""
    rng = s.rng
    n = int(rng.integers(4, 9))
    points = np.cumsum(rng.normal(0, 0.3 * size, (n, 2)), axis=0)
    points -= points.mean(0)
    r = size * rng.uniform(0.006, 0.025) + 0.0015
    lift = r + np.abs(rng.normal(0, r, (n, 1)))
    s.mesh(tube(spline(np.concatenate([points, lift], 1), 8 * n), r, 7), looks.plain(rng, 0.3))
