"""Procedural and photographed surfaces.

A material is a row of numbers; `albedo` evaluates the rows of all pixels at once, pattern by
pattern. Legend: K pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from train.render.textures import NOISES, sample
from train.render.vectors import rows_of

SOLID, MIXED, CHECKER, STRIPES, BRICKS, PLANKS, PHOTO, DOTS, VERTEX = range(9)
COLUMNS = 22
FINE, FINENESS = 1, 0.13  # a second noise on all surfaces: which, and its period relative to theirs


@dataclass
class Material:
    """Look of a surface. Colours are linear RGB 0..1, lengths metres.

    Attributes:
        pattern: which of the patterns of this module.
        first, second, third: colours (pattern, pattern, mortar).
        period: size of one repetition.
        aspect: height of a repetition relative to its width.
        angle: turn of the pattern on the surface, radians.
        noise, noise_period, noise_amount: tile of the noise bank, its size and strength 0..1.
        gloss: 0 matt .. 1 shiny.
        emit: light of its own, relative to its colour.
        texture: number of one of the scene's textures (pattern PHOTO).
        fit: stretch the texture over the whole face, or lay it as the mesh says, instead of
            repeating it every `period`.
        shift: offset of the pattern.
        mirror: share of light reflected like a mirror when looked at squarely; 0 is none at all.

    Pattern VERTEX takes the colours at the corners of the mesh.
    """

    pattern: int = SOLID
    first: np.ndarray = field(default_factory=lambda: np.full(3, 0.5))
    second: np.ndarray = field(default_factory=lambda: np.full(3, 0.3))
    third: np.ndarray = field(default_factory=lambda: np.full(3, 0.4))
    period: float = 0.3
    aspect: float = 1.0
    angle: float = 0.0
    noise: int = 3
    noise_period: float = 1.0
    noise_amount: float = 0.15
    gloss: float = 0.1
    emit: float = 0.0
    texture: int = 0
    fit: bool = False
    shift: float = 0.0
    mirror: float = 0.0

    def row(self) -> list[float]:
        """COLUMNS numbers."""
        return [
            self.pattern, *self.first, *self.second, *self.third, self.period, self.aspect,
            self.angle, self.noise, self.noise_period, self.noise_amount, self.gloss, self.emit,
            NOISES + self.texture, float(self.fit), self.shift, self.mirror,
        ]  # fmt: skip


def _pulse(x: Tensor, width: Tensor, blur: Tensor) -> Tensor:
    """1 where the fraction of x lies below `width`, with edges softened to the pixel's size."""
    f = x - x.floor()
    blur = blur.clamp(1e-3, 0.5)
    rise = ((f / blur) + 0.5).clamp(0, 1) + ((f - 1) / blur + 0.5).clamp(0, 1)
    fall = ((f - width) / blur + 0.5).clamp(0, 1)
    return (rise - fall).clamp(0, 1)


def _hash(x: Tensor, y: Tensor) -> Tensor:
    h = torch.sin(x * 12.9898 + y * 78.233) * 43758.547
    return h - h.floor()


def albedo(
    rows: Tensor,
    uv: Tensor,
    fit_uv: Tensor,
    rgb: Tensor,
    footprint: Tensor,
    texture_footprint: Tensor,
    bank: Tensor,
    smooth: bool = True,
) -> Tensor:
    """Colour of surface points.

    Args:
        rows: (K, COLUMNS).
        uv: (K, 2) metres on the surface.
        fit_uv: (K, 2) in 0..1 over the face.
        rgb: (K, 3) colours at the mesh's corners, for pattern VERTEX.
        footprint: (K,) metres that a pixel covers there.
        texture_footprint: (K,) share of a texture's width that it covers.
        bank: (N, S, 3) textures, noises first.
        smooth: interpolate textures.

    Returns:
        (K, 3) linear RGB in 0..1.
    """
    pattern = rows[:, 0].long()
    first, second, third = rows[:, 1:4], rows[:, 4:7], rows[:, 7:10]
    period, aspect, angle = rows[:, 10], rows[:, 11], rows[:, 12]
    noise_period, amount, shift = rows[:, 14], rows[:, 15], rows[:, 20]
    grain = sample(
        bank[..., :1],
        rows[:, 13].long(),
        uv / noise_period[:, None] + shift[:, None],
        footprint / noise_period,
        smooth,
    )[:, 0]
    if smooth:  # seen by the eye: no surface is without grain
        fine = sample(
            bank[..., :1],
            torch.full_like(rows[:, 13], FINE).long(),
            uv / (FINENESS * noise_period)[:, None] + shift[:, None],
            footprint / (FINENESS * noise_period),
            smooth=False,
        )[:, 0]
        grain = 0.6 * grain + 0.4 * fine
    c, s = angle.cos(), angle.sin()
    x = (c * uv[:, 0] + s * uv[:, 1]) / period + shift
    y = (c * uv[:, 1] - s * uv[:, 0]) / (period * aspect) + shift
    blur = footprint / (period * aspect.clamp_max(1))
    half = torch.full_like(x, 0.5)

    colour = first.T.contiguous().clone().T

    def choose(kind: int):
        where = (pattern == kind).nonzero()[:, 0]
        return where if where.numel() else None

    def paint(where: Tensor, new: Tensor) -> None:
        colour.T.index_copy_(1, where, new.T)

    def blend(where: Tensor, weight: Tensor, joint: Tensor | None = None) -> None:
        new = torch.lerp(rows_of(first, where), rows_of(second, where), weight[:, None])
        if joint is not None:
            new = torch.lerp(new, rows_of(third, where), joint[:, None])
        paint(where, new)

    if (i := choose(MIXED)) is not None:
        blend(i, ((grain[i] - 0.5) * 2.2 + 0.5).clamp(0, 1))
    if (i := choose(CHECKER)) is not None:
        a, b = _pulse(x[i] / 2, half[i], blur[i] / 2), _pulse(y[i] / 2, half[i], blur[i] / 2)
        blend(i, a + b - 2 * a * b)
    if (i := choose(STRIPES)) is not None:
        blend(i, _pulse(x[i], 0.25 + 0.5 * _hash(shift[i], shift[i]), blur[i]))
    if (i := choose(DOTS)) is not None:
        dx, dy = x[i] - x[i].floor() - 0.5, y[i] - y[i].floor() - 0.5
        blend(i, ((0.3 - torch.hypot(dx, dy)) / blur[i].clamp(0.02, 0.5) + 0.5).clamp(0, 1))
    if (i := choose(BRICKS)) is not None:
        row = y[i].floor()
        # running bond for flat bricks, a plain grid for square tiles
        bx = x[i] + torch.where(aspect[i] < 0.8, row * 0.5, torch.zeros_like(row))
        joint = torch.maximum(
            _pulse(bx, half[i] * 0.06, blur[i]),
            _pulse(y[i], half[i] * 0.06 / aspect[i].clamp(0.3, 1), blur[i]),
        )
        blend(i, _hash(bx.floor(), row) * 0.9, joint)
    if (i := choose(PLANKS)) is not None:
        board = y[i].floor()
        bx = x[i] + 7.3 * _hash(board, shift[i])
        end = bx.floor()
        fibre = sample(
            bank[..., :1],
            torch.full_like(board, 4).long(),
            torch.stack([0.35 * (uv[i, 0] * c[i] + uv[i, 1] * s[i]), 0.72 * y[i]]).T
            + _hash(board, end)[:, None],
            footprint[i],
            smooth,
        )[:, 0]
        joint = torch.maximum(
            _pulse(y[i], half[i] * 0.05, blur[i]), _pulse(bx, half[i] * 0.01, blur[i])
        )
        shade = 0.55 * _hash(board, end + 3) + 0.9 * (fibre - 0.3)
        blend(i, shade.clamp(0, 1), joint * 0.8)
    if (i := choose(PHOTO)) is not None:
        at = torch.stack([x[i], y[i]]).T
        at = torch.where(rows_of(rows[:, 19], i)[:, None] > 0, rows_of(fit_uv, i), at)
        number = rows_of(rows[:, 18], i).long()
        paint(i, sample(bank, number, at, texture_footprint[i], smooth))
        amount = amount * torch.where(pattern == PHOTO, 0.3, 1.0)
    if (i := choose(VERTEX)) is not None:
        paint(i, rows_of(rgb, i))
    return (colour * (1 + amount * (2 * grain - 1))[:, None]).clamp(0.004, 1)
