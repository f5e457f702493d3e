"""The triangles of one scene in the world, and rays through them.

Rays are cast by Embree on the CPU, some six million a second and core; everything else may lie on
any device. Legend: T triangles, N rays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from train.render.embree import Caster
from train.render.mesh import Mesh

OPAQUE, HIDDEN = 1, 2  # groups of triangles; what is hidden casts no shadow


@dataclass
class Hits:
    """First hits of N rays. Where nothing is hit, only `t` means something.

    Attributes:
        t: (N,) ray parameter, `inf` where nothing is hit.
        triangle: (N,) int64 index.
        weights: (N, 3) barycentric weights of the corners.
        across: (N, 3) the triangle's normal, as long as twice its area in square metres.
    """

    t: Tensor
    triangle: Tensor
    weights: Tensor
    across: Tensor


class Geometry:
    """Triangles with what is interpolated on them.

    Attributes:
        part: (T,) int64, which part of the scene each belongs to.
        face: (T,) int64, see `Mesh.face`.
        corners: (T, 18) float32, for the three corners x, y, z of `Mesh.normals` in the part's own
            frame, then of `Mesh.extra`.
    """

    def __init__(
        self,
        meshes: Sequence[Mesh],
        centres: np.ndarray,
        stretched: np.ndarray,
        hidden: np.ndarray,
        device: torch.device | str = "cpu",
    ) -> None:
        """Move meshes into the world.

        Args:
            meshes: P of them.
            centres: (P, 3) world position of each one's origin.
            stretched: (P, 3, 3) from its frame to the world's axes.
            hidden: (P,) bool, casts no shadow.
            device: where the attributes lie.
        """
        order = np.argsort(hidden, kind="stable")  # those that cast shadows come first
        counts = np.array([len(meshes[i].faces) for i in order])
        points = [len(meshes[i].vertices) for i in order]
        vertices = np.empty((sum(points), 3), np.float32)
        faces = np.empty((counts.sum(), 3), np.int32)
        corners = np.zeros((counts.sum(), 6, 3), np.float32)
        face = np.empty(counts.sum(), np.int64)
        turned = stretched.astype(np.float32).transpose(0, 2, 1)
        at = corner = 0
        for i, count, some in zip(order, counts, points, strict=True):
            mesh = meshes[i]
            vertices[corner : corner + some] = mesh.vertices @ turned[i] + centres[i]
            here = slice(at, at + count)
            np.add(mesh.faces, corner, out=faces[here], casting="same_kind")
            corners[here, :3], face[here] = mesh.normals, mesh.face
            if mesh.extra is not None:
                corners[here, 3:] = mesh.extra
            at, corner = at + count, corner + some

        def on_device(x: np.ndarray) -> Tensor:
            return torch.from_numpy(x).to(device)

        self.device = torch.device(device)
        self.part, self.face = on_device(np.repeat(order, counts)), on_device(face)
        self.corners = on_device(corners.reshape(-1, 18))
        first_hidden = int(counts[: int((~hidden).sum())].sum())
        self._caster = Caster(vertices, [faces[:first_hidden], faces[first_hidden:]])

    def first_hit(self, origin: Tensor, direction: Tensor, hidden: bool = True) -> Hits:
        """First hits of rays (N, 3), of directions of any length; t counts in those lengths.

        Without `hidden`, what casts no shadow is not there.
        """
        groups = OPAQUE | HIDDEN if hidden else OPAQUE
        number, t, rest = self._caster.first_hit(_rays(origin), _rays(direction), groups)
        u, v = rest[:2]
        weights = np.stack([1 - u - v, u, v])

        def on_device(x: np.ndarray) -> Tensor:
            return torch.from_numpy(x).to(self.device)

        triangle = on_device(np.maximum(number, 0))
        return Hits(on_device(t), triangle, on_device(weights).T, on_device(rest[2:]).T)

    def is_free(self, start: Tensor, along: Tensor) -> Tensor:
        """(N,) bool: do segments from start (N, 3) to start + along meet nothing opaque?"""
        free = self._caster.is_free(_rays(start), _rays(along), 0.9999, OPAQUE)
        return torch.from_numpy(free).to(self.device)


def _rays(x: Tensor) -> np.ndarray:
    """(3, N) float32."""
    return x.detach().T.cpu().numpy().astype(np.float32, copy=False)
