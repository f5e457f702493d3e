"""Random materials for the things of a room."""

from __future__ import annotations

import colorsys

import numpy as np

from train.render import materials as m
from train.render.materials import Material
from train.render.scene import Scene

WOODS = ((0.07, 0.55, 0.45), (0.08, 0.45, 0.65), (0.06, 0.6, 0.25), (0.09, 0.3, 0.75),
         (0.05, 0.5, 0.15))  # fmt: skip


def hsv(h: float, s: float, v: float) -> np.ndarray:
    """Linear RGB of a perceived (sRGB) hue, saturation and value."""
    rgb = colorsys.hsv_to_rgb(h % 1, float(np.clip(s, 0, 1)), float(np.clip(v, 0, 1)))
    return np.array(rgb) ** 2.2


def any_colour(rng: np.random.Generator, dull: float = 0.6) -> np.ndarray:
    """A colour, mostly muted when `dull` is near 1."""
    s = rng.beta(1.2, 2.5) if rng.random() < dull else rng.uniform(0.3, 0.95)
    warm = rng.random() < 0.55
    h = rng.normal(0.08, 0.06) if warm else rng.random()
    return hsv(h, s, rng.uniform(0.12, 0.97))


def muted(colour: np.ndarray, share: float = 0.55) -> np.ndarray:
    """A colour (3,) mixed with the grey of its lightness: large surfaces are seldom colourful."""
    return colour + share * (colour.mean() - colour)


def near(rng: np.random.Generator, colour: np.ndarray, amount: float = 0.3) -> np.ndarray:
    """A neighbouring colour."""
    return np.clip(colour * np.exp(rng.normal(0, amount) + rng.normal(0, amount / 4, 3)), 0, 1)


def _noise(rng: np.random.Generator, low: float, high: float) -> dict:
    return {
        "noise": int(rng.integers(m.NOISES)),
        "noise_period": float(np.exp(rng.uniform(np.log(0.15), np.log(2.5)))),
        "noise_amount": float(rng.uniform(low, high)),
        "shift": float(rng.random() * 10),
    }


def photo(scene: Scene, period: float = 1.0, fit: bool = False, emit: float = 0.0) -> Material:
    """A photo of the scene's folder, or coloured noise where there is none."""
    rng = scene.rng
    number = scene.random_photo()
    a, b = any_colour(rng, 0.3), any_colour(rng, 0.3)
    look = _noise(rng, 0.05, 0.2)
    angle = 0.0 if fit else float(rng.choice([0, 0, np.pi / 2, rng.uniform(0, 6)]))
    if number is not None:
        return Material(m.PHOTO, a, b, texture=number, period=period, fit=fit,
                        emit=emit, angle=angle, gloss=0.2, **look)  # fmt: skip
    return Material(m.MIXED, a, b, emit=emit, gloss=0.2, **look)


def wood(rng: np.random.Generator, boards: bool | None = None) -> Material:
    """Wood, in one piece or in boards; chance decides where `boards` is not given."""
    h, s, v = WOODS[rng.integers(len(WOODS))]
    first = hsv(h + rng.normal(0, 0.01), s + rng.normal(0, 0.08), v + rng.normal(0, 0.08))
    boards = rng.random() < 0.3 if boards is None else boards
    return Material(
        m.PLANKS, first, near(rng, first * 0.55, 0.2), first * 0.3,
        period=float(rng.uniform(0.8, 2)) if boards else 9.0,
        aspect=float(rng.uniform(0.06, 0.18)) if boards else 0.12,
        angle=float(rng.choice([0, np.pi / 2])),
        gloss=float(rng.beta(1.5, 3)), **_noise(rng, 0, 0.2),
    )  # fmt: skip


def plain(rng: np.random.Generator, gloss: float | None = None) -> Material:
    """Painted, moulded or glazed."""
    first = any_colour(rng, 0.5)
    mixed = rng.random() < 0.25
    return Material(
        m.MIXED if mixed else m.SOLID, first, near(rng, first, 0.5),
        gloss=float(rng.random() if gloss is None else gloss), **_noise(rng, 0, 0.25),
    )  # fmt: skip


def fabric(scene: Scene) -> Material:
    """Cloth, leather, carpet."""
    rng = scene.rng
    first = muted(any_colour(rng, 0.6), 0.25)
    kinds = [m.SOLID, m.MIXED, m.STRIPES, m.CHECKER, m.DOTS]
    kind = rng.choice(kinds, p=[0.4, 0.3, 0.12, 0.1, 0.08])
    if rng.random() < 0.06:
        return photo(scene, float(rng.uniform(0.3, 1.2)))
    return Material(
        int(kind), first, any_colour(rng) if kind > 1 else near(rng, first, 0.3),
        period=float(rng.uniform(0.03, 0.25)), angle=float(rng.choice([0, 0.78, 1.57])),
        gloss=0.02, **_noise(rng, 0.1, 0.4),
    )  # fmt: skip


def metal(rng: np.random.Generator) -> Material:
    """Something grey that shines."""
    grey = rng.uniform(0.15, 0.85)
    return Material(m.SOLID, hsv(rng.normal(0.1, 0.05), rng.uniform(0, 0.2), grey),
                    gloss=float(rng.uniform(0.4, 1)), **_noise(rng, 0, 0.15))  # fmt: skip


def furniture(scene: Scene) -> Material:
    """Wood, lacquer, metal or plastic."""
    rng = scene.rng
    r = rng.random()
    if r < 0.5:
        return wood(rng)
    if r < 0.72:  # white and grey lacquer
        first = hsv(rng.normal(0.1, 0.05), rng.uniform(0, 0.12), rng.uniform(0.55, 0.97))
        return Material(m.SOLID, first, first, gloss=float(rng.uniform(0, 0.7)),
                        **_noise(rng, 0, 0.1))  # fmt: skip
    return metal(rng) if r < 0.8 else plain(rng)


def wall(scene: Scene) -> Material:
    """Paint, plaster, stripes, bricks, tiles, panels, wallpaper."""
    rng = scene.rng
    r = rng.random()
    if rng.random() < 0.6:
        first = hsv(rng.normal(0.1, 0.08), rng.uniform(0, 0.2), rng.uniform(0.6, 0.97))
    else:
        first = muted(any_colour(rng, 0.8))
    look = _noise(rng, 0, 0.2)
    if r < 0.5:
        return Material(m.SOLID, first, first, gloss=float(rng.uniform(0, 0.3)), **look)
    if r < 0.6:
        return Material(m.MIXED, first, near(rng, first, 0.2), **look)
    if r < 0.68:
        return Material(m.STRIPES, first, near(rng, first, 0.3),
                        period=float(rng.uniform(0.08, 0.5)), **look)  # fmt: skip
    if r < 0.8:  # bricks or bathroom tiles
        return Material(
            m.BRICKS, first, near(rng, first, 0.3), hsv(0.1, 0.05, rng.uniform(0.3, 0.9)),
            period=float(rng.uniform(0.1, 0.45)), aspect=float(rng.choice([0.35, 0.5, 1, 1])),
            gloss=float(rng.random() * 0.6), **look,
        )  # fmt: skip
    if r < 0.86:
        return wood(rng, boards=True)
    if r < 0.97:
        return Material(m.SOLID, first, first, gloss=float(rng.uniform(0, 0.3)), **look)
    return photo(scene, float(rng.uniform(0.5, 3)))


def ground(scene: Scene) -> Material:
    """Boards, tiles, checks, carpet, concrete; polished one time in four."""
    made = _ground(scene)
    polish = scene.rng.random()
    if polish < 0.25 and made.gloss > 0.1:
        made.mirror = float(scene.rng.choice([0.04, 0.04, 0.1, 0.25]))
    return made


def _ground(scene: Scene) -> Material:
    rng = scene.rng
    r = rng.random()
    if r < 0.4:
        return wood(rng, boards=True)
    first = muted(any_colour(rng, 0.85))
    look = _noise(rng, 0.05, 0.35)
    if r < 0.6:
        return Material(
            m.BRICKS, first, near(rng, first, 0.2), hsv(0.1, 0.05, rng.uniform(0.2, 0.9)),
            period=float(rng.uniform(0.15, 0.8)), aspect=float(rng.choice([1, 1, 1, 0.5])),
            angle=float(rng.choice([0, 0, 0.785])), gloss=float(rng.random() * 0.9), **look,
        )  # fmt: skip
    if r < 0.68:
        return Material(m.CHECKER, first, any_colour(rng, 0.9), period=float(rng.uniform(0.2, 0.6)),
                        angle=float(rng.choice([0, 0.785])), gloss=0.5, **look)  # fmt: skip
    if r < 0.97:  # carpet, concrete
        return Material(m.MIXED, first, near(rng, first, 0.3), gloss=0.05, **look)
    return photo(scene, float(rng.uniform(0.5, 3)))


def rug(scene: Scene) -> Material:
    """Cloth or one picture over the whole rug."""
    return photo(scene, fit=True) if scene.rng.random() < 0.25 else fabric(scene)


def paper(scene: Scene) -> Material:
    """Book covers, boxes, packages."""
    r = scene.rng.random()
    if r < 0.4:
        return photo(scene, fit=True)
    return plain(scene.rng, 0.2) if r < 0.9 else fabric(scene)


def glow(rng: np.random.Generator, strength: float) -> Material:
    """A lamp's shade or a lit blind; `strength` relative to the room's light."""
    colour = hsv(rng.normal(0.11, 0.04), rng.uniform(0, 0.35), 1.0)
    return Material(m.SOLID, colour, colour, emit=strength, noise_amount=0.0)
