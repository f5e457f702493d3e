"""Small things on tables, shelves and floors. Each stands at the current frame's origin."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from train.render import looks
from train.render.objects import small_thing
from train.render.plants import pot_plant
from train.render.scene import Scene
from train.render.soft import bag, pillow, rag, shoes, toy
from train.render.tableware import (
    bottle,
    bowl,
    cable,
    glass,
    jug,
    lump,
    mug,
    plate,
    table_lamp,
    vase,
)  # fmt: skip

MESHES = 0.6  # share of things that come from disk where there are meshes


def carton(s: Scene, size: float) -> None:
    """A closed box with printed sides."""
    rng = s.rng
    w, d, h = size * rng.uniform(0.25, 0.7, 3) * (1, 1, rng.uniform(0.3, 1.3))
    s.box((-w, -d, 0), (w, d, h), looks.paper(s))


def books(s: Scene, size: float) -> None:
    """A stack of one to four books."""
    rng = s.rng
    z = 0.0
    for _ in range(rng.integers(1, 5)):
        w, d = size * rng.uniform(0.35, 0.65), size * rng.uniform(0.25, 0.5)
        h = rng.uniform(0.008, 0.04)
        with s.at(rng.normal(0, 0.01), rng.normal(0, 0.01), z, rng.normal(0, 0.15)):
            s.box((-w, -d, 0), (w, d, h), looks.paper(s))
        z += h + 0.001


def ball(s: Scene, size: float) -> None:
    """A sphere."""
    r = size * s.rng.uniform(0.15, 0.5)
    look = looks.plain(s.rng) if s.rng.random() < 0.7 else looks.photo(s, 0.3)
    s.ball((0, 0, r), (r, r, r), look)


def can(s: Scene, size: float) -> None:
    """A cylinder: a tin, a jar, a candle."""
    r, h = size * s.rng.uniform(0.12, 0.35), size * s.rng.uniform(0.3, 1.1)
    s.cone((0, 0, 0), h, r, r, looks.photo(s, 0.25) if s.rng.random() < 0.4 else looks.plain(s.rng))


def laptop(s: Scene, size: float) -> None:
    """An open laptop of the usual size; `size` is not used."""
    rng = s.rng
    w, d = rng.uniform(0.14, 0.19), rng.uniform(0.1, 0.13)
    body = looks.metal(rng)
    s.box((-w, -d, 0), (w, d, 0.015), body)
    with s.at(0, d, 0.012, 0, -rng.uniform(0.1, 0.6)):
        s.box((-w, 0, 0), (w, 0.008, 2 * d), body)
        s.box((-w * 0.94, -0.002, d * 0.1), (w * 0.94, 0.001, d * 1.9),
              looks.photo(s, fit=True, emit=float(rng.uniform(0, 1.5))))  # fmt: skip
    s.box((-w * 0.85, -d * 0.1, 0.014), (w * 0.85, d * 0.85, 0.0165), looks.plain(rng, 0.1))


def monitor(s: Scene, size: float) -> None:
    """A screen on a stand, of the usual size; `size` is not used."""
    rng = s.rng
    w, h = rng.uniform(0.22, 0.4), rng.uniform(0.16, 0.24)
    z = rng.uniform(0.1, 0.2)
    s.cone((0, 0, 0), 0.015, 0.12, 0.11, looks.metal(rng))
    s.box((-0.025, -0.02, 0), (0.025, 0.01, z + 0.1), looks.metal(rng))
    s.box((-w, -0.04, z), (w, -0.02, z + 2 * h), looks.plain(rng, 0.3))
    s.box((-w * 0.97, -0.043, z + 0.01), (w * 0.97, -0.039, z + 2 * h - 0.01),
          looks.photo(s, fit=True, emit=float(rng.uniform(0, 1.5))))  # fmt: skip


def sheet(s: Scene, size: float) -> None:
    """Paper, phone, magazine, tablet, keyboard."""
    rng = s.rng
    w, d, h = size * rng.uniform(0.15, 0.5), size * rng.uniform(0.15, 0.5), rng.uniform(0.002, 0.02)
    s.box((-w, -d, 0), (w, d, h), looks.paper(s))


def blocks(s: Scene, size: float) -> None:
    """Up to five toy blocks, stacked or side by side."""
    rng = s.rng
    z = 0.0
    for _ in range(rng.integers(1, 6)):
        a = size * rng.uniform(0.08, 0.25, 3)
        with s.at(rng.normal(0, 0.1) * size, rng.normal(0, 0.1) * size, z, rng.uniform(0, 3)):
            s.box((-a[0], -a[1], 0), (a[0], a[1], 2 * a[2]), looks.plain(rng))
        z += 2 * a[2] if rng.random() < 0.6 else 0


def bin_(s: Scene, size: float) -> None:
    """An open bin."""
    r, h = size * s.rng.uniform(0.2, 0.4), size * s.rng.uniform(0.5, 1)
    s.cone((0, 0, 0), h, r * s.rng.uniform(0.6, 1), r, looks.plain(s.rng), open_top=True)


def crate(s: Scene, size: float) -> None:
    """An open box."""
    rng = s.rng
    w, d = size * rng.uniform(0.3, 0.7), size * rng.uniform(0.25, 0.5)
    h = size * rng.uniform(0.2, 0.6)
    look, t = looks.furniture(s), 0.01 + size * 0.015
    s.box((-w, -d, 0), (w, d, t), look)
    for a in (-1, 1):
        s.box((a * w, -d, 0), (a * (w - t), d, h), look)
        s.box((-w, a * d, 0), (w, a * (d - t), h), look)
    for _ in range(rng.integers(0, 4)):
        with s.at(rng.uniform(-0.5, 0.5) * w, rng.uniform(-0.5, 0.5) * d, t, rng.uniform(0, 6)):
            (ball, carton, can)[rng.integers(3)](s, size * 0.4)


def tool(s: Scene, size: float) -> None:
    """Pens, cutlery, tubes: thin things lying down."""
    rng = s.rng
    for _ in range(rng.integers(1, 4)):
        r, n = size * rng.uniform(0.012, 0.06), size * rng.uniform(0.2, 0.8)
        with s.at(rng.normal(0, 0.2) * size, 0, r, rng.uniform(0, 6.3), np.pi / 2):
            s.cone((0, 0, -n / 2), n, r, r * rng.uniform(0.4, 1), looks.plain(rng))


# what is named twice comes twice as often
TABLE_THINGS = (
    carton, books, books, ball, lump, lump, can, mug, mug, glass, bottle, bottle, bowl, plate,
    plate, vase, jug, pot_plant, table_lamp, laptop, monitor, sheet, sheet, blocks, crate, tool,
    cable, rag, toy,
)  # fmt: skip
SHELF_THINGS = (carton, books, books, ball, can, mug, bottle, bowl, vase, jug, pot_plant, blocks,
                crate, toy, lump)  # fmt: skip
FLOOR_THINGS = (carton, carton, ball, bin_, crate, bag, bag, pot_plant, lump, vase, blocks, books,
                pillow, rag, shoes, toy, cable)  # fmt: skip


def thing(s: Scene, size: float, things: Sequence[Callable[[Scene, float], None]]) -> None:
    """One of `things` at the frame's origin, or a mesh from disk where there are some."""
    builder = things[s.rng.integers(len(things))]
    if s.assets.meshes is None or s.rng.random() > MESHES or not small_thing(s, size):
        builder(s, size)


def scatter(
    s: Scene,
    low: tuple[float, float],
    high: tuple[float, float],
    z: float,
    count: int,
    things: Sequence[Callable[[Scene, float], None]],
    size: tuple[float, float] = (0.15, 0.4),
) -> None:
    """Stand things on a rectangle of the current frame, apart from one another.

    Args:
        s: the scene.
        low, high: (x, y) corners of the rectangle, metres.
        z: its height.
        count: how many to try; those that find no room are left out.
        things: builders to choose from.
        size: smallest and largest size handed to them, metres.
    """
    rng = s.rng
    taken: list[tuple[float, float, float]] = []
    for _ in range(count):
        big = float(np.exp(rng.uniform(np.log(size[0]), np.log(size[1]))))
        for _ in range(6):
            x, y = rng.uniform(low[0], high[0]), rng.uniform(low[1], high[1])
            r = big * 0.45
            if all((x - a) ** 2 + (y - b) ** 2 > (r + q) ** 2 for a, b, q in taken):
                taken.append((x, y, r))
                with s.at(x, y, z, rng.uniform(0, 2 * np.pi)):
                    thing(s, big, things)
                break
