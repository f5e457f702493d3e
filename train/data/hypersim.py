"""Hypersim: 74,619 rendered pictures of 461 indoor scenes, the training data of the paper.

Layout, as unpacked by the download script of https://github.com/apple/ml-hypersim, with two tables
copied out of that repository (`evermotion_dataset/analysis` and `contrib/mikeroberts3000`):

    FOLDER/metadata_images_split_scene_v1.csv
    FOLDER/metadata_camera_parameters.csv
    FOLDER/ai_VVV_NNN/images/scene_cam_XX_final_hdf5/frame.IIII.color.hdf5
    FOLDER/ai_VVV_NNN/images/scene_cam_XX_geometry_hdf5/frame.IIII.depth_meters.hdf5
    FOLDER/ai_VVV_NNN/images/scene_cam_XX_geometry_hdf5/frame.IIII.render_entity_id.hdf5
    FOLDER/ai_VVV_NNN/images/scene_cam_XX_final_preview/frame.IIII.tonemap.jpg   (instead of colour)

`depth_meters` is the distance to the camera's centre, NaN where a ray hits nothing. Each scene has
its own camera: `M_cam_from_uv` turns picture coordinates u right, v up in [-1, 1] into rays (x
right, y up, z backward). Some scenes have a tilted sensor; z-depth exists there too, but no fx, fy,
cx, cy. Where the sensor is straight and centred, this is the paper's rule, which knows the field of
view only.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Literal

import numpy as np

from train.data.files import checked, existing, fill_nearest, read_rgb
from train.data.sample import Sample

SPLIT_TABLE = "metadata_images_split_scene_v1.csv"
CAMERA_TABLE = "metadata_camera_parameters.csv"


class Hypersim:
    """The released frames of one split, of all scenes that lie in the folder.

    Frames with at most `max_holes` pixels without distance get them filled from the nearest
    neighbour; with more of them (windows to the outside) they stay 0, not measured. The paper left
    out frames with 1,000 such pixels or more.

    Args:
        split: `train`, `val` or `test` of the public split by scene.
        colour: `tonemap` computes the official tone mapping from the HDR colours, `preview` reads
            its result from the JPEG previews, a hundredth of the download.

    Raises:
        FileNotFoundError: naming the missing table or folder.
        ValueError: if no scene of the split is present.
    """

    def __init__(
        self,
        folder: str | Path,
        split: str = "train",
        colour: Literal["tonemap", "preview"] = "tonemap",
        max_holes: int = 999,
    ) -> None:
        if colour not in ("tonemap", "preview"):
            raise ValueError(f"colour is 'tonemap' or 'preview', not {colour!r}")
        self.folder, self.colour, self.max_holes = Path(folder), colour, max_holes
        table = existing(self.folder / SPLIT_TABLE, "Hypersim's split table")
        cameras = existing(self.folder / CAMERA_TABLE, "Hypersim's camera table")
        here = {path.name for path in self.folder.glob("ai_*")}
        with table.open(newline="") as file:
            self.frames = [
                (row["scene_name"], row["camera_name"], int(row["frame_id"]))
                for row in csv.DictReader(file)
                if row["included_in_public_release"] == "True"
                and row["split_partition_name"] == split
                and row["scene_name"] in here
            ]
        if not self.frames:
            raise ValueError(f"{self.folder} has no scenes ai_VVV_NNN of the split {split!r}")
        with cameras.open(newline="") as file:
            self.cameras = {
                row["scene_name"]: np.array(
                    [[float(row[f"M_cam_from_uv_{i}{j}"]) for j in range(3)] for i in range(3)]
                )
                for row in csv.DictReader(file)
                if row["scene_name"] in here
            }

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> Sample:
        scene, camera, frame = self.frames[index]
        images = self.folder / scene / "images"
        geometry = images / f"scene_{camera}_geometry_hdf5" / f"frame.{frame:04d}"
        if self.colour == "preview":
            image = read_rgb(
                images / f"scene_{camera}_final_preview" / f"frame.{frame:04d}.tonemap.jpg"
            )
        else:
            hdr = images / f"scene_{camera}_final_hdf5" / f"frame.{frame:04d}.color.hdf5"
            entities = read_hdf5(geometry.with_name(f"{geometry.name}.render_entity_id.hdf5"))
            image = tone_map(read_hdf5(hdr), entities != -1)
        distance = read_hdf5(geometry.with_name(f"{geometry.name}.depth_meters.hdf5"))
        if scene not in self.cameras:
            raise ValueError(f"{self.folder / CAMERA_TABLE} has no row for scene {scene}")
        depth = planar_depth(distance.astype(np.float32), self.cameras[scene])
        holes = ~np.isfinite(depth)
        depth[holes] = 0
        if holes.sum() <= self.max_holes:
            depth = fill_nearest(depth, holes)
        image, depth = checked(image, depth, f"{scene}/{camera}/{frame}")
        intrinsics = pinhole(self.cameras[scene], *depth.shape)
        return Sample(image, depth, "hypersim", scene, intrinsics)


def read_hdf5(path: Path) -> np.ndarray:
    """The one array of a Hypersim file, called `dataset`."""
    import h5py

    with h5py.File(existing(path, "a Hypersim frame"), "r") as file:
        return file["dataset"][:]


def planar_depth(distance: np.ndarray, cam_from_uv: np.ndarray) -> np.ndarray:
    """Depth along the optical axis of points at these distances from the camera's centre.

    Args:
        distance: (H, W) float32. cam_from_uv: (3, 3), see above.
    """
    height, width = distance.shape
    u = (2 * np.arange(width) + 1) / width - 1
    v = 1 - (2 * np.arange(height) + 1) / height
    # Rays are linear in u and v: (3, H, W).
    rays = (
        cam_from_uv[:, 0, None, None] * u[None, None, :]
        + cam_from_uv[:, 1, None, None] * v[None, :, None]
        + cam_from_uv[:, 2, None, None]
    )
    return distance * (-rays[2] / np.linalg.norm(rays, axis=0)).astype(np.float32)


def pinhole(cam_from_uv: np.ndarray, height: int, width: int) -> np.ndarray | None:
    """(4,) float32 fx, fy, cx, cy in pixels, or None if the sensor is tilted or sheared."""
    ray = cam_from_uv / -cam_from_uv[2, 2]
    if np.abs([ray[0, 1], ray[1, 0], ray[2, 0], ray[2, 1]]).max() > 1e-6:
        return None
    focal = np.array([width / (2 * ray[0, 0]), height / (2 * ray[1, 1])])
    centre = [width / 2 - focal[0] * ray[0, 2], height / 2 + focal[1] * ray[1, 2]]
    return np.array([*focal, *centre], dtype=np.float32)


def tone_map(hdr: np.ndarray, surface: np.ndarray) -> np.ndarray:
    """Hypersim's own rule: the 90th percentile of brightness becomes 0.8 after gamma 1/2.2.

    Args:
        hdr: (H, W, 3) linear colour. surface: (H, W) bool, where a ray hit something.

    Returns:
        (H, W, 3) uint8.
    """
    hdr = np.nan_to_num(hdr.astype(np.float32), posinf=0, neginf=0)
    scale = 1.0
    if surface.any():
        bright = np.percentile((hdr @ np.float32([0.3, 0.59, 0.11]))[surface], 90)
        scale = 0.8**2.2 / bright if bright >= 1e-4 else 0.0
    display = np.clip(hdr * scale, 0, 1) ** (1 / 2.2)
    return (display * 255 + 0.5).astype(np.uint8)
