"""A scene under construction: parts with materials, lights, a camera."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from train.render.assets import Assets, load_mesh, photo_paths
from train.render.camera import Pose
from train.render.geometry import Geometry
from train.render.materials import PHOTO, VERTEX, Material
from train.render.mesh import Mesh
from train.render.primitives import BOX, ELLIPSOID, FRUSTUM, MESH, unit_mesh
from train.render.sky import Sky

UP, DOWN = 5, 4


@dataclass(frozen=True)
class Light:
    """A glowing parallelogram, or a sphere when it has no normal.

    Attributes:
        position: (3,) its middle, metres.
        edges: (2, 3) half edges; shadow rays end at random points between them.
        colour: (3,) linear RGB radiant intensity: irradiance is colour / distance**2.
        normal: (3,) or zeros for light in all directions.
    """

    position: np.ndarray
    edges: np.ndarray
    colour: np.ndarray
    normal: np.ndarray


@dataclass
class Scene:
    """Parts, materials, lights, sky and camera of one seed. `at` moves what is added inside it.

    Attributes:
        outdoors: the sky lights it; indoors windows are lights, and the sky is only seen.
        textures: what `Material.texture` counts through: paths of pictures, or pixels.
    """

    rng: np.random.Generator
    assets: Assets = field(default_factory=Assets)
    pose: Pose | None = None
    lights: list[Light] = field(default_factory=list)
    sky: Sky = field(default_factory=Sky)
    outdoors: bool = False
    post: dict[str, float] = field(default_factory=dict)
    kinds: list[int] = field(default_factory=list)
    centres: list[np.ndarray] = field(default_factory=list)
    halves: list[np.ndarray] = field(default_factory=list)
    rotations: list[np.ndarray] = field(default_factory=list)
    parameters: list[tuple[float, float, float]] = field(default_factory=list)
    meshes: list[Mesh | None] = field(default_factory=list)
    materials: list[Material] = field(default_factory=list)
    planes: list[list[int]] = field(default_factory=list)
    shell: list[bool] = field(default_factory=list)
    hidden: list[bool] = field(default_factory=list)
    textures: list[Path] = field(default_factory=list)
    frame: tuple[np.ndarray, np.ndarray] = field(default_factory=lambda: (np.zeros(3), np.eye(3)))
    plane_count: int = 0
    is_shell: bool = False
    _numbers: dict[Path, int] = field(default_factory=dict)
    _built: tuple[tuple[int, str], Geometry] | None = None

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
        mesh: Mesh | None = None,
    ) -> None:
        """Add a shape to the current frame. `plane` maps faces 0..5 to plane ids."""
        self.meshes.append(mesh)
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

    def mesh(self, mesh: Mesh, material: Material, scale=(1.0, 1.0, 1.0), plane=None) -> None:
        """Any mesh at the current frame's origin, stretched along its axes."""
        size = tuple(np.broadcast_to(scale, 3))
        self.add(MESH, (0, 0, 0), size, material, plane=plane, mesh=mesh)

    def loaded(self, path: Path, scale: float = 1.0) -> None:
        """A mesh from disk with its own texture or colours, at the current frame's origin."""
        found = load_mesh(path)
        look = Material(VERTEX, gloss=float(self.rng.uniform(0, 0.4)), noise_amount=0.05)
        if found.texture is not None:
            look.pattern, look.texture, look.fit = PHOTO, self.texture(path), True
        self.mesh(found.mesh, look, (scale,) * 3)

    def texture(self, path: Path) -> int:
        """Number of a texture file among the scene's."""
        if path not in self._numbers:
            self._numbers[path] = len(self.textures)
            self.textures.append(path)
        return self._numbers[path]

    def random_photo(self) -> int | None:
        """Number of a photo's texture; None where there are no photos. Draws from `rng` alike."""
        draw = self.rng.random()
        if self.assets.photos is None:
            return None
        paths = photo_paths(self.assets.photos)
        return self.texture(paths[int(draw * len(paths))])

    def geometry(self, device: torch.device | str = "cpu") -> Geometry:
        """All parts as triangles in the world; made once for a device and number of parts."""
        key = (len(self.kinds), str(device))
        if self._built is None or self._built[0] != key:
            meshes = [
                mesh or unit_mesh(kind, shape)
                for mesh, kind, shape in zip(self.meshes, self.kinds, self.parameters, strict=True)
            ]
            stretched = np.stack(self.rotations) * np.stack(self.halves)[:, None]
            hidden = np.array(self.hidden)
            made = Geometry(meshes, np.stack(self.centres), stretched, hidden, device)
            self._built = (key, made)
        return self._built[1]
