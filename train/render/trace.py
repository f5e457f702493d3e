"""Tile-culled ray casting of many scenes at once.

Rays come in tiles of `TILE` x `TILE` neighbouring pixels. A tile is one fat segment; only shapes
whose oriented box it touches are candidates. Candidates are tested in rounds, the r-th of every
tile in round r, so that no two writes of a round meet.

Legend: B scenes, P shapes of each (padded), T tiles of each picture, Q = TILE**2 rays of a tile.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from train.render.primitives import KINDS, MISS, intersect, slab

TILE = 8


@dataclass
class Shapes:
    """Shapes of B scenes, padded to P with kind -1.

    Attributes:
        kind: (B, P) int64.
        to_local: (B, P, 3, 3), half sizes included.
        centre: (B, P, 3).
        half: (B, P, 3) metres.
        shape: (B, P, 3) parameters, see `primitives`.
        shell: (B, P) bool, part of the room's shell (walls, floor, ceiling).
        hidden: (B, P) bool, casts no shadow (lamps, backdrops).
    """

    kind: Tensor
    to_local: Tensor
    centre: Tensor
    half: Tensor
    shape: Tensor
    shell: Tensor
    hidden: Tensor

    def to(self, device: torch.device | str) -> Shapes:
        return Shapes(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


def length(x: Tensor, dim: int, keepdim: bool = False) -> Tensor:
    """Euclidean length along `dim`; `Tensor.norm` takes 70 times longer off the last dimension."""
    return (x * x).sum(dim, keepdim=keepdim).sqrt()


def to_tiles(x: Tensor) -> Tensor:
    """(B, C, H, W) to (B, T, C, Q)."""
    b, c, h, w = x.shape
    x = x.reshape(b, c, h // TILE, TILE, w // TILE, TILE)
    return x.permute(0, 2, 4, 1, 3, 5).reshape(b, (h // TILE) * (w // TILE), c, TILE * TILE)


def from_tiles(x: Tensor, size: int) -> Tensor:
    """(B, T, C, Q) back to (B, C, size, size)."""
    b, _, c, _ = x.shape
    n = size // TILE
    x = x.view(b, n, n, c, TILE, TILE).permute(0, 3, 1, 4, 2, 5)
    return x.reshape(b, c, size, size)


def _rounds(candidate: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (rows, columns) of a (N, P) mask so that no row appears twice in one yield."""
    row, column = candidate.nonzero(as_tuple=True)
    if row.numel() == 0:
        return
    counts = candidate.sum(1)
    first = counts.cumsum(0) - counts
    rank = torch.arange(row.numel(), device=row.device) - first[row]
    order = torch.argsort(rank, stable=True)
    sizes = torch.bincount(rank).tolist()
    yield from zip(row[order].split(sizes), column[order].split(sizes), strict=True)


def _touched(shapes: Shapes, start: Tensor, along: Tensor, fat: Tensor) -> Tensor:
    """Which shapes may the segments start + s * along, s in [0, 1], of radius `fat` meet?

    Args:
        shapes: B scenes.
        start, along: (B, T, 3) world, metres.
        fat: (B, T) or (B, T, P) metres.

    Returns:
        (B, T, P) bool.
    """
    rotation = shapes.to_local * shapes.half[..., None]  # metres in the local frame
    o = torch.einsum("bpij,btj->btpi", rotation, start)
    o = o - torch.einsum("bpij,bpj->bpi", rotation, shapes.centre)[:, None]
    d = torch.einsum("bpij,btj->btpi", rotation, along)
    fat = fat if fat.dim() == 3 else fat[..., None]
    t_in, t_out = slab(o, d, shapes.half[:, None] + fat[..., None], dim=-1)
    return (t_in <= t_out) & (t_out >= 0) & (t_in <= 1)


def trace_camera(shapes: Shapes, origin: Tensor, rays: Tensor) -> tuple[Tensor, Tensor]:
    """First hits of camera rays.

    Args:
        shapes: B scenes.
        origin: (B, 3) camera positions.
        rays: (B, 3, H, W) world directions with z-depth 1 along the camera axis.

    Returns:
        z-depth (B, H, W), `inf` where nothing is hit, and shape index (B, H, W) int64 (0 there).
    """
    b, _, size, _ = rays.shape
    tiles = to_tiles(rays)
    middle = tiles.mean(-1)
    spread = length(tiles - middle[..., None], 2).amax(-1)
    away = (shapes.centre - origin[:, None]).norm(dim=-1) + shapes.half.norm(dim=-1)
    # z-depth never exceeds distance, so a tile is at most this fat where it can meet the shape
    fat = spread[..., None] * away[:, None]
    far = 200.0
    candidate = _touched(shapes, origin[:, None].expand_as(middle), middle * far, fat)
    n, p = tiles.shape[1], shapes.kind.shape[1]
    candidate = candidate.view(b * n, p)
    tiles = tiles.reshape(b * n, 3, -1)
    scene = torch.arange(b, device=rays.device).repeat_interleave(n)
    offset = torch.einsum("bpij,bpj->bpi", shapes.to_local, origin[:, None] - shapes.centre)
    flat = _Flat(shapes)
    offset = offset.reshape(-1, 3, 1)
    best = torch.full((b * n, TILE * TILE), MISS, device=rays.device)
    which = torch.zeros_like(best, dtype=torch.int64)
    for kind in KINDS:
        of_kind = candidate & (shapes.kind == kind)[scene]
        for tile, column in _rounds(of_kind):
            k = scene[tile] * p + column
            d = torch.bmm(flat.to_local[k], tiles[tile])
            t = intersect(kind, offset[k], d, flat.shape[k])
            old = best[tile]
            nearer = t < old
            best[tile] = torch.where(nearer, t, old)
            which[tile] = torch.where(nearer, column[:, None], which[tile])
    best = from_tiles(best.view(b, n, 1, -1), size)[:, 0]
    return best, from_tiles(which.view(b, n, 1, -1), size)[:, 0]


def trace_shadow(shapes: Shapes, start: Tensor, along: Tensor, lit: Tensor, skip: Tensor) -> Tensor:
    """Are segments free?

    Args:
        shapes: B scenes.
        start: (B, 3, H, W) world points, already moved off their surface.
        along: (B, 3, H, W) from there to the segment's end.
        lit: (B, H, W) bool, segments that matter; the others return False.
        skip: (B, P) bool, shapes that do not block.

    Returns:
        (B, H, W) bool, True where nothing lies between.
    """
    b, _, size, _ = start.shape
    starts, alongs = to_tiles(start), to_tiles(along)
    free = to_tiles(lit[:, None])[:, :, 0]
    middle, reach = starts.mean(-1), alongs.mean(-1)
    ends = (starts + alongs) - (middle + reach)[..., None]
    fat = torch.maximum(length(starts - middle[..., None], 2), length(ends, 2)).amax(-1)
    candidate = _touched(shapes, middle, reach, fat) & ~skip[:, None] & free.any(-1)[..., None]
    n, p = starts.shape[1], shapes.kind.shape[1]
    candidate, free = candidate.view(b * n, p), free.reshape(b * n, -1)
    starts, alongs = starts.reshape(b * n, 3, -1), alongs.reshape(b * n, 3, -1)
    scene = torch.arange(b, device=start.device).repeat_interleave(n)
    flat = _Flat(shapes)
    for kind in KINDS:
        of_kind = candidate & (shapes.kind == kind)[scene]
        for tile, column in _rounds(of_kind):
            alive = free[tile].any(1)
            tile, column = tile[alive], column[alive]
            k = scene[tile] * p + column
            o = torch.bmm(flat.to_local[k], starts[tile] - flat.centre[k][..., None])
            d = torch.bmm(flat.to_local[k], alongs[tile])
            free[tile] &= intersect(kind, o, d, flat.shape[k], near=1e-4) >= 1
    return from_tiles(free.view(b, n, 1, -1), size)[:, 0]


class _Flat:
    """Shapes of all scenes in one list, for gathering."""

    def __init__(self, shapes: Shapes) -> None:
        self.to_local = shapes.to_local.reshape(-1, 3, 3)
        self.centre = shapes.centre.reshape(-1, 3)
        self.shape = shapes.shape.reshape(-1, 3)
