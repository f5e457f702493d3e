"""What rays meet: position, orientation, colour of N points.

Legend: N points, P parts of the scene, T triangles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from train.render import materials
from train.render.geometry import Geometry
from train.render.primitives import ELLIPSOID, MESH
from train.render.scene import Scene
from train.render.textures import NOISES, noise_bank, texture_of
from train.render.vectors import dot, rows_of, unit

GLOSS, EMIT, MIRROR = 16, 17, 21  # columns of a material's row


@dataclass
class Surface:
    """Points on surfaces. Where a ray hit nothing, the values mean nothing.

    Attributes:
        point: (N, 3) world, metres.
        normal: (N, 3) world, smooth unit vectors towards the ray's side.
        flat: (N, 3) the same of the triangles.
        view: (N, 3) world, unit vectors along the ray.
        t: (N,) ray parameter.
        hit: (N,) bool.
        part: (N,) int64, which part of the scene.
        plane: (N,) int64 plane id.
        colour: (N, 3) linear RGB albedo.
        rows: (N, COLUMNS) material.
    """

    point: Tensor
    normal: Tensor
    flat: Tensor
    view: Tensor
    t: Tensor
    hit: Tensor
    part: Tensor
    plane: Tensor
    colour: Tensor
    rows: Tensor

    def __getitem__(self, index: Tensor) -> Surface:
        """The points of numbers `index` (M,)."""
        return Surface(**{name: rows_of(value, index) for name, value in vars(self).items()})


class Stage:
    """A scene ready to be looked at: triangles, materials and textures on one device."""

    def __init__(self, scene: Scene, device: torch.device | str = "cpu") -> None:
        def tensor(x) -> Tensor:
            return torch.from_numpy(np.asarray(x)).float().to(device)

        self.scene = scene
        self.geometry: Geometry = scene.geometry(device)
        self.rows = tensor([m.row() for m in scene.materials]).T.contiguous().T
        self.planes = torch.tensor(scene.planes, device=device)
        self.kind = torch.tensor(scene.kinds, device=device)
        turn, half = np.stack(scene.rotations), np.stack(scene.halves)
        middle = np.einsum("pji,pj->pi", turn, np.stack(scene.centres))
        self.places = tensor(np.concatenate([turn.reshape(-1, 9), half, middle], 1)).T.contiguous()
        noises = noise_bank().to(device)
        self.bank = noises.new_empty(NOISES + len(scene.textures), *noises.shape[1:])
        self.bank[:NOISES] = noises
        self._unread = set(range(len(scene.textures)))

    def _read_textures(self, part: Tensor) -> None:
        """Fill the bank with what parts (N,) show; many parts of a scene are never met."""
        if not self._unread:
            return
        met = torch.bincount(part, minlength=len(self.rows)).nonzero()[:, 0]
        rows = self.rows.index_select(0, met)
        numbers = rows[rows[:, 0] == materials.PHOTO, 18].long() - NOISES
        for number in self._unread.intersection(numbers.tolist()):
            self.bank[NOISES + number] = texture_of(self.scene.textures[number])
            self._unread.remove(number)

    def look(
        self, origin: Tensor, direction: Tensor, pixel: float, coarse: bool = False
    ) -> Surface:
        """First surfaces along rays.

        Args:
            origin, direction: (N, 3) world.
            pixel: size of what a ray stands for, relative to its distance.
            coarse: for light that bounces: textures without interpolation, hidden parts left out.
        """
        g = self.geometry
        hits = g.first_hit(origin, direction, hidden=not coarse)
        hit = torch.isfinite(hits.t)
        t = torch.where(hit, hits.t, 0.0)
        point = origin + direction * t[:, None]
        length = dot(direction, direction).sqrt()
        view = direction / length[:, None]
        part = g.part.index_select(0, hits.triangle)
        face = g.face.index_select(0, hits.triangle)
        self._read_textures(part[hit])
        place = self.places.index_select(1, part)
        turn, half = place[:9].view(3, 3, -1), place[9:12]
        inner = _interpolate(g.corners.index_select(0, hits.triangle), hits.weights.T)
        normal = unit((turn * (inner[:3] / half)).sum(1).T)
        area = dot(hits.across, hits.across).sqrt().clamp_min(1e-20)
        flat = hits.across / area[:, None]
        flat = flat * torch.where(dot(flat, view) > 0, -1.0, 1.0)[:, None]
        normal = normal * torch.where(dot(flat, normal) < 0, -1.0, 1.0)[:, None]
        # smooth normals of a rim may look away from the ray: bend them back
        slip = dot(normal, view)
        bend = (slip + 0.02) * (slip > -0.02)
        normal = unit(normal - bend[:, None] * view)
        footprint = t * length * pixel / dot(normal, view).abs().clamp_min(0.1)
        rows = rows_of(self.rows, part)
        uv, fit, density = self._coordinates(part, face, point, place)
        own = (self.kind.index_select(0, part) == MESH) & (rows[:, 19] > 0)
        if own.any():
            fit = torch.where(own[:, None], inner[3:5].T, fit)
            density = torch.where(own, self._density(hits.triangle, area), density)
        # a texture laid over the whole face has its own scale
        texture = torch.where(rows[:, 19] > 0, footprint * density, footprint / rows[:, 10])
        colour = materials.albedo(
            rows, uv, fit, inner[3:].T, footprint, texture, self.bank, smooth=not coarse
        )
        plane = self.planes.view(-1).index_select(0, part * self.planes.shape[1] + face)
        return Surface(point, normal, flat, view, t, hit, part, plane, colour, rows)

    def _density(self, triangle: Tensor, area: Tensor) -> Tensor:
        """(N,) texture widths to the metre on triangles of texture coordinates; `area` is twice
        theirs in square metres."""
        c = self.geometry.corners
        u0, v0, u1, v1, u2, v2 = (
            c[:, k].index_select(0, triangle) for k in (9, 10, 12, 13, 15, 16)
        )
        return (((u1 - u0) * (v2 - v0) - (v1 - v0) * (u2 - u0)).abs() / area).sqrt()

    def _coordinates(
        self, part: Tensor, face: Tensor, point: Tensor, place: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Texture coordinates (N, 2) in metres, (N, 2) in 0..1 over the face with v downwards,
        and (N,) how many faces fit into a metre. `place` (15, N) are columns of `places`."""
        turn, half, middle = place[:9].view(3, 3, -1), place[9:12], place[12:]
        axis = face // 2
        # metric coordinates count from the world's origin, so that pieces of one wall join
        q = (turn * point.T[:, None]).sum(0)
        metres = q - middle
        first, last = axis == 0, axis == 2

        def on_face(x: Tensor) -> Tensor:
            return torch.stack([torch.where(first, x[1], x[0]), torch.where(last, x[1], x[2])])

        size = on_face(half)
        share = on_face(metres) / (2 * size) + 0.5
        uv, per_metre = on_face(q), 0.5 / size.amax(0)
        u, v = share[0], 1 - share[1]
        (round_,) = (axis == 3).nonzero(as_tuple=True)
        if len(round_):
            x, y, z = metres.index_select(1, round_)
            kind = self.kind.index_select(0, part.index_select(0, round_))
            wide = half[0].index_select(0, round_)
            turned = torch.atan2(y, x) / 6.283185307 + 0.5
            around = torch.where(kind == MESH, torch.hypot(x, y), wide).clamp_min(0.02)
            uv.index_copy_(1, round_, torch.stack([turned * 6.283185307 * around, z]))
            u.index_copy_(0, round_, turned * torch.where(kind == ELLIPSOID, 1.0, 2.0))
            per_metre.index_copy_(0, round_, 0.3 / wide)
        return uv.T, torch.stack([u, v]).T, per_metre


def _interpolate(corners: Tensor, weights: Tensor) -> Tensor:
    """(6, N) means of corners (N, 18), of three times six numbers in the order of
    `Geometry.corners`, by weights (3, N)."""
    corners = corners.T.contiguous().view(2, 3, 3, -1)
    return (corners * weights[None, :, None]).sum(1).view(6, -1)
