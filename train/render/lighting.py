"""Light on the surfaces of a picture: lamps, sun and sky with soft shadows, and one bounce.

Light is counted as irradiance over pi, so that a surface of albedo a sends out a times as much.
Shadow and bounce rays are few and noisy; what they find is smoothed along surfaces.
Legend: L lights, N points, H x W pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from train.render.surface import EMIT, GLOSS, Stage, Surface
from train.render.vectors import rows_of, unit

FILL = 0.01  # light that is everywhere: where a beam hides the only lamp, something is seen
# One ray goes on from each second pixel of each second row. Those of four by four such pixels
# spread over the sphere: this is the order of their directions, which differ between neighbours.
SPREAD = ((0, 8, 2, 10), (12, 4, 14, 6), (3, 11, 1, 9), (15, 7, 13, 5))
GOLDEN = (0.618034, 0.754878)  # shifts that spread one noise over many lamps
FAINT = 0.003  # a lamp is left out below this share of a pixel's light without shadows


@dataclass
class Lamps:
    """Lights as tensors: position, colour, normal (L, 3), edges (L, 2, 3)."""

    position: Tensor
    colour: Tensor
    normal: Tensor
    edges: Tensor

    @classmethod
    def of(cls, stage: Stage) -> Lamps:
        lights = stage.scene.lights

        def f(name: str, *shape: int) -> Tensor:
            rows = np.array([getattr(light, name) for light in lights], dtype=np.float32)
            return torch.from_numpy(rows.reshape(-1, *shape)).to(stage.rows.device)

        return cls(f("position", 3), f("colour", 3), f("normal", 3), f("edges", 2, 3))

    def __len__(self) -> int:
        return len(self.position)

    def strength(self, surface: Surface) -> tuple[Tensor, Tensor]:
        """(L, N) irradiance for colour 1 without shadows, and (L, 3, N) unit vectors to lights."""
        to = self.position[:, :, None] - surface.point.T
        distance2 = (to * to).sum(1).clamp_min(0.04)
        to = to / distance2.sqrt()[:, None]
        facing = (to * surface.normal.T).sum(1).clamp_min(0)
        directed = self.normal.abs().sum(1) > 0
        leaving = -(to * self.normal[:, :, None]).sum(1)
        facing = facing * torch.where(directed[:, None], leaving, 1.0).clamp_min(0)
        return facing / distance2, to

    def total(self, strength: Tensor) -> Tensor:
        """(N, 3) light of strengths (L, N)."""
        return (self.colour.T @ strength).T


def off_surface(surface: Surface) -> Tensor:
    """(N, 3) points just in front of surfaces, from where shadow rays start."""
    return surface.point + surface.flat * (1e-3 + 1e-3 * surface.t.clamp_max(20))[:, None]


def smooth(values: Tensor, surface: Surface, size: int, reach: int = 3) -> Tensor:
    """Average over neighbours on the same flat stretch of surface, along rows, then columns.

    Args:
        values: (C, H, W).
        surface: of H * W pixels; decides which neighbours belong together.
        size: H = W.
        reach: how many pixels to either side.

    Returns:
        (C, H, W).
    """
    point = surface.point.T.reshape(3, size, size)
    normal = surface.normal.T.reshape(3, size, size)
    near = (0.01 * surface.t).view(size, size)
    for axis in (1, 2):
        total, weight = values.clone(), torch.ones_like(near)
        for shift in range(1, reach + 1):
            a = [slice(None)] * 3
            b = [slice(None)] * 3
            a[axis], b[axis] = slice(shift, None), slice(None, -shift)
            one, two = tuple(a), tuple(b)
            gap = point[one] - point[two]
            same = (normal[one] * normal[two]).sum(0) > 0.9
            same &= (gap * normal[two]).sum(0).abs() < near[two[1:]]
            keep = same.float()
            total[one] += values[two] * keep
            total[two] += values[one] * keep
            weight[one[1:]] += keep
            weight[two[1:]] += keep
        values = total / weight
    return values


def sent_out(stage: Stage, lamps: Lamps, surface: Surface, noise: Tensor) -> Tensor:
    """(N, 3) light that surfaces far from the eye send out: one lamp, drawn by its share, each.

    Args:
        stage, lamps: the scene.
        surface: N points.
        noise: (N, 3) uniform 0..1.
    """
    light = torch.zeros_like(surface.point)
    if len(lamps):
        strength, _ = lamps.strength(surface)
        each = strength * lamps.colour.mean(1)[:, None]
        share = each.cumsum(0)
        chosen = (share < share[-1] * noise[:, 0]).sum(0).clamp_max(len(lamps) - 1)
        edges = rows_of(lamps.edges.view(-1, 6), chosen).T.view(2, 3, -1)
        jitter = ((noise[:, 1:].T * 2 - 1)[:, None] * edges).sum(0).T
        start = off_surface(surface)
        along = rows_of(lamps.position, chosen) + jitter - start
        seen = surface.hit & (share[-1] > 1e-9)
        seen = seen & stage.geometry.is_free(start, along)
        light = lamps.total(strength) * seen[:, None]
    return surface.colour * light


def sharply_lit(stage: Stage, lamps: Lamps, surface: Surface) -> Tensor:
    """(N, 3) light that surfaces send out, with the hard shadows of all lamps, without noise."""
    strength, _ = lamps.strength(surface)
    start = off_surface(surface)
    for i in range(len(lamps)):
        strength[i] *= surface.hit & stage.geometry.is_free(start, lamps.position[i] - start)
    return surface.colour * lamps.total(strength)


@dataclass
class Light:
    """Light on pixels.

    Attributes:
        matt: (N, 3) to multiply with the albedo.
        shine: (N, 3) to add.
        level: mean of the former, for things that glow relative to the room.
        ambient: (3,) what later bounces leave everywhere.
    """

    matt: Tensor
    shine: Tensor
    level: Tensor
    ambient: Tensor


def illuminate(
    stage: Stage, lamps: Lamps, surface: Surface, size: int, generator: torch.Generator
) -> Light:
    """Light on the pixels of a picture.

    Args:
        stage, lamps: the scene.
        surface: what its H * W = N pixels see.
        size: H = W, a multiple of 8.
        generator: source of the chance that spreads shadow and bounce rays.
    """
    device = surface.point.device
    start = off_surface(surface)
    strength, to = lamps.strength(surface)
    strength = strength * surface.hit
    bright = strength * lamps.colour.mean(1)[:, None]
    lit = bright > (FAINT * bright.sum(0)).clamp_min(1e-7)
    noise = torch.rand(2, size * size, generator=generator).to(device)
    visible = torch.zeros_like(strength)
    for i in range(len(lamps)):
        (here,) = lit[i].nonzero(as_tuple=True)
        shifted = (noise.index_select(1, here) + i * noise.new_tensor(GOLDEN)[:, None]) % 1
        end = lamps.position[i] + (lamps.edges[i].T @ (shifted * 2 - 1)).T
        from_here = rows_of(start, here)
        free = stage.geometry.is_free(from_here, end - from_here)
        visible[i].index_copy_(0, here, free.float())
    bounced, ambient = _bounce(stage, lamps, surface, size, generator)
    found = torch.cat([visible.view(-1, size, size), bounced.T.reshape(3, size, size)])
    found = smooth(found, surface, size).flatten(1)
    strength, bounced = strength * found[:-3], found[-3:].T
    gloss = surface.rows[:, GLOSS]
    half = to - surface.view.T
    half = half / (half * half).sum(1, keepdim=True).sqrt().clamp_min(1e-6)
    power = 4 + 200 * gloss * gloss
    lobe = (half * surface.normal.T).sum(1).clamp_min(0).pow(power) * (power + 8) / 25
    shine = lamps.total(lobe * strength)
    matt = lamps.total(strength) + bounced
    level = _mean(matt, surface.hit).mean() if surface.hit.any() else matt.new_tensor(1.0)
    return Light(matt, shine * gloss[:, None] * 0.3, level, ambient)


def _directions(half: int, generator: torch.Generator) -> Tensor:
    """(3, half * half) points on the unit sphere for a picture whose side is a multiple of 4.

    Those of each four by four pixels lie in different sectors and at different heights.
    """
    noise = torch.rand(2, half // 4, 4, half // 4, 4, generator=generator)
    number = torch.tensor(SPREAD)[None, :, None]
    turn = (noise[0] + number).flatten() * (2 * math.pi / 16)
    z = (noise[1] + 5 * number % 16).flatten() * (2 / 16) - 1
    flat = (1 - z * z).clamp_min(0).sqrt()
    return torch.stack([flat * turn.cos(), flat * turn.sin(), z])


def _mean(values: Tensor, where: Tensor) -> Tensor:
    """(3,) mean of values (N, 3) at the chosen (N,), 0 if there are none."""
    return (values * where[:, None]).sum(0) / where.sum().clamp_min(1)


def _bounce(
    stage: Stage, lamps: Lamps, surface: Surface, size: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """(N, 3) light from other surfaces and the sky, noisy, and the mean of later bounces (3,)."""
    device = surface.point.device
    index = torch.arange(size * size, device=device).view(size, size)[::2, ::2].flatten()
    few = surface[index]
    half = size // 2
    ball = _directions(half, generator).to(device).T
    along = unit(few.normal + 0.98 * ball)
    start = off_surface(few)
    met = stage.look(start, along, 0.05, coarse=True)
    noise = torch.rand(3, len(start), generator=generator).to(device).T
    light = sent_out(stage, lamps, met, noise)
    lit = met.hit & few.hit
    first = _mean(light, lit)
    # light that glowing things give, relative to the room; those with a lamp inside are not met
    glow = met.rows[:, EMIT, None] * met.colour * first.mean() * 2
    # each further bounce brings the mean albedo's share of the one before
    mean = _mean(met.colour, lit).clamp_max(0.75)
    ambient = first * mean / (1 - mean) + 0.02 * first.mean() + FILL
    if stage.scene.outdoors:
        sky = stage.scene.sky.radiance(along, soft=True)
        light = light + met.colour * 0.3 * stage.scene.sky.radiance(met.normal, soft=True)
    else:
        sky = torch.zeros_like(light)  # windows are lamps
    light = torch.where(met.hit[:, None], light + glow + met.colour * ambient, sky)
    # single rays that meet something bright would leave spots
    limit = 4 * _mean(light, few.hit).mean()
    light = light * (limit / light.mean(1, keepdim=True).clamp_min(1e-9)).clamp_max(1)
    light = smooth(light.T.reshape(3, half, half), few, half, reach=7)
    light = light.repeat_interleave(2, 1).repeat_interleave(2, 2)
    return light.flatten(1).T, ambient
