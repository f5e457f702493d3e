"""Files that scenes may use: photos, meshes and panoramas. All optional; nothing is in git.

- photos: any folder of pictures, for textures;
- meshes: a folder of textured `<id>.npz` with `manifest.json`, see `load_mesh`;
- environments: a folder of equirectangular panoramas `<name>.npy`, (H, 2 H, 3) linear RGB.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from train.render.mesh import Mesh, mesh_of

PHOTO_ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}


@dataclass(frozen=True)
class Assets:
    """Folders of files, None where scenes shall do without.

    Attributes:
        photos, meshes, environments: see this module.
    """

    photos: Path | None = None
    meshes: Path | None = None
    environments: Path | None = None

    def check(self) -> None:
        """Complain about folders that are not there or empty.

        Raises:
            FileNotFoundError: if a folder is missing or holds nothing of its kind.
        """
        if self.photos is not None:
            photo_paths(self.photos)
        if self.meshes is not None:
            mesh_list(self.meshes)
        if self.environments is not None:
            environment_paths(self.environments)

    def used(self) -> dict[str, bool]:
        """Which kinds of files scenes use."""
        return {name: value is not None for name, value in vars(self).items()}


@dataclass(frozen=True)
class MeshInfo:
    """One object of a folder of meshes.

    Attributes:
        path: its file.
        name, category: as in the manifest.
        size: metres along x, y, z; it stands on z = 0 around the origin.
        faces: triangles.
        shell: part of a building, larger than a room.
        cutout: its texture has holes.
    """

    path: Path
    name: str
    category: str
    size: tuple[float, float, float]
    faces: int
    shell: bool
    cutout: bool


@dataclass(frozen=True, eq=False)
class LoadedMesh:
    """A mesh from disk, its texture (H, W, 3) uint8 sRGB or None for colours at the corners."""

    mesh: Mesh
    texture: np.ndarray | None


@lru_cache(maxsize=8)
def photo_paths(folder: Path) -> tuple[Path, ...]:
    """Sorted photos of a folder.

    Raises:
        FileNotFoundError: if there is no such folder or it holds no photo.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder of photos at '{folder}'; give an existing folder.")
    paths = tuple(p for p in sorted(folder.iterdir()) if p.suffix.lower() in PHOTO_ENDINGS)
    if not paths:
        raise FileNotFoundError(f"the folder '{folder}' holds no .jpg, .png or .webp photo.")
    return paths


@lru_cache(maxsize=8)
def environment_paths(folder: Path) -> tuple[Path, ...]:
    """Sorted panoramas of a folder.

    Raises:
        FileNotFoundError: if there is no such folder or it holds no .npy file.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder of environments at '{folder}'; give an existing one.")
    paths = tuple(sorted(folder.glob("*.npy")))
    if not paths:
        raise FileNotFoundError(f"the folder '{folder}' holds no .npy panorama.")
    return paths


@lru_cache(maxsize=8)
def mesh_list(folder: Path) -> tuple[MeshInfo, ...]:
    """All objects of a folder of meshes, in the manifest's order.

    Raises:
        FileNotFoundError: if there is no such folder or it has no manifest.json.
    """
    if not (folder / "manifest.json").is_file():
        raise FileNotFoundError(
            f"no meshes at '{folder}': expected a folder with manifest.json and <id>.npz files."
        )
    entries = json.loads((folder / "manifest.json").read_text())["objects"]
    return tuple(
        MeshInfo(folder / f"{e['id']}.npz", e["id"], e["category"], tuple(e["size"]), e["faces"],
                 bool(e["shell"]), bool(e["cutout"]))
        for e in entries
    )  # fmt: skip


@lru_cache(maxsize=400)
def load_mesh(path: Path) -> LoadedMesh:
    """Read one object.

    The file holds `vertices` (N, 3) in metres, z up, `faces` (M, 3), and either `uv` (N, 2), v = 0
    being the top row of `texture_jpeg` (the bytes of a JPEG), or `vertex_color` (N, 3) uint8 sRGB.
    """
    from PIL import Image

    with np.load(path) as file:
        vertices = file["vertices"].astype(np.float32)
        faces = file["faces"].astype(np.int64)
        if "texture_jpeg" in file:
            texture = Image.open(io.BytesIO(file["texture_jpeg"].tobytes())).convert("RGB")
            return LoadedMesh(mesh_of(vertices, faces, file["uv"]), np.asarray(texture))
        colour = (file["vertex_color"].astype(np.float32) / 255) ** 2.2
        return LoadedMesh(mesh_of(vertices, faces, colour), None)
