"""Soft things: cushions, bags, cloths, toys, shoes. Each stands at the frame's origin."""

from __future__ import annotations

from train.render import looks
from train.render.curved import cloth, cushion, spline, superquadric, tube
from train.render.scene import Scene


def pillow(s: Scene, size: float) -> None:
    """A cushion lying down or leaning."""
    rng = s.rng
    w, d = size * rng.uniform(0.35, 0.6), size * rng.uniform(0.3, 0.5)
    thick = size * rng.uniform(0.1, 0.2)
    with s.at(0, 0, thick * 0.9):
        s.mesh(cushion(rng), looks.fabric(s), (w, d, thick))


def rag(s: Scene, size: float) -> None:
    """A cloth dropped in folds: towels, clothes, napkins."""
    rng = s.rng
    w, d = size * rng.uniform(0.6, 1.3), size * rng.uniform(0.5, 1)
    rise = size * rng.choice([0.02, 0.08, 0.2]) * rng.uniform(0.5, 1)
    s.mesh(cloth(rng, w, d, rise, size * rng.uniform(0.2, 0.6)), looks.fabric(s))


def bag(s: Scene, size: float) -> None:
    """A soft bag with handles or straps."""
    rng = s.rng
    look = looks.fabric(s)
    w, d = size * rng.uniform(0.25, 0.45), size * rng.uniform(0.1, 0.22)
    h = size * rng.uniform(0.3, 0.6)
    with s.at(0, 0, h):
        s.mesh(superquadric(rng.uniform(0.35, 0.8), rng.uniform(0.5, 0.9)), look, (w, d, h))
    for y in (-d * 0.5, d * 0.5):
        path = [[-w * 0.5, y, 1.9 * h], [-w * 0.4, y, 2.5 * h], [w * 0.4, y, 2.5 * h],
                [w * 0.5, y, 1.9 * h]]  # fmt: skip
        s.mesh(tube(spline(path, 14), 0.012 + size * 0.01, 7), looks.plain(rng, 0.3))
    with s.at(0, -d * 0.9, h * 0.7):
        s.mesh(superquadric(0.4, 0.5), look, (w * 0.7, d * 0.3, h * 0.45))


def toy(s: Scene, size: float) -> None:
    """A plush animal of rounded parts, sitting."""
    rng = s.rng
    fur, second = looks.fabric(s), looks.fabric(s)
    k = size * 0.5

    def part(x: float, y: float, z: float, a: float, b: float, c: float, look) -> None:
        s.ball((x * k, y * k, z * k), (a * k, b * k, c * k), look)

    plump = rng.uniform(0.8, 1.2)
    part(0, 0, 0.55, 0.4 * plump, 0.36 * plump, 0.55, fur)
    part(0, -0.1, 1.3, 0.36, 0.34, 0.34, fur)
    part(0, -0.4, 1.22, 0.15, 0.16, 0.12, second)
    long = rng.choice([0.14, 0.5])
    for side in (-1, 1):
        part(side * 0.27, 0, 1.55 + long * 0.6, 0.12, 0.07, long, second)
        part(side * 0.45, -0.2, 0.75, 0.13, 0.3, 0.14, fur)
        part(side * 0.3, -0.5, 0.15, 0.15, 0.35, 0.16, fur)
        part(side * 0.12, -0.4, 1.38, 0.04, 0.04, 0.05, looks.metal(rng))


def shoes(s: Scene, size: float) -> None:
    """A pair, about 27 cm long; `size` is not used."""
    rng = s.rng
    look, sole = looks.plain(rng, 0.3), looks.plain(rng, 0.2)
    for side in (-1, 1):
        with s.at(side * 0.07, rng.normal(0, 0.03), 0, rng.normal(0, 0.2)):
            s.box((-0.042, -0.135, 0), (0.042, 0.135, 0.02), sole)
            with s.at(0, -0.02, 0.05):
                s.mesh(superquadric(0.7, 0.8, 18), look, (0.043, 0.125, 0.035))
            with s.at(0, 0.065, 0.075):
                s.mesh(superquadric(0.5, 0.8, 18), look, (0.042, 0.065, 0.06))
