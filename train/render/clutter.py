"""Small things on tables, shelves and floors. Each stands at the current frame's origin."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from train.render import looks
from train.render.objects import small_thing
from train.render.scene import Scene

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


def pebble(s: Scene, size: float) -> None:
    """An ellipsoid: fruit, bread, a stone."""
    a, b, c = size * s.rng.uniform(0.15, 0.55, 3)
    s.ball((0, 0, c * 0.95), (a, b, c), looks.fabric(s))


def can(s: Scene, size: float) -> None:
    """A cylinder: a tin, a jar, a candle."""
    r, h = size * s.rng.uniform(0.12, 0.35), size * s.rng.uniform(0.3, 1.1)
    s.cone((0, 0, 0), h, r, r, looks.photo(s, 0.25) if s.rng.random() < 0.4 else looks.plain(s.rng))


def mug(s: Scene, size: float) -> None:
    """A cup with something in it, mostly with a handle."""
    rng = s.rng
    r, h = size * rng.uniform(0.15, 0.25), size * rng.uniform(0.3, 0.6)
    look = looks.plain(rng)
    s.cone((0, 0, 0), h, r * rng.uniform(0.6, 1), r, look, open_top=True)
    s.cone((0, 0, 0), h * rng.uniform(0.1, 0.85), r * 0.6, r * 0.8, looks.plain(rng))
    if rng.random() < 0.6:
        s.box((r * 0.9, -0.006, h * 0.2), (r * 1.5, 0.006, h * 0.32), look)
        s.box((r * 0.9, -0.006, h * 0.7), (r * 1.5, 0.006, h * 0.82), look)
        s.box((r * 1.4, -0.006, h * 0.2), (r * 1.55, 0.006, h * 0.82), look)


def bottle(s: Scene, size: float) -> None:
    """Body, shoulder and neck, sometimes with a label."""
    rng = s.rng
    r, h = size * rng.uniform(0.1, 0.2), size * rng.uniform(0.4, 0.9)
    look = looks.plain(rng, 0.9)
    neck = r * rng.uniform(0.25, 0.6)
    s.cone((0, 0, 0), h, r, r * rng.uniform(0.8, 1), look)
    s.cone((0, 0, h), h * rng.uniform(0.1, 0.3), r * 0.95, neck, look)
    s.cone((0, 0, h * 1.1), h * rng.uniform(0.2, 0.4), neck, neck * 0.9, looks.plain(rng))
    if rng.random() < 0.5:
        s.cone((0, 0, h * 0.25), h * 0.4, r * 1.01, r * 1.01, looks.photo(s, 0.2))


def bowl(s: Scene, size: float) -> None:
    """Half an ellipsoid with fruit in it."""
    rng = s.rng
    r, h = size * rng.uniform(0.3, 0.7), size * rng.uniform(0.15, 0.4)
    s.ball((0, 0, h), (r, r, h), looks.plain(rng, 0.7), clip=0.0)
    for _ in range(rng.integers(0, 6)):
        q = r * rng.uniform(0.2, 0.35)
        x, y = rng.uniform(-0.45, 0.45, 2) * r
        s.ball((x, y, h * 0.5 + q * 0.8), (q, q, q * rng.uniform(0.7, 1.1)), looks.plain(rng))


def plate(s: Scene, size: float) -> None:
    """A flat dish, sometimes with food on it."""
    r = size * s.rng.uniform(0.3, 0.6)
    s.cone((0, 0, 0), 0.018, r * 0.6, r, looks.plain(s.rng, 0.8), open_top=s.rng.random() < 0.5)
    if s.rng.random() < 0.5:
        with s.at(0, 0, 0.012):
            pebble(s, r * 0.9)


def vase(s: Scene, size: float) -> None:
    """Frusta on top of one another, sometimes with a plant."""
    rng = s.rng
    z, r = 0.0, size * rng.uniform(0.1, 0.3)
    look = looks.plain(rng, 0.7) if rng.random() < 0.7 else looks.photo(s, 0.3)
    levels = int(rng.integers(2, 6))
    for i in range(levels):
        nxt = float(np.clip(r * rng.uniform(0.55, 1.6), size * 0.05, size * 0.4))
        h = size * rng.uniform(0.08, 0.3)
        s.cone((0, 0, z), h, r, nxt, look, open_top=i == levels - 1)
        z, r = z + h, nxt
    if rng.random() < 0.4:
        with s.at(0, 0, z):
            leaves(s, size)


def leaves(s: Scene, size: float) -> None:
    """Stems and flat ellipsoids in all directions."""
    rng = s.rng
    dark = looks.hsv(rng.uniform(0.2, 0.38), 0.6, rng.uniform(0.2, 0.6))
    light = looks.hsv(rng.uniform(0.18, 0.4), 0.5, rng.uniform(0.3, 0.8))
    green = looks.Material(looks.m.MIXED, dark, light, noise_period=0.1)
    long = size * rng.uniform(0.25, 0.6)
    for _ in range(rng.integers(6, 20)):
        with s.at(0, 0, 0, rng.uniform(0, 6.3), rng.uniform(-1.3, 1.0)):
            z = rng.uniform(0.1, 0.9) * size
            wide, tall = long * rng.uniform(0.08, 0.3), long * rng.uniform(0.3, 0.7)
            s.ball((0, 0, z), (wide, 0.006, tall), green)


def pot_plant(s: Scene, size: float) -> None:
    """A pot with earth and leaves."""
    h, r = size * s.rng.uniform(0.25, 0.5), size * s.rng.uniform(0.15, 0.3)
    s.cone((0, 0, 0), h, r * 0.75, r, looks.plain(s.rng), open_top=True)
    s.cone((0, 0, 0), h * 0.85, r * 0.7, r * 0.9, looks.fabric(s))
    with s.at(0, 0, h * 0.8):
        leaves(s, size)


def table_lamp(s: Scene, size: float) -> None:
    """Foot, stem and an open shade that may glow."""
    rng = s.rng
    h, r = size * rng.uniform(0.5, 1.2), size * rng.uniform(0.15, 0.3)
    s.cone((0, 0, 0), h, 0.02 + size * 0.05, 0.012, looks.metal(rng))
    s.cone((0, 0, 0), 0.02, r * 0.7, r * 0.7, looks.metal(rng))
    shade = looks.glow(rng, rng.uniform(0.3, 3)) if rng.random() < 0.5 else looks.fabric(s)
    s.cone((0, 0, h * 0.8), r * rng.uniform(0.8, 1.5), r * 1.2, r * rng.uniform(0.5, 1.2), shade,
           open_top=True)  # fmt: skip


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


def bag(s: Scene, size: float) -> None:
    """A soft bag with a pocket."""
    rng = s.rng
    look = looks.fabric(s)
    w, d = size * rng.uniform(0.25, 0.45), size * rng.uniform(0.12, 0.25)
    h = size * rng.uniform(0.3, 0.6)
    s.ball((0, 0, h), (w, d, h), look)
    s.ball((0, -d * 0.7, h * 0.6), (w * 0.7, d * 0.6, h * 0.5), look)


def tool(s: Scene, size: float) -> None:
    """Pens, cutlery, tubes: thin things lying down."""
    rng = s.rng
    for _ in range(rng.integers(1, 4)):
        r, n = size * rng.uniform(0.012, 0.06), size * rng.uniform(0.2, 0.8)
        with s.at(rng.normal(0, 0.2) * size, 0, r, rng.uniform(0, 6.3), np.pi / 2):
            s.cone((0, 0, -n / 2), n, r, r * rng.uniform(0.4, 1), looks.plain(rng))


# what is named twice comes twice as often
TABLE_THINGS = (
    carton, books, ball, pebble, can, mug, mug, bottle, bottle, bowl, plate, vase, pot_plant,
    table_lamp, laptop, monitor, sheet, sheet, blocks, crate, tool,
)  # fmt: skip
SHELF_THINGS = (carton, books, ball, can, mug, bottle, bowl, vase, pot_plant, blocks, crate)
FLOOR_THINGS = (carton, carton, ball, bin_, crate, bag, pot_plant, pebble, vase, blocks, books)


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
