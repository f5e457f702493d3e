"""Furniture. Origin: middle of the back edge on the floor; x along the wall, y into the room."""

from __future__ import annotations

import numpy as np

from train.render import clutter, looks
from train.render.curved import cloth, cushion, draped, superquadric
from train.render.materials import Material
from train.render.scene import UP, Scene


def _legs(s: Scene, w: float, d: float, h: float, look: Material, inset: float = 0.04) -> None:
    rng = s.rng
    r, round_ = rng.uniform(0.012, 0.04), rng.random() < 0.5
    foot = r * rng.uniform(0.5, 1)
    for x in (-w / 2 + inset, w / 2 - inset):
        for y in (inset, d - inset):
            if round_:
                s.cone((x, y, 0), h, foot, r, look)
            else:
                s.box((x - r, y - r, 0), (x + r, y + r, h), look)


def table(s: Scene, w: float, d: float, h: float | None = None, things: int | None = None) -> None:
    """A table with `things` on it; height and number are random where not given."""
    rng = s.rng
    h = rng.uniform(0.68, 0.8) if h is None else h
    t = rng.uniform(0.018, 0.06)
    top = looks.furniture(s) if rng.random() < 0.95 else looks.photo(s, float(rng.uniform(0.5, 2)))
    legs = top if rng.random() < 0.5 else looks.furniture(s)
    if rng.random() < 0.2 and abs(w - d) < 0.4:
        r = min(w, d) / 2
        s.cone((0, d / 2, h - t), t, r, r, top)
        s.planes[-1][UP] = s.new_plane()
        s.cone((0, d / 2, 0), h - t, rng.uniform(0.03, 0.3), 0.05, legs)
        low, high = (-0.65 * r, d / 2 - 0.65 * r), (0.65 * r, d / 2 + 0.65 * r)
    else:
        s.box((-w / 2, 0, h - t), (w / 2, d, h), top, plane={UP: s.new_plane()})
        style = rng.random()
        if style < 0.65:
            _legs(s, w, d, h - t, legs)
        elif style < 0.85:
            for x in (-w / 2 + 0.02, w / 2 - 0.05):
                s.box((x, 0.02, 0), (x + 0.03, d - 0.02, h - t), legs)
        else:
            s.box((-w * 0.4, d * 0.2, 0), (w * 0.4, d * 0.8, h - t), legs)
        low, high = (-w / 2 + 0.08, 0.08), (w / 2 - 0.08, d - 0.08)
    if rng.random() < 0.15:
        s.box((-w * 0.25, d * 0.2, h), (w * 0.25, d * 0.8, h + 0.003), looks.fabric(s))
    count = int(rng.integers(0, 9)) if things is None else things
    clutter.scatter(s, low, high, h, count, clutter.TABLE_THINGS)


def chair(s: Scene, w: float, d: float) -> None:
    """A wooden chair or, one time in four, an office chair."""
    rng = s.rng
    h, back = rng.uniform(0.42, 0.5), rng.uniform(0.35, 0.55)
    look, seat = looks.furniture(s), looks.fabric(s)
    if rng.random() < 0.25:  # office chair
        s.cone((0, d / 2, 0), 0.06, 0.3, 0.05, looks.plain(rng))
        s.cone((0, d / 2, 0), h, 0.03, 0.03, looks.metal(rng))
        with s.at(0, d / 2, h):
            s.mesh(superquadric(0.6, 0.6), seat, (w / 2, d / 2, 0.055))
        s.box((-0.025, 0.0, h), (0.025, 0.02, h + 0.2), looks.metal(rng))
        with s.at(0, 0.02, h + 0.12 + back / 2, 0, 0.15):
            s.mesh(superquadric(0.5, 0.6), seat, (w * 0.45, 0.05, back / 2))
        return
    _legs(s, w, d, h - 0.03, look, 0.025)
    s.box((-w / 2, 0, h - 0.03), (w / 2, d, h + rng.uniform(0, 0.05)), seat)
    with s.at(0, 0.02, h, 0, rng.uniform(0, 0.2)):
        if rng.random() < 0.5:
            s.box((-w / 2, -0.02, 0.0), (w / 2, 0.02, back), look)
        else:
            for x in (-w / 2, w / 2 - 0.03):
                s.box((x, -0.015, 0), (x + 0.03, 0.015, back), look)
            for k in range(rng.integers(2, 5)):
                z = back - 0.08 - 0.12 * k
                s.box((-w / 2, -0.01, z), (w / 2, 0.01, z + 0.06), look)


def stool(s: Scene, w: float, d: float) -> None:
    """A round seat on four legs; `w` is not used."""
    h = s.rng.uniform(0.4, 0.75)
    s.cone((0, d / 2, h), 0.04, 0.17, 0.17, looks.furniture(s))
    _legs(s, 0.34, d, h, looks.furniture(s), 0.08)


def sofa(s: Scene, w: float, d: float) -> None:
    """Arms, seats, backs, and loose cushions."""
    rng = s.rng
    look = looks.fabric(s)
    boxy = rng.random() < 0.4
    seat, back, arm = rng.uniform(0.36, 0.46), rng.uniform(0.7, 0.95), rng.uniform(0.12, 0.25)
    s.box((-w / 2, 0, 0.06), (w / 2, d, seat - 0.12), look)
    s.box((-w / 2, 0, 0.06), (w / 2, 0.2, back), look)
    for a in (-1, 1):
        s.box((a * w / 2, 0, 0.04), (a * (w / 2 - arm), d, seat + 0.18), look)
    n = max(1, round(w / 0.75))
    inner = w - 2 * arm
    for i in range(n):
        x = -inner / 2 + inner * i / n
        if boxy:
            s.box(
                (x + 0.005, 0.18, seat - 0.12), (x + inner / n - 0.005, d + 0.02, seat + 0.02), look
            )
        else:
            with s.at(x + inner / n / 2, (d + 0.2) / 2, seat - 0.05):
                s.mesh(cushion(rng, 0.4), look, (inner / n * 0.52, (d - 0.14) / 2, 0.1))
        with s.at(x + inner / n / 2, 0.25, seat + 0.2, 0, np.pi / 2 + 0.2):
            s.mesh(cushion(rng, 0.5), look, (inner / n * 0.52, 0.26, 0.11))
    for _ in range(rng.integers(0, 4)):
        with s.at(
            rng.uniform(-inner / 2, inner / 2) * 0.8, 0.42, seat + 0.2, rng.normal(0, 0.4), 1.1
        ):
            s.mesh(cushion(rng), looks.fabric(s), (0.22, 0.21, 0.08))
    if rng.random() < 0.25:
        with s.at(rng.uniform(-inner / 3, inner / 3), d * 0.6, seat + 0.06, rng.uniform(0, 6)):
            s.mesh(cloth(rng, 0.7, 0.5, 0.06, 0.3), looks.fabric(s))


def bed(s: Scene, w: float, d: float) -> None:
    """Head board, mattress, cover, pillows."""
    rng = s.rng
    frame, cover = looks.furniture(s), looks.fabric(s)
    h = rng.uniform(0.35, 0.6)
    s.box((-w / 2 - 0.03, 0, 0), (w / 2 + 0.03, 0.06, h + rng.uniform(0.2, 0.6)), frame)
    s.box((-w / 2, 0, 0.08), (w / 2, d, h - 0.18), frame)
    s.box((-w / 2 + 0.02, 0.05, h - 0.18), (w / 2 - 0.02, d - 0.02, h), looks.fabric(s))
    edge = rng.uniform(0.45, 0.8)
    with s.at(0, (edge + d) / 2, h + 0.01):
        s.mesh(draped(rng, w, d - edge, rng.uniform(0.08, 0.3)), cover)
        if rng.random() < 0.5:
            s.mesh(cloth(rng, w * 0.9, (d - edge) * 0.9, rng.uniform(0.05, 0.2), 0.5), cover)
    n = 1 if w < 1.2 else 2
    for i in range(n):
        x = 0 if n == 1 else (i - 0.5) * w * 0.5
        with s.at(x, 0.28, h + 0.05, rng.normal(0, 0.1), 0.3):
            s.mesh(cushion(rng), looks.fabric(s), (0.34, 0.24, 0.09))
    if rng.random() < 0.3:
        clutter.scatter(s, (-w / 3, edge), (w / 3, d - 0.2), h + 0.03, 3, clutter.FLOOR_THINGS)


def shelf(s: Scene, w: float, d: float) -> None:
    """Open shelf with books and things."""
    rng = s.rng
    look = looks.furniture(s)
    h = rng.uniform(0.8, 2.2)
    t = 0.02
    for x in (-w / 2, w / 2 - t):
        s.box((x, 0, 0), (x + t, d, h), look)
    if rng.random() < 0.7:
        s.box((-w / 2, 0, 0), (w / 2, 0.01, h), look)
    boards = int(np.clip(round(h / rng.uniform(0.28, 0.45)), 2, 6))
    gap = h / boards
    for k in range(boards + 1):
        z = min(k * gap, h - t)
        s.box((-w / 2 + t, 0, z), (w / 2 - t, d, z + t), look)
        if k == boards:
            break
        style = rng.random()
        if style < 0.5:
            x = -w / 2 + 0.03
            end = w / 2 - 0.04 if rng.random() < 0.5 else rng.uniform(-w / 4, w / 2 - 0.05)
            while x < end:
                b = rng.uniform(0.015, 0.07)
                if x + b > w / 2 - t:
                    break
                front = d - rng.uniform(0.01, 0.1)
                s.box((x, 0.02, z + t), (x + b, front, z + t + gap * rng.uniform(0.5, 0.85)),
                      looks.paper(s))  # fmt: skip
                x += b + (rng.uniform(0, 0.2) if rng.random() < 0.1 else 0.001)
        elif style < 0.9:
            clutter.scatter(s, (-w / 2 + 0.1, d / 2 - 0.03), (w / 2 - 0.1, d / 2 + 0.05), z + t,
                            int(rng.integers(1, 5)), clutter.SHELF_THINGS,
                            (min(gap, d) * 0.4, min(gap, d) * 0.75))  # fmt: skip


def cabinet(s: Scene, w: float, d: float, h: float | None = None) -> None:
    """Closed box with doors or drawers, handles, and things on top when it is low."""
    rng = s.rng
    look = looks.furniture(s)
    h = rng.choice([rng.uniform(0.4, 0.9), rng.uniform(1.0, 2.2)]) if h is None else h
    s.box((-w / 2, 0, 0.03), (w / 2, d, h), look, plane={UP: s.new_plane() if h < 1.2 else 0})
    columns = max(1, round(w / rng.uniform(0.4, 0.7)))
    rows = int(rng.integers(1, 5 if h < 1.2 else 3))
    front = look if rng.random() < 0.6 else looks.furniture(s)
    handle = looks.metal(rng)
    upright = rng.random() < 0.5
    for i in range(columns):
        for j in range(rows):
            x0, x1 = -w / 2 + w * i / columns + 0.006, -w / 2 + w * (i + 1) / columns - 0.006
            z0, z1 = 0.06 + (h - 0.07) * j / rows, 0.06 + (h - 0.07) * (j + 1) / rows - 0.012
            s.box((x0, d, z0), (x1, d + 0.016, z1), front)
            x, z = (x0 + x1) / 2, (z0 + z1) / 2
            if upright:
                s.box((x1 - 0.06, d, z - 0.06), (x1 - 0.045, d + 0.045, z + 0.06), handle)
            else:
                s.box((x - 0.06, d, z), (x + 0.06, d + 0.045, z + 0.015), handle)
    if h < 1.3:
        clutter.scatter(s, (-w / 2 + 0.1, 0.12), (w / 2 - 0.1, d - 0.1), h, int(rng.integers(0, 7)),
                        clutter.TABLE_THINGS)  # fmt: skip


def counter(s: Scene, w: float, d: float) -> None:
    """Kitchen run: cabinets, worktop, wall cupboards, sometimes a hood and a tap."""
    rng = s.rng
    cabinet(s, w, d - 0.04, 0.86)
    s.box((-w / 2, 0, 0.86), (w / 2, d, 0.9), looks.furniture(s), plane={UP: s.new_plane()})
    count = int(rng.integers(2, 9))
    clutter.scatter(
        s, (-w / 2 + 0.15, 0.15), (w / 2 - 0.15, d - 0.12), 0.9, count, clutter.TABLE_THINGS
    )
    if rng.random() < 0.7:
        look = looks.furniture(s)
        for i in range(max(1, int(w / 0.6))):
            x = -w / 2 + 0.6 * i
            if rng.random() < 0.85:
                s.box((x + 0.004, 0, 1.4), (min(x + 0.596, w / 2), 0.33, 2.1), look)
    if rng.random() < 0.5:
        x = rng.uniform(-0.4, 0.4) * w
        s.cone((x, 0.12, 0.9), 0.25, 0.015, 0.015, looks.metal(rng))
        s.box((x - 0.01, 0.12, 1.13), (x + 0.01, 0.3, 1.15), looks.metal(rng))


def screen_stand(s: Scene, w: float, d: float) -> None:
    """A low cabinet with a television."""
    rng = s.rng
    cabinet(s, w, d, rng.uniform(0.35, 0.6))
    half = min(w / 2, rng.uniform(0.4, 0.75))
    z = 0.75
    s.box((-half, 0.1, z), (half, 0.14, z + half * 1.15), looks.plain(rng, 0.8))
    s.box((-half * 0.97, 0.14, z + 0.02), (half * 0.97, 0.143, z + half * 1.15 - 0.02),
          looks.photo(s, fit=True, emit=float(rng.uniform(0, 1.5))))  # fmt: skip
    s.box((-half / 3, 0.08, 0.35), (half / 3, 0.16, z), looks.plain(rng))


def floor_lamp(s: Scene, w: float, d: float) -> None:
    """Foot, stem and an open shade that may glow."""
    rng = s.rng
    h, r = rng.uniform(1.2, 1.8), rng.uniform(0.12, 0.25)
    s.cone((0, d / 2, 0), 0.03, 0.15, 0.14, looks.metal(rng))
    s.cone((0, d / 2, 0), h, 0.012, 0.012, looks.metal(rng))
    shade = looks.glow(rng, rng.uniform(0.5, 3)) if rng.random() < 0.6 else looks.fabric(s)
    s.cone((0, d / 2, h - 0.1), r * 1.4, r * 1.2, r * rng.uniform(0.6, 1.1), shade, open_top=True)


def tall_plant(s: Scene, w: float, d: float) -> None:
    """A plant that stands on the floor."""
    with s.at(0, d / 2):
        clutter.pot_plant(s, s.rng.uniform(0.7, 1.4))


def piano_box(s: Scene, w: float, d: float) -> None:
    """Washing machines, fridges, safes: a block with a round or square inset."""
    rng = s.rng
    look, h = looks.plain(rng, 0.6), rng.uniform(0.8, 1.9)
    s.box((-w / 2, 0, 0), (w / 2, d, h), look)
    if rng.random() < 0.5:
        with s.at(0, d, h * 0.5, 0, -np.pi / 2):
            s.cone((0, 0, -0.01), 0.04, w * 0.33, w * 0.28, looks.metal(rng))
            s.ball((0, 0, 0.01), (w * 0.24, w * 0.24, 0.05), looks.plain(rng, 1.0))
    else:
        s.box((-w * 0.48, d, h * 0.03), (w * 0.48, d + 0.03, h * 0.6), look)
        s.box((-w * 0.48, d, h * 0.62), (w * 0.48, d + 0.03, h * 0.98), look)
        s.box((w * 0.38, d, h * 0.4), (w * 0.41, d + 0.07, h * 0.8), looks.metal(rng))


# (build, width range, depth range, weight)
WALL_PIECES = (
    (table, (0.7, 1.8), (0.45, 0.8), 2.5),
    (chair, (0.4, 0.5), (0.4, 0.5), 1.5),
    (sofa, (0.9, 2.4), (0.8, 1.0), 1.5),
    (bed, (0.9, 1.8), (1.9, 2.1), 0.8),
    (shelf, (0.5, 1.6), (0.22, 0.4), 2.0),
    (cabinet, (0.5, 2.0), (0.35, 0.6), 2.0),
    (counter, (1.2, 3.0), (0.58, 0.65), 0.7),
    (screen_stand, (0.9, 1.8), (0.35, 0.45), 1.0),
    (floor_lamp, (0.35, 0.4), (0.35, 0.4), 0.7),
    (tall_plant, (0.5, 0.6), (0.5, 0.6), 0.8),
    (piano_box, (0.55, 0.8), (0.55, 0.65), 0.7),
)
