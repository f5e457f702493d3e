"""A scene under construction, and many scenes packed into tensors."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from train.render.camera import Pose
from train.render.materials import COLUMNS, Material
from train.render.primitives import BOX, ELLIPSOID, FRUSTUM
from train.render.textures import noise_bank, photo_paths, photo_texture
from train.render.trace import Shapes

UP, DOWN = 5, 4


@dataclass(frozen=True)
class Light:
    """A glowing parallelogram, or a sphere when it has no normal.

    Attributes:
        position: (3,) its middle, metres.
        edges: (2, 3) half edges; shadow rays end at random points between them.
        colour: (3,) linear RGB radiant intensity: irradiance is colour / distance**2.
        normal: (3,) or zeros for light in all directions.
        outside: the room's shell casts shadows too (sun).
    """

    position: np.ndarray
    edges: np.ndarray
    colour: np.ndarray
    normal: np.ndarray
    outside: bool = False


@dataclass
class Scene:
    """Shapes, materials, lights and camera of one seed. `at` moves what is added inside it."""

    rng: np.random.Generator
    photos: int = 0
    pose: Pose | None = None
    lights: list[Light] = field(default_factory=list)
    ambient: np.ndarray = field(default_factory=lambda: np.full(3, 0.3))
    post: dict[str, float] = field(default_factory=dict)
    kinds: list[int] = field(default_factory=list)
    centres: list[np.ndarray] = field(default_factory=list)
    halves: list[np.ndarray] = field(default_factory=list)
    rotations: list[np.ndarray] = field(default_factory=list)
    parameters: list[tuple[float, float, float]] = field(default_factory=list)
    materials: list[Material] = field(default_factory=list)
    planes: list[list[int]] = field(default_factory=list)
    shell: list[bool] = field(default_factory=list)
    hidden: list[bool] = field(default_factory=list)
    frame: tuple[np.ndarray, np.ndarray] = field(default_factory=lambda: (np.zeros(3), np.eye(3)))
    plane_count: int = 0
    is_shell: bool = False

    @contextlib.contextmanager
    def at(self, x: float, y: float, z: float = 0.0, yaw: float = 0.0, tilt: float = 0.0):
        """Frame for parts: moved, turned about z by yaw, then tilted about its own x (radians)."""
        old = self.frame
        c, s = np.cos(yaw), np.sin(yaw)
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
        if tilt:
            c, s = np.cos(tilt), np.sin(tilt)
            turn = turn @ np.array([[1.0, 0, 0], [0, c, -s], [0, s, c]])
        self.frame = (old[0] + old[1] @ np.array([x, y, z]), old[1] @ turn)
        try:
            yield
        finally:
            self.frame = old

    def world(self, x: float, y: float, z: float) -> np.ndarray:
        """World position of a point of the current frame."""
        return self.frame[0] + self.frame[1] @ np.array([x, y, z])

    def new_plane(self) -> int:
        """A fresh plane id, 1..255; 0 once they are used up."""
        if self.plane_count >= 255:
            return 0
        self.plane_count += 1
        return self.plane_count

    def add(
        self,
        kind: int,
        centre: tuple[float, float, float],
        half: tuple[float, float, float],
        material: Material,
        parameters: tuple[float, float, float] = (2.0, 1.0, 0.0),
        plane: dict[int, int] | None = None,
        hidden: bool = False,
    ) -> None:
        """Add a shape to the current frame. `plane` maps faces 0..5 to plane ids."""
        self.kinds.append(kind)
        self.centres.append(self.world(*centre))
        self.rotations.append(self.frame[1])
        self.halves.append(np.maximum(np.abs(half), 1e-3))
        self.materials.append(material)
        self.parameters.append(parameters)
        faces = [0] * 7
        for face, number in (plane or {}).items():
            faces[face] = number
        self.planes.append(faces)
        self.shell.append(self.is_shell)
        self.hidden.append(hidden)

    def box(self, low, high, material: Material, plane=None, hidden: bool = False) -> None:
        """Box between two corners of the current frame."""
        low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
        self.add(BOX, tuple((low + high) / 2), tuple((high - low) / 2), material, plane=plane,
                 hidden=hidden)  # fmt: skip

    def ball(self, centre, half, material: Material, clip: float = 2.0) -> None:
        """Ellipsoid; `clip` < 1 cuts it open above that share of its height."""
        self.add(ELLIPSOID, centre, half, material, (clip, 0, 0))

    def cone(self, bottom, height, r0, r1, material: Material, open_top: bool = False,
             hidden: bool = False) -> None:  # fmt: skip
        """Upright frustum standing at `bottom`, radii r0 below and r1 above."""
        r = max(r0, r1, 1e-3)
        x, y, z = bottom
        self.add(FRUSTUM, (x, y, z + height / 2), (r, r, height / 2), material,
                 (r0 / r, r1 / r, float(open_top)), hidden=hidden)  # fmt: skip


@dataclass
class Packed:
    """B scenes as tensors.

    Attributes:
        shapes: geometry.
        rotation: (B, P, 3, 3) local to world.
        rows: (B, P, COLUMNS) materials.
        planes: (B, P, 7) plane id of each face.
        bank: (N, S, 3) textures.
        origin, turn: (B, 3) and (B, 3, 3) cameras.
        ambient: (B, 3).
        light_position, light_colour, light_normal: (B, L, 3); light_edges (B, L, 2, 3);
            light_outside (B, L) bool. Scenes with fewer lights have black ones.
    """

    shapes: Shapes
    rotation: Tensor
    rows: Tensor
    planes: Tensor
    bank: Tensor
    origin: Tensor
    turn: Tensor
    ambient: Tensor
    light_position: Tensor
    light_colour: Tensor
    light_normal: Tensor
    light_edges: Tensor
    light_outside: Tensor


def pack_shapes(scenes: list[Scene]) -> tuple[Shapes, Tensor]:
    """Geometry of scenes on the CPU, and (B, P, 3, 3) local-to-world rotations."""
    count = max(len(s.kinds) for s in scenes)
    b = len(scenes)
    kind = np.full((b, count), -1)
    centre, half = np.zeros((b, count, 3)), np.ones((b, count, 3)) * 1e-3
    parameters = np.zeros((b, count, 3))
    rotation = np.tile(np.eye(3), (b, count, 1, 1))
    shell, hidden = np.zeros((b, count), bool), np.zeros((b, count), bool)
    for i, s in enumerate(scenes):
        n = len(s.kinds)
        kind[i, :n], centre[i, :n], half[i, :n] = s.kinds, s.centres, s.halves
        parameters[i, :n], rotation[i, :n] = s.parameters, s.rotations
        shell[i, :n], hidden[i, :n] = s.shell, s.hidden
    to_local = np.swapaxes(rotation, -1, -2) / half[..., None]

    def f(x: np.ndarray) -> Tensor:
        return torch.from_numpy(x).float()

    shapes = Shapes(
        torch.from_numpy(kind), f(to_local), f(centre), f(half), f(parameters),
        torch.from_numpy(shell), torch.from_numpy(hidden),
    )  # fmt: skip
    return shapes, f(rotation)


def pack(scenes: list[Scene], photos: str | Path | None, device: torch.device | str) -> Packed:
    """Tensors of finished scenes (camera placed) on a device."""
    shapes, rotation = pack_shapes(scenes)
    b, count = shapes.kind.shape
    rows, planes = np.zeros((b, count, COLUMNS)), np.zeros((b, count, 7), np.int64)
    textures: list[Tensor] = []
    most = max(len(s.lights) for s in scenes)
    lights = np.zeros((b, most, 5, 3))
    outside = np.zeros((b, most), bool)
    for i, s in enumerate(scenes):
        rows[i, : len(s.kinds)] = [m.row(len(textures)) for m in s.materials]
        planes[i, : len(s.kinds)] = s.planes
        if s.photos:
            paths = photo_paths(str(photos))
            chosen = s.rng.integers(len(paths), size=s.photos)
            textures += [photo_texture(paths[k]) for k in chosen]
        for j, light in enumerate(s.lights):
            lights[i, j] = [light.position, light.colour, light.normal, *light.edges]
            outside[i, j] = light.outside
    bank = torch.cat([noise_bank(), torch.stack(textures)]) if textures else noise_bank()
    table = torch.from_numpy(lights).float().to(device)

    def f(x) -> Tensor:
        return torch.from_numpy(np.asarray(x)).float().to(device)

    return Packed(
        shapes=shapes.to(device),
        rotation=rotation.to(device),
        rows=f(rows),
        planes=torch.from_numpy(planes).to(device),
        bank=bank.to(device),
        origin=f([s.pose.position for s in scenes]),
        turn=f([s.pose.rotation for s in scenes]),
        ambient=f([s.ambient for s in scenes]),
        light_position=table[:, :, 0],
        light_colour=table[:, :, 1],
        light_normal=table[:, :, 2],
        light_edges=table[:, :, 3:],
        light_outside=torch.from_numpy(outside).to(device),
    )
