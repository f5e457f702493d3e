"""Light on surfaces: area lights with one jittered shadow ray a pixel, and ambient occlusion.

The noise of the single rays is smoothed along surfaces. Legend: B, L lights, H, W.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from train.render.scene import Packed
from train.render.trace import Shapes, length, trace_shadow


@dataclass
class Surface:
    """What each pixel sees.

    Attributes:
        point: (B, 3, H, W) world, metres.
        normal: (B, 3, H, W) world, unit vectors towards the camera's side.
        view: (B, 3, H, W) world, unit vectors away from the camera.
        depth: (B, H, W) z-depth in metres.
        hit: (B, H, W) bool; elsewhere the rest means nothing.
    """

    point: Tensor
    normal: Tensor
    view: Tensor
    depth: Tensor
    hit: Tensor


def smooth(values: Tensor, surface: Surface, reach: int = 3) -> Tensor:
    """Average over neighbours on the same flat stretch of surface, along rows, then columns.

    Args:
        values: (B, C, H, W).
        surface: decides which neighbours belong together.
        reach: how many pixels to either side.

    Returns:
        (B, C, H, W).
    """
    for axis in (3, 2):
        total, weight = values.clone(), torch.ones_like(surface.depth)[:, None]
        for shift in [k for k in range(-reach, reach + 1) if k]:
            neighbour = surface.point.roll(shift, axis) - surface.point
            off = (neighbour * surface.normal).sum(1).abs()
            same = (surface.normal.roll(shift, axis) * surface.normal).sum(1) > 0.9
            keep = (same & (off < 0.01 * surface.depth)).float()
            size = keep.shape[axis - 1]
            if shift > 0:  # rolled values from the other border are no neighbours
                keep.narrow(axis - 1, 0, min(shift, size)).zero_()
            else:
                keep.narrow(axis - 1, max(size + shift, 0), min(-shift, size)).zero_()
            total += values.roll(shift, axis) * keep[:, None]
            weight += keep[:, None]
        values = total / weight
    return values


def occlusion(packed: Packed, surface: Surface, noise: Tensor, reach: float = 0.7) -> Tensor:
    """Is a random direction of the hemisphere open within `reach` metres?

    Averaged by `smooth` it is the open share, weighted by the cosine.

    Args:
        packed: the scenes.
        surface: what the camera sees.
        noise: (B, 2, H, W) uniform 0..1.
        reach: metres.

    Returns:
        (B, 1, H, W), 0 or 1.
    """
    turn, height = noise[:, 0] * 2 * math.pi, noise[:, 1]
    flat = (1 - height * height).clamp_min(0).sqrt()
    ball = torch.stack([flat * turn.cos(), flat * turn.sin(), 2 * height - 1], 1)
    ball = ball / length(ball, 1, keepdim=True)
    along = surface.normal + 0.98 * ball
    along = along * (reach / length(along, 1, keepdim=True).clamp_min(1e-3))
    start = surface.point + surface.normal * (1e-3 + 1e-3 * surface.depth[:, None])
    free = _coarse_shadow(packed.shapes, start, along, surface.hit, packed.shapes.hidden)
    return free[:, None].float()


def _coarse_shadow(
    shapes: Shapes, start: Tensor, along: Tensor, lit: Tensor, skip: Tensor
) -> Tensor:
    """`trace_shadow` for one pixel of each 2 x 2, which the other three share.

    Shadow rays are most of a picture's time, and a quarter of them halves it. `smooth` averages
    over 7 x 7 pixels afterwards and hides the steps.
    """
    free = trace_shadow(shapes, *(x[..., ::2, ::2] for x in (start, along, lit)), skip)
    return free.repeat_interleave(2, 1).repeat_interleave(2, 2) & lit


def illuminate(
    packed: Packed, surface: Surface, gloss: Tensor, noise: Tensor
) -> tuple[Tensor, Tensor]:
    """Diffuse irradiance and highlight of every pixel.

    Args:
        packed: the scenes.
        surface: what the camera sees.
        gloss: (B, H, W) in 0..1.
        noise: (B, 2 + 2 L, H, W) uniform 0..1.

    Returns:
        Two (B, 3, H, W): light to multiply with the albedo, light to add.
    """
    lights = packed.light_position.shape[1]
    start = surface.point + surface.normal * (1e-3 + 1e-3 * surface.depth[:, None])
    visible, strength, shine = [], [], []
    power = 4 + 200 * gloss * gloss
    for i in range(lights):
        jitter = noise[:, 2 + 2 * i : 4 + 2 * i] * 2 - 1
        edges = packed.light_edges[:, i]
        end = packed.light_position[:, i, :, None, None] + torch.einsum(
            "bej,behw->bjhw", edges, jitter
        )
        along = end - start
        middle = packed.light_position[:, i, :, None, None] - surface.point
        distance2 = (middle * middle).sum(1).clamp_min(0.04)
        to_light = middle / distance2.sqrt()[:, None]
        facing = (to_light * surface.normal).sum(1).clamp_min(0)
        normal = packed.light_normal[:, i, :, None, None]
        directed = normal.abs().sum(1) > 0
        facing = facing * torch.where(directed, -(normal * to_light).sum(1), 1.0).clamp_min(0)
        amount = facing / distance2
        bright = packed.light_colour[:, i].amax(1) > 0
        lit = surface.hit & (amount > 1e-6) & bright[:, None, None]
        outside = packed.light_outside[:, i, None]
        skip = packed.shapes.hidden | (packed.shapes.shell & ~outside)
        visible.append(_coarse_shadow(packed.shapes, start, along, lit, skip))
        strength.append(amount)
        half = to_light - surface.view
        half = half / length(half, 1, keepdim=True).clamp_min(1e-6)
        lobe = (half * surface.normal).sum(1).clamp_min(0).pow(power)
        shine.append(lobe * (power + 8) / 25 * amount)
    ao = occlusion(packed, surface, noise[:, :2])
    smoothed = smooth(torch.cat([torch.stack(visible, 1).float(), ao], 1), surface)
    visibility, ao = smoothed[:, :-1], smoothed[:, -1:]
    colour = packed.light_colour
    diffuse = torch.einsum("blhw,blj->bjhw", torch.stack(strength, 1) * visibility, colour)
    add = torch.einsum("blhw,blj->bjhw", torch.stack(shine, 1) * visibility, colour)
    sky = 0.75 + 0.25 * surface.normal[:, 2:3]
    ambient = packed.ambient[:, :, None, None] * sky * (0.25 + 0.75 * ao)
    return diffuse + ambient, add * gloss[:, None] * 0.3
