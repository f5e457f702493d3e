"""Solid shapes: a unit shape in a local frame, stretched, turned and moved into the world.

A local point is `diag(1 / half) @ rotation.T @ (world - centre)`. Since that map is affine, the ray
parameter t is the same in both frames, and one transform serves every kind:

- BOX: |x|, |y|, |z| <= 1.
- ELLIPSOID: unit sphere; only its part with z <= shape[0] is there (a bowl, seen from inside too).
- FRUSTUM: axis z from -1 to 1, radius shape[0] at the bottom and shape[1] at the top (both <= 1);
  shape[2] > 0 leaves the top open (cups, bins, lamp shades).

Legend: K shapes, R rays of each.
"""

from __future__ import annotations

import torch
from torch import Tensor

BOX, ELLIPSOID, FRUSTUM = 0, 1, 2
KINDS = (BOX, ELLIPSOID, FRUSTUM)
NEAR = 1e-3
MISS = float("inf")


def intersect(kind: int, origin: Tensor, direction: Tensor, shape: Tensor, near: float = NEAR):
    """First hit of rays with shapes of one kind, all in local frames.

    Args:
        kind: one of `KINDS`.
        origin: (K, 3, R) or (K, 3, 1).
        direction: (K, 3, R), of any length.
        shape: (K, 3) parameters of the kind.
        near: hits with t <= near do not count.

    Returns:
        (K, R) float32 t, `inf` where the ray misses.
    """
    if kind == BOX:
        return _box(origin, direction, near)
    if kind == ELLIPSOID:
        return _ellipsoid(origin, direction, shape, near)
    return _frustum(origin, direction, shape, near)


def slab(origin: Tensor, direction: Tensor, half: Tensor | float = 1.0, dim: int = 1):
    """Entry and exit t of rays through the axis-aligned box |x| <= half along dimension `dim`."""
    safe = torch.where(direction.abs() < 1e-9, torch.full_like(direction, 1e-9), direction)
    inverse = safe.reciprocal_()
    middle = -origin * inverse
    reach = (half * inverse).abs()
    return (middle - reach).amax(dim), (middle + reach).amin(dim)


def _box(o: Tensor, d: Tensor, near: float) -> Tensor:
    t_in, t_out = slab(o, d)
    t = torch.where(t_in > near, t_in, t_out)
    return t.masked_fill_((t_in > t_out) | (t <= near), MISS)


def _closest(o: Tensor, d: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Re-base rays at their point nearest the local origin: keeps float32 quadratics exact."""
    length2 = (d * d).sum(1)
    start = -(o * d).sum(1) / length2
    return start, o + start[:, None] * d, length2


def _ellipsoid(o: Tensor, d: Tensor, shape: Tensor, near: float) -> Tensor:
    start, p, length2 = _closest(o, d)
    room = 1.0 - (p * p).sum(1)
    half = (room.clamp_min(0) / length2).sqrt()
    clip = shape[:, :1]
    first, second = start - half, start + half
    good1 = (first > near) & (p[:, 2] - half * d[:, 2] <= clip)
    good2 = (second > near) & (p[:, 2] + half * d[:, 2] <= clip)
    t = torch.where(good1, first, torch.where(good2, second, torch.full_like(first, MISS)))
    return t.masked_fill_(room <= 0, MISS)


def _frustum(o: Tensor, d: Tensor, shape: Tensor, near: float) -> Tensor:
    start, p, _ = _closest(o, d)
    bottom, top, open_top = shape[:, 0:1], shape[:, 1:2], shape[:, 2:3]
    base, slope = (bottom + top) / 2, (top - bottom) / 2
    (px, py, pz), (dx, dy, dz) = p.unbind(1), d.unbind(1)
    radius, growth = base + slope * pz, slope * dz
    a = dx * dx + dy * dy - growth * growth
    a = torch.where(a.abs() < 1e-9, torch.full_like(a, 1e-9), a)
    b = px * dx + py * dy - radius * growth
    c = px * px + py * py - radius * radius
    disc = b * b - a * c
    root = disc.clamp_min(0).sqrt()
    best = torch.full_like(a, MISS)
    for sign in (-1.0, 1.0):
        s = (sign * root - b) / a
        good = (disc > 0) & ((pz + s * dz).abs() <= 1) & (start + s > near)
        best = torch.where(good & (start + s < best), start + s, best)
    dz = torch.where(dz.abs() < 1e-9, torch.full_like(dz, 1e-9), dz)
    for side, limit in ((-1.0, bottom), (1.0, torch.where(open_top > 0, -1.0, top))):
        s = (side - pz) / dz
        x, y = px + s * dx, py + s * dy
        good = (x * x + y * y <= limit * limit.abs()) & (start + s > near)
        best = torch.where(good & (start + s < best), start + s, best)
    return best


def local_normal(kind: Tensor, point: Tensor, half: Tensor, shape: Tensor) -> tuple[Tensor, Tensor]:
    """Outward direction and face of local hit points.

    Args:
        kind: (N,) int.
        point: (N, 3) local.
        half: (N, 3) half sizes in metres.
        shape: (N, 3).

    Returns:
        (N, 3) gradient in the local frame (not normalised; divide by `half` before turning it into
        the world), and (N,) int64 face: boxes 0..5 for -x, +x, -y, +y, -z, +z; frusta 4 and 5 for
        their caps and 6 for the side; ellipsoids 6.
    """
    axis = point.abs().argmax(1)
    sign = torch.gather(point, 1, axis[:, None]).sign()
    box = torch.zeros_like(point).scatter_(1, axis[:, None], sign)
    face = axis * 2 + (sign[:, 0] > 0)

    slope = (shape[:, 1] - shape[:, 0]) / 2
    radius = (shape[:, 0] + shape[:, 1]) / 2 + slope * point[:, 2]
    around = point[:, :2].norm(dim=1)
    width = torch.minimum(half[:, 0], half[:, 1])
    on_cap = (point[:, 2].abs() - 1).abs() * half[:, 2] < (around - radius).abs() * width
    upright = point[:, 2].sign()
    side = torch.stack([point[:, 0], point[:, 1], -slope * radius], dim=1)
    cap = torch.stack([torch.zeros_like(upright), torch.zeros_like(upright), upright], dim=1)
    cone = torch.where(on_cap[:, None], cap, side)

    normal = torch.where((kind == BOX)[:, None], box, point)
    normal = torch.where((kind == FRUSTUM)[:, None], cone, normal)
    cone_face = torch.where(on_cap, 4 + (upright > 0).long(), torch.full_like(face, 6))
    face = torch.where(kind == FRUSTUM, cone_face, face)
    return normal, torch.where(kind == ELLIPSOID, torch.full_like(face, 6), face)
