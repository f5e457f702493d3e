"""The triangles of one scene in the world, and rays through them.

Rays are cast by Embree (`embreex`) on the CPU, some ten million a second and core; everything else
may lie on any device. Legend: T triangles, N rays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from train.render.mesh import Mesh

MISS = float("inf")


@dataclass
class Hits:
    """First hits of N rays.

    Attributes:
        t: (N,) ray parameter, `inf` where nothing is hit.
        triangle: (N,) int64 index, 0 where nothing is hit.
        weights: (N, 3) barycentric weights of the corners.
    """

    t: Tensor
    triangle: Tensor
    weights: Tensor


class Geometry:
    """Triangles with what is interpolated on them.

    Attributes:
        part: (T,) int64, which part of the scene each belongs to.
        face: (T,) int64, see `Mesh.face`.
        flat: (T, 3) float32 unit normals.
        normals, extra: (T, 3, 3) float32 at the corners, see `Mesh`.
        density: (T,) float32 texture widths to the metre, where `extra` are texture coordinates.
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
        meshes = [meshes[i] for i in order]
        counts = np.array([len(m.faces) for m in meshes])
        place = np.repeat(np.arange(len(meshes)), counts)
        points = np.array([len(m.vertices) for m in meshes])
        of_point = np.repeat(np.arange(len(meshes)), points)
        turn = stretched[order].astype(np.float32)
        vertices = np.concatenate([m.vertices for m in meshes])
        vertices = np.matmul(turn[of_point], vertices[..., None])[..., 0]
        vertices += centres[order].astype(np.float32)[of_point]
        first = np.cumsum(points) - points
        faces = np.concatenate([m.faces + k for m, k in zip(meshes, first, strict=True)])
        faces = faces.astype(np.int32)
        corners = vertices[faces]
        # normals turn with the inverse transpose
        back = np.linalg.inv(stretched[order]).astype(np.float32)
        normals = np.matmul(np.concatenate([m.normals for m in meshes]), back[place])
        normals /= np.maximum(np.sqrt((normals * normals).sum(2, keepdims=True)), 1e-12)
        blank = np.zeros((1, 3, 3), np.float32)
        extra = np.concatenate(
            [np.broadcast_to(blank, (len(m.faces), 3, 3)) if m.extra is None else m.extra
             for m in meshes]
        )  # fmt: skip
        edge = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        area = np.maximum(np.linalg.norm(edge, axis=1), 1e-20)
        flat = edge / area[:, None]
        du, dv = (extra[:, i, :2] - extra[:, 0, :2] for i in (1, 2))
        density = np.sqrt(np.abs(du[:, 0] * dv[:, 1] - du[:, 1] * dv[:, 0]) / area)

        def on_device(x: np.ndarray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(x)).to(device)

        self.device = torch.device(device)
        self.part = on_device(order[place])
        self.face = on_device(np.concatenate([m.face for m in meshes]).astype(np.int64))
        self.flat = on_device(flat)
        self.normals, self.extra = on_device(normals), on_device(extra)
        self.density = on_device(density.astype(np.float32))
        self._first_hidden = int(counts[: int((~hidden).sum())].sum())
        self._opaque = _embree(vertices, faces[: self._first_hidden])
        self._hidden = _embree(vertices, faces[self._first_hidden :])

    def first_hit(self, origin: Tensor, direction: Tensor) -> Hits:
        """First hits of rays (N, 3), of directions of any length; t counts in those lengths."""
        o, d = _rays(origin), _rays(direction)
        t = np.full(len(o), np.inf, np.float32)
        triangle, u, v = np.zeros(len(o), np.int64), np.zeros_like(t), np.zeros_like(t)
        for scene, offset in ((self._opaque, 0), (self._hidden, self._first_hidden)):
            if scene is None:
                continue
            found = scene.run(o, d, output=1)
            nearer = (found["primID"] >= 0) & (found["tfar"] < t)
            t = np.where(nearer, found["tfar"], t)
            triangle = np.where(nearer, found["primID"].astype(np.int64) + offset, triangle)
            u, v = np.where(nearer, found["u"], u), np.where(nearer, found["v"], v)
        weights = np.stack([1 - u - v, u, v], 1)
        return Hits(*(torch.from_numpy(x).to(self.device) for x in (t, triangle, weights)))

    def is_free(self, start: Tensor, along: Tensor) -> Tensor:
        """(N,) bool: do segments from start (N, 3) to start + along meet nothing opaque?"""
        if self._opaque is None:
            return torch.ones(len(start), dtype=torch.bool, device=self.device)
        limit = np.full(len(start), 0.9999, np.float32)
        found = self._opaque.run(_rays(start), _rays(along), dists=limit, query="OCCLUDED")
        return torch.from_numpy(found < 0).to(self.device)


def _rays(x: Tensor) -> np.ndarray:
    return np.ascontiguousarray(x.detach().cpu().numpy(), dtype=np.float32)


def _embree(vertices: np.ndarray, faces: np.ndarray):
    """Embree's scene of indexed triangles, None without any."""
    if not len(faces):
        return None
    from embreex.mesh_construction import TriangleMesh
    from embreex.rtcore_scene import EmbreeScene

    used = slice(int(faces.min()), int(faces.max()) + 1)
    scene = EmbreeScene()
    TriangleMesh(scene, vertices[used], faces - used.start)
    return scene
