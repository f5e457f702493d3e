"""Soft edges: pixels where surfaces meet are seen through three points instead of one.

Legend: N = H x W pixels, E of them on edges.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from train.render.surface import Surface
from train.render.vectors import dot, rows_of


def edge_pixels(surface: Surface, size: int) -> Tensor:
    """(E,) int64 numbers of pixels whose neighbours show another part, a bend or a jump."""
    part = torch.where(surface.hit, surface.part, -1).view(size, size)
    normal = surface.normal.T.reshape(3, size, size)
    point = surface.point.T.reshape(3, size, size)
    near = (0.02 * surface.t).view(size, size)
    edge = torch.zeros_like(part, dtype=torch.bool)
    for axis in (0, 1):
        every, one, two = slice(None), slice(1, None), slice(None, -1)
        a = (one, every) if axis == 0 else (every, one)
        b = (two, every) if axis == 0 else (every, two)
        differ = part[a] != part[b]
        c, d = (every, *a), (every, *b)
        differ |= (normal[c] * normal[d]).sum(0) < 0.9
        differ |= ((point[c] - point[d]) * normal[d]).sum(0).abs() > near[b]
        edge[a] |= differ
        edge[b] |= differ
    return edge.flatten().nonzero()[:, 0]


def _nearest_light(
    surface: Surface, seen: Surface, pixel: Tensor, side: Tensor, size: int
) -> Tensor:
    """(M,) of the pixels around each of M points, the one whose surface is most like theirs.

    Args:
        surface: of all pixels.
        seen: M points.
        pixel: (M,) the pixels they lie in.
        side: (M, 2) -1 or 1, the half of the pixel in x and y.
        size: H = W.
    """
    x, y = pixel % size, pixel // size
    best = torch.full(pixel.shape, -torch.inf, device=pixel.device)
    chosen = pixel
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        at = (y + dy * side[:, 1]).clamp(0, size - 1) * size
        at = at + (x + dx * side[:, 0]).clamp(0, size - 1)
        gap = dot(rows_of(surface.point, at) - seen.point, seen.normal).abs()
        like = dot(rows_of(surface.normal, at), seen.normal) - 20 * gap / seen.t.clamp_min(1e-3)
        like = like + 2.0 * (surface.part[at] == seen.part) - 10.0 * ~surface.hit[at]
        nearer = like > best
        best, chosen = torch.where(nearer, like, best), torch.where(nearer, at, chosen)
    return chosen


def soften_edges(
    radiance: Tensor,
    surface: Surface,
    size: int,
    look: Callable[[Tensor], Surface],
    shade: Callable[[Surface, Tensor], Tensor],
    limit: Tensor,
) -> Tensor:
    """Replace the radiance of pixels on edges by the mean with two more points of theirs.

    Args:
        radiance: (N, 3).
        surface: of all pixels.
        size: H = W.
        look: what is seen through places (M, 2) of the picture.
        shade: (M, 3) radiance of that, by the light of the pixels (M,).
        limit: brightest radiance that counts; lamps would outshine all else.

    Returns:
        (N, 3).
    """
    edge = edge_pixels(surface, size)
    if not len(edge):
        return radiance
    # corners on one diagonal of the pixel, on the other one for its neighbours
    slant = 1 - (edge % size + edge // size) % 2 * 2
    side = torch.stack([torch.ones_like(slant), slant], 1)
    side, pixel = torch.cat([side, -side]), edge.repeat(2)
    middle = torch.stack([pixel % size, pixel // size], 1) + 0.5
    seen = look(middle + side / 3)
    near = _nearest_light(surface, seen, pixel, side, size)
    colours = torch.cat([shade(seen, near), rows_of(radiance, edge)])
    radiance = radiance.clone()
    radiance[edge] = torch.minimum(colours, limit).view(3, -1, 3).mean(0)
    return radiance
