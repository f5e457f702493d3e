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

FILL = 0.01  # light that is everywhere: where a beam hides the only lamp, something is seen
BOUNCES = 4  # rays for each second pixel of each second row


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
        """(L, N) irradiance for colour 1 without shadows, and (L, N, 3) unit vectors to lights."""
        to = self.position[:, None] - surface.point
        distance2 = (to * to).sum(2).clamp_min(0.04)
        to = to / distance2.sqrt()[..., None]
        facing = (to * surface.normal).sum(2).clamp_min(0)
        directed = self.normal.abs().sum(1) > 0
        leaving = -(to * self.normal[:, None]).sum(2)
        facing = facing * torch.where(directed[:, None], leaving, 1.0).clamp_min(0)
        return facing / distance2, to


def off_surface(surface: Surface) -> Tensor:
    """(N, 3) points just in front of surfaces, from where shadow rays start."""
    return surface.point + surface.flat * (1e-3 + 1e-3 * surface.t.clamp_max(20))[:, None]


def length(x: Tensor) -> Tensor:
    """(..., 1) Euclidean length along the last dimension; much faster than `Tensor.norm`."""
    return (x * x).sum(-1, keepdim=True).sqrt()


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
    point = surface.point.view(size, size, 3).permute(2, 0, 1)
    normal = surface.normal.view(size, size, 3).permute(2, 0, 1)
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
        total = torch.einsum("ln,lj->nj", strength, lamps.colour)
        jitter = (noise[:, 1:] * 2 - 1)[:, :, None] * lamps.edges[chosen]
        start = off_surface(surface)
        along = lamps.position[chosen] + jitter.sum(1) - start
        seen = surface.hit & (share[-1] > 1e-9)
        seen = seen & stage.geometry.is_free(start, along)
        light = total * seen[:, None]
    return surface.colour * light


def sharply_lit(stage: Stage, lamps: Lamps, surface: Surface) -> Tensor:
    """(N, 3) light that surfaces send out, with the hard shadows of all lamps, without noise."""
    strength, _ = lamps.strength(surface)
    start = off_surface(surface)
    for i in range(len(lamps)):
        strength[i] *= surface.hit & stage.geometry.is_free(start, lamps.position[i] - start)
    return surface.colour * torch.einsum("ln,lj->nj", strength, lamps.colour)


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


def illuminate(stage: Stage, lamps: Lamps, surface: Surface, size: int, noise: Tensor) -> Light:
    """Light on the pixels of a picture.

    Args:
        stage, lamps: the scene.
        surface: what its H * W = N pixels see.
        size: H = W, even.
        noise: (2 L + 5 * BOUNCES, N) uniform 0..1, or more.
    """
    start = off_surface(surface)
    strength, to = lamps.strength(surface)
    strength = strength * surface.hit
    visible = torch.zeros_like(strength)
    for i in range(len(lamps)):
        jitter = (noise[2 * i : 2 * i + 2].T * 2 - 1) @ lamps.edges[i]
        along = lamps.position[i] + jitter - start
        lit = (strength[i] > 1e-6).nonzero()[:, 0]
        visible[i, lit] = stage.geometry.is_free(start[lit], along[lit]).float()
    bounced, ambient = _bounce(stage, lamps, surface, size, noise[2 * len(lamps) :])
    found = torch.cat([visible.view(-1, size, size), bounced.T.reshape(3, size, size)])
    found = smooth(found, surface, size).flatten(1)
    visible, bounced = found[:-3], found[-3:].T
    direct = torch.einsum("ln,lj->nj", strength * visible, lamps.colour)
    gloss = surface.rows[:, GLOSS]
    half = to - surface.view
    half = half / length(half).clamp_min(1e-6)
    power = 4 + 200 * gloss * gloss
    lobe = (half * surface.normal).sum(2).clamp_min(0).pow(power) * (power + 8) / 25
    shine = torch.einsum("ln,lj->nj", lobe * strength * visible, lamps.colour)
    matt = direct + bounced
    level = matt[surface.hit].mean() if surface.hit.any() else matt.new_tensor(1.0)
    return Light(matt, shine * gloss[:, None] * 0.3, level, ambient)


def _bounce(
    stage: Stage, lamps: Lamps, surface: Surface, size: int, noise: Tensor
) -> tuple[Tensor, Tensor]:
    """(N, 3) light from other surfaces and the sky, noisy, and the mean of later bounces (3,)."""
    device = surface.point.device
    index = torch.arange(size * size, device=device).view(size, size)[::2, ::2].flatten()
    few = surface[index]
    count = len(index)
    noise = noise[: 5 * BOUNCES, :count].reshape(BOUNCES, 5, count).permute(0, 2, 1)
    strata = torch.arange(BOUNCES, device=device)[:, None] / BOUNCES
    turn, height = (noise[..., 0] / BOUNCES + strata) * 2 * math.pi, noise[..., 1]
    flat = (1 - (2 * height - 1) ** 2).clamp_min(0).sqrt()
    ball = torch.stack([flat * turn.cos(), flat * turn.sin(), 2 * height - 1], 2)
    along = few.normal + 0.98 * ball
    along = (along / length(along)).view(-1, 3)
    start = off_surface(few).repeat(BOUNCES, 1)
    met = stage.look(start, along, 0.05)
    light = sent_out(stage, lamps, met, noise[..., 2:].reshape(-1, 3))
    valid = few.hit.repeat(BOUNCES)
    lit = met.hit & valid
    first = light[lit].mean(0) if lit.any() else light.new_zeros(3)
    # light that glowing things give, relative to the room; those with a lamp inside are hidden
    glow = met.rows[:, EMIT, None] * met.colour * first.mean() * 2
    # each further bounce brings the mean albedo's share of the one before
    mean = met.colour[lit].mean(0).clamp_max(0.75) if lit.any() else first
    ambient = first * mean / (1 - mean) + 0.02 * first.mean() + FILL
    if stage.scene.outdoors:
        sky = stage.scene.sky.radiance(along, soft=True)
        light = light + met.colour * 0.3 * stage.scene.sky.radiance(met.normal, soft=True)
    else:
        sky = torch.zeros_like(light)  # windows are lamps
    light = torch.where(met.hit[:, None], light + glow + met.colour * ambient, sky)
    # single rays that meet something bright would leave spots
    limit = 6 * light.mean(1)[valid].mean() if valid.any() else 1.0
    light = light * (limit / light.mean(1, keepdim=True).clamp_min(1e-9)).clamp_max(1)
    half = size // 2
    light = light.view(BOUNCES, count, 3).mean(0).T.reshape(3, half, half)
    light = smooth(light, few, half, reach=5)
    light = light.repeat_interleave(2, 1).repeat_interleave(2, 2)
    return light.flatten(1).T, ambient
