"""Desks at walls and still lifes on tables: what cameras with depth sensors are pointed at.

Only in scenes with meshes from disk, so that scenes by procedure alone stay what they are.
"""

from __future__ import annotations

import numpy as np

from train.render import clutter, furniture, looks
from train.render.materials import Material
from train.render.plan import Room, clear, rectangle
from train.render.scene import UP, Scene
from train.render.tableware import bottle, bowl, cable, jug, mug, table_lamp
from train.render.walls import Opening

DESK_THINGS = (clutter.books, clutter.sheet, clutter.sheet, mug, cable, cable, clutter.tool,
               clutter.carton, bottle, table_lamp)  # fmt: skip
STILL_THINGS = (clutter.carton, clutter.carton, clutter.carton, clutter.can, clutter.can, bottle,
                clutter.ball, bowl, mug, jug, clutter.books, clutter.blocks)  # fmt: skip


def _top(s: Scene) -> Material:
    """Light wood, white, grey or beech-coloured board."""
    if s.rng.random() < 0.55:
        return looks.wood(s.rng, boards=False)
    board = looks.hsv(s.rng.normal(0.08, 0.02), s.rng.uniform(0, 0.3), s.rng.uniform(0.6, 0.95))
    return Material(first=board, noise_amount=0.08, gloss=float(s.rng.uniform(0, 0.5)))


def _table(s: Scene, w: float, d: float, h: float) -> None:
    """A board on legs of metal or on panels, its back edge at y = 0."""
    rng = s.rng
    s.box((-w / 2, 0, h - 0.03), (w / 2, d, h), _top(s), plane={UP: s.new_plane()})
    look = looks.metal(rng) if rng.random() < 0.6 else looks.furniture(s)
    wide = 0.02 if rng.random() < 0.7 else d / 2 - 0.02
    for x in (-w / 2 + 0.05, w / 2 - 0.05):
        for y in (0.05, d - 0.05) if wide < 0.05 else (d / 2,):
            s.box((x - 0.02, y - wide, 0), (x + 0.02, y + wide, h - 0.03), look)


def desk(s: Scene, room: Room, length: float, opening: Opening | None) -> None:
    """A desk somewhere along the wall of the current frame, if there is room before it."""
    rng = s.rng
    w, d, h = rng.uniform(1.1, 1.9), rng.uniform(0.6, 0.85), rng.uniform(0.68, 0.76)
    for _ in range(4):
        x = rng.uniform(w / 2, max(length - w / 2, w / 2 + 0.01))
        box = rectangle(s, x, 0.02, w, d + 0.5)
        at_door = opening is not None and opening[2] == 0
        at_door = at_door and opening[0] < x + w / 2 and x - w / 2 < opening[1]
        if x + w / 2 <= length and not at_door and clear(room, box):
            break
    else:
        return
    room.blocked.append(box)
    with s.at(x, 0.03):
        _table(s, w, d, h)
        if rng.random() < 0.35:  # a screen between two desks
            s.box((-w / 2, 0.01, h), (w / 2, 0.04, h + rng.uniform(0.3, 0.6)), looks.fabric(s))
        for k in range(int(rng.choice([0, 1, 1, 2]))):
            with s.at((k - 0.5) * 0.6 + rng.normal(0, 0.1), 0.22, h, np.pi + rng.normal(0, 0.2)):
                clutter.monitor(s, 0.4)
        if rng.random() < 0.6:
            with s.at(rng.uniform(-0.4, 0.4) * w, d * 0.6, h, np.pi + rng.normal(0, 0.4)):
                clutter.laptop(s, 0.3)
        with s.at(rng.normal(0, 0.2), d * 0.72, h, rng.normal(0, 0.1)):
            s.box((-0.2, -0.06, 0), (0.2, 0.06, 0.018), looks.plain(rng, 0.1))  # keyboard
            s.ball((0.3, 0.0, 0.012), (0.03, 0.05, 0.018), looks.plain(rng, 0.4))
        low, high = (-w / 2 + 0.08, 0.1), (w / 2 - 0.08, d - 0.1)
        clutter.scatter(s, low, high, h, int(rng.integers(2, 12)), DESK_THINGS, (0.12, 0.3))
        if rng.random() < 0.7:
            with s.at(rng.normal(0, 0.2), d + rng.uniform(0.35, 0.6), 0, np.pi + rng.normal(0, 1)):
                furniture.chair(s, 0.46, 0.46)
        room.desks += [s.world(rng.normal(0, 0.2), d / 2, h), s.frame[1] @ np.array([0, 1.0, 0])]


def still_life(s: Scene, room: Room) -> None:
    """A table with a few things close together in its middle, some on top of others."""
    rng = s.rng
    w, d = rng.uniform(0.9, 2.4), rng.uniform(0.6, 1.1)
    room.table_height = rng.uniform(0.6, 0.8)
    room.table_middle = (rng.uniform(0.35, 0.65) * room.width, rng.uniform(0.3, 0.7) * room.depth)
    with s.at(*room.table_middle, 0, rng.uniform(0, 6)):
        with s.at(0, -d / 2):
            room.blocked.append(rectangle(s, 0, 0, w, d))
            _table(s, w, d, room.table_height)
        reach, z = rng.uniform(0.15, 0.45), room.table_height
        low, high = (-reach, -min(reach, d / 2 - 0.1)), (reach, min(reach, d / 2 - 0.1))
        size = (0.17, float(rng.choice([0.28, 0.42])))
        clutter.scatter(s, low, high, z, int(rng.integers(2, 11)), STILL_THINGS, size)
        if rng.random() < 0.15:  # a board or a cloth behind them
            s.box((-0.6, d / 2 - 0.03, z), (0.6, d / 2, z + rng.uniform(0.3, 0.9)),
                  looks.fabric(s) if rng.random() < 0.5 else looks.photo(s, fit=True))  # fmt: skip
