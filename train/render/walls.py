"""Walls with what is in and on them: windows, doors, passages, pictures, shelves, skirting.

Every function works in the wall's frame: x along the wall, y = 0 its face, y > 0 the room, z up.
"""

from __future__ import annotations

import numpy as np

from train.render import clutter, furniture, looks, objects
from train.render.materials import Material
from train.render.scene import DOWN, UP, Light, Scene

THICK = 0.12  # metres
Opening = tuple[float, float, float, float]  # x0, x1, z0, z1 of a hole in the wall, metres


def wall(s: Scene, length: float, height: float, look: Material, opening: Opening | None) -> None:
    """A wall with one hole or none; its pieces share a plane id."""
    plane = {3: s.new_plane()}
    s.is_shell = True
    if opening is None:
        s.box((-THICK, -THICK, 0), (length + THICK, 0, height), look, plane)
    else:
        x0, x1, z0, z1 = opening
        s.box((-THICK, -THICK, 0), (x0, 0, height), look, plane)
        s.box((x1, -THICK, 0), (length + THICK, 0, height), look, plane)
        s.box((x0, -THICK, z1), (x1, 0, height), look, plane)
        if z0 > 0:
            s.box((x0, -THICK, 0), (x1, 0, z0), look, plane)
    s.is_shell = False


def window(s: Scene, opening: Opening, day: np.ndarray) -> None:
    """Frame, bars, what lies outside, and the light that falls in.

    Args:
        s: the scene.
        opening: the hole it fills.
        day: (3,) linear RGB of the daylight, for each square metre.
    """
    rng = s.rng
    x0, x1, z0, z1 = opening
    frame, b = looks.furniture(s), rng.uniform(0.03, 0.08)
    y = -THICK * rng.uniform(0.3, 0.9)
    s.box((x0, y - 0.03, z0), (x0 + b, y + 0.03, z1), frame)
    s.box((x1 - b, y - 0.03, z0), (x1, y + 0.03, z1), frame)
    s.box((x0, y - 0.03, z0), (x1, y + 0.03, z0 + b), frame)
    s.box((x0, y - 0.03, z1 - b), (x1, y + 0.03, z1), frame)
    for k in range(rng.integers(0, 3)):
        x = x0 + (x1 - x0) * (k + 1) / 3
        s.box((x - b / 3, y - 0.02, z0), (x + b / 3, y + 0.02, z1), frame)
    if rng.random() < 0.6:
        s.box((x0 - 0.05, -0.02, z0 - 0.04), (x1 + 0.05, rng.uniform(0.03, 0.2), z0), frame)
    if rng.random() < 0.25:  # a blind
        blind = looks.glow(rng, float(rng.uniform(0.5, 2)))
        s.box((x0, y - 0.01, z0 + (z1 - z0) * rng.uniform(0, 0.6)), (x1, y, z1), blind, hidden=True)
    if rng.random() < 0.35:  # curtains of many folds
        cloth = looks.fabric(s)
        for side in (0, 1):
            wide = rng.uniform(0.15, 0.4)
            x = x0 - wide * 0.7 if side == 0 else x1 - wide * 0.3
            bottom, n = rng.choice([0.02, z0 - 0.1]), 5
            for k in range(n):
                s.cone((x + wide * k / n, 0.1 + 0.02 * (k % 2), bottom), z1 + 0.1 - bottom,
                       wide / n * 0.7, wide / n * 0.6, cloth)  # fmt: skip
    middle = s.world((x0 + x1) / 2, 0.01, (z0 + z1) / 2)
    edges = np.stack([s.frame[1] @ [(x1 - x0) / 2, 0, 0], [0, 0, (z1 - z0) / 2]])
    colour = day * (x1 - x0) * (z1 - z0) * rng.uniform(1, 4)
    s.lights.append(Light(middle, edges, colour, s.frame[1] @ [0, 1.0, 0]))
    if rng.random() < 0.35:
        away = s.frame[1] @ np.array([rng.uniform(-1, 1), -1.0, rng.uniform(0.4, 1.3)])
        away = away / np.linalg.norm(away)
        sun = looks.hsv(0.11, rng.uniform(0.1, 0.4), 1) * rng.uniform(3, 12) * 900
        spread = np.eye(3)[:2] * 0.25
        s.lights.append(Light(middle + 30 * away, spread, sun, np.zeros(3)))


def door(s: Scene, opening: Opening, height: float) -> None:
    """A closed or open door, or a passage; another space of `height` lies behind an open one."""
    rng = s.rng
    x0, x1, _, z1 = opening
    look, b = looks.furniture(s), 0.06
    for x in (x0 - b, x1):
        s.box((x, -0.02, 0), (x + b, 0.025, z1 + b), look)
    s.box((x0, -0.02, z1), (x1, 0.025, z1 + b), look)
    leaf = look if rng.random() < 0.6 else looks.furniture(s)
    kind = rng.random()
    if kind < 0.55:
        s.box((x0, -0.07, 0.005), (x1, -0.03, z1), leaf)
        for z in (0.15, z1 * 0.55):
            if rng.random() < 0.7:
                s.box((x0 + 0.12, -0.031, z), (x1 - 0.12, -0.022, z + z1 * 0.35), leaf)
        s.ball((x1 - 0.08, 0.01, 1.0), (0.03, 0.04, 0.03), looks.metal(rng))
        return
    if kind < 0.8:
        with s.at(x0, -0.03, 0, rng.uniform(0.4, 1.7) * rng.choice([1, -1])):
            s.box((0, -0.04, 0.005), (x1 - x0, 0, z1), leaf)
    deep = rng.uniform(1.0, 4.0)
    left, right = x0 - rng.uniform(0.1, 1.5), x1 + rng.uniform(0.1, 1.5)
    s.is_shell = True
    paint, floor = looks.wall(s), looks.ground(s)
    y = -THICK
    s.box((left, y - deep, -0.1), (right, y, 0), floor, {UP: s.new_plane()})
    s.box((left, y - deep, height), (right, y, height + 0.1), paint, {DOWN: s.new_plane()})
    s.box((left, y - deep - 0.1, 0), (right, y - deep, height), paint, {3: s.new_plane()})
    s.box((left - 0.1, y - deep, 0), (left, y, height), paint, {1: s.new_plane()})
    s.box((right, y - deep, 0), (right + 0.1, y, height), paint, {0: s.new_plane()})
    s.is_shell = False
    if rng.random() < 0.5:
        with s.at((x0 + x1) / 2, y - deep + 0.02):
            build, w, d, _ = furniture.WALL_PIECES[rng.integers(len(furniture.WALL_PIECES))]
            build(s, rng.uniform(*w), rng.uniform(*d))
    lamp = s.world((x0 + x1) / 2, y - deep / 2, height - 0.3)
    s.lights.append(Light(lamp, np.eye(3)[:2] * 0.1, looks.hsv(0.1, 0.2, 1) * rng.uniform(0.5, 3),
                          np.zeros(3)))  # fmt: skip


def on_wall(s: Scene, length: float, height: float, opening: Opening | None) -> None:
    """Skirting, and up to three pictures, shelves or clocks beside the opening."""
    rng = s.rng
    if rng.random() < 0.6:
        skirting, h = looks.furniture(s), rng.uniform(0.05, 0.14)
        if opening is None or opening[2] > 0:
            s.box((0, 0, 0), (length, 0.015, h), skirting)
        else:
            s.box((0, 0, 0), (opening[0], 0.015, h), skirting)
            s.box((opening[1], 0, 0), (length, 0.015, h), skirting)
    for _ in range(rng.integers(0, 4)):
        w, h = rng.uniform(0.15, 0.7), rng.uniform(0.15, 0.5)
        x, z = rng.uniform(0.2, max(length - 0.2, 0.3)), rng.uniform(1.1, max(height - 0.4, 1.2))
        if opening is not None and opening[0] - w - 0.1 < x < opening[1] + w + 0.1:
            continue
        kind = rng.random()
        hung = objects.pick(s, "hung")
        if hung is not None and rng.random() < 0.5:
            with s.at(x, hung.size[1] / 2 + 0.002, z - hung.size[2] / 2, np.pi * rng.integers(2)):
                s.loaded(hung.path)
        elif kind < 0.75:
            frame = looks.furniture(s)
            if rng.random() < 0.7:
                s.box((x - w, 0, z - h), (x + w, 0.025, z + h), frame)
                s.box((x - w * 0.9, 0.02, z - h * 0.88), (x + w * 0.9, 0.027, z + h * 0.88),
                      looks.photo(s, fit=True))  # fmt: skip
            else:
                s.box((x - w, 0, z - h), (x + w, 0.004, z + h), looks.photo(s, fit=True))
        elif kind < 0.9:
            s.box((x - w, 0, z), (x + w, 0.2, z + 0.025), looks.furniture(s))
            clutter.scatter(s, (x - w + 0.08, 0.09), (x + w - 0.08, 0.12), z + 0.025,
                            int(rng.integers(1, 5)), clutter.SHELF_THINGS, (0.1, 0.25))  # fmt: skip
        else:
            with s.at(x, 0, z, 0, -np.pi / 2):
                r = min(w, h) * 0.6
                s.cone((0, 0, 0), 0.04, r, r * 0.95, looks.plain(rng))
