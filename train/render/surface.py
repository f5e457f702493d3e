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
from train.render.primitives import BOX, ELLIPSOID, MESH
from train.render.scene import Scene
from train.render.textures import noise_bank, texture_of

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
        return Surface(**{name: value[index] for name, value in vars(self).items()})


class Stage:
    """A scene ready to be looked at: triangles, materials and textures on one device."""

    def __init__(self, scene: Scene, device: torch.device | str = "cpu") -> None:
        def tensor(x) -> Tensor:
            return torch.from_numpy(np.asarray(x)).float().to(device)

        self.scene = scene
        self.geometry: Geometry = scene.geometry(device)
        self.rows = tensor([m.row() for m in scene.materials])
        self.planes = torch.tensor(scene.planes, device=device)
        self.kind = torch.tensor(scene.kinds, device=device)
        self.turn, self.half = tensor(np.stack(scene.rotations)), tensor(np.stack(scene.halves))
        self.centre = tensor(np.stack(scene.centres))
        bank = [noise_bank(), *(texture_of(path)[None] for path in scene.textures)]
        self.bank = torch.cat(bank).to(device)

    def look(self, origin: Tensor, direction: Tensor, pixel: float) -> Surface:
        """First surfaces along rays.

        Args:
            origin, direction: (N, 3) world.
            pixel: size of what a ray stands for, relative to its distance.
        """
        g = self.geometry
        hits = g.first_hit(origin, direction)
        hit = torch.isfinite(hits.t)
        t = torch.where(hit, hits.t, 0.0)
        triangle, weights = hits.triangle, hits.weights[..., None]
        point = origin + direction * t[:, None]
        length = (direction * direction).sum(1).sqrt()
        view = direction / length[:, None]
        normal = (g.normals[triangle] * weights).sum(1)
        normal = normal / (normal * normal).sum(1, keepdim=True).sqrt().clamp_min(1e-12)
        flat = g.flat[triangle]
        flat = torch.where((flat * view).sum(1, keepdim=True) > 0, -flat, flat)
        normal = torch.where((flat * normal).sum(1, keepdim=True) < 0, -normal, normal)
        # smooth normals of a rim may look away from the ray: bend them back
        slip = (normal * view).sum(1, keepdim=True)
        bent = normal - (slip + 0.02) * view
        bent = bent / (bent * bent).sum(1, keepdim=True).sqrt().clamp_min(1e-12)
        normal = torch.where(slip > -0.02, bent, normal)
        part = g.part[triangle]
        footprint = t * length * pixel / (normal * view).sum(1).abs().clamp_min(0.1)
        rows = self.rows[part]
        extra = (g.extra[triangle] * weights).sum(1)
        uv, fit, density = self._coordinates(part, g.face[triangle], point)
        own = ((self.kind[part] == MESH) & (rows[:, 19] > 0))[:, None]
        fit = torch.where(own, extra[:, :2], fit)
        density = torch.where(own[:, 0], g.density[triangle], density)
        # a texture laid over the whole face has its own scale
        texture = torch.where(rows[:, 19] > 0, footprint * density, footprint / rows[:, 10])
        colour = materials.albedo(rows, uv, fit, extra, footprint, texture, self.bank)
        plane = self.planes[part, g.face[triangle]]
        return Surface(point, normal, flat, view, t, hit, part, plane, colour, rows)

    def _coordinates(
        self, part: Tensor, face: Tensor, point: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Texture coordinates (N, 2) in metres, (N, 2) in 0..1 over the face with v downwards,
        and (N,) how many faces fit into a metre."""
        turn, half = self.turn[part], self.half[part]
        axis = face // 2
        # metric coordinates count from the world's origin, so that pieces of one wall join
        q = torch.einsum("nji,nj->ni", turn, point)
        metres = q - torch.einsum("nji,nj->ni", turn, self.centre[part])
        u_axis = torch.where(axis == 0, 1, 0)
        v_axis = torch.where(axis == 2, 1, 2)
        pick = torch.stack([u_axis, v_axis], 1)
        size = half.gather(1, pick)
        share = metres.gather(1, pick) / (2 * size) + 0.5
        turned = torch.atan2(metres[:, 1], metres[:, 0]) / 6.283185307 + 0.5
        round_ = axis == 3
        kind = self.kind[part]
        wide = torch.where(kind == MESH, torch.hypot(metres[:, 0], metres[:, 1]), half[:, 0])
        around = torch.stack([turned * 6.283185307 * wide.clamp_min(0.02), metres[:, 2]], 1)
        uv = torch.where(round_[:, None], around, q.gather(1, pick))
        times = torch.where(kind == ELLIPSOID, 1.0, 2.0)
        fit_round = torch.stack([turned * times, share[:, 1]], 1)
        fit = torch.where(round_[:, None], fit_round, share)
        fit = torch.stack([fit[:, 0], 1 - fit[:, 1]], 1)
        per_metre = torch.where(round_ & (kind != BOX), 0.3 / half[:, 0], 0.5 / size.amax(1))
        return uv, fit, per_metre
