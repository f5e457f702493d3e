"""DDAD: street pictures (1936 x 1216) of six cameras with a long-range laser scanner.

Layout of `DDAD.tar` (https://github.com/TRI-ML/DDAD), in Toyota's DGP format:

    FOLDER/ddad_train_val/ddad.json                        lists of scenes for each split
    FOLDER/ddad_train_val/NNNNNN/scene_HASH.json           frames, sensor poses, file names
    FOLDER/ddad_train_val/NNNNNN/calibration/HASH.json     intrinsics of each camera
    FOLDER/ddad_train_val/NNNNNN/rgb/CAMERA_0C/TIME.png
    FOLDER/ddad_train_val/NNNNNN/point_cloud/LIDAR/TIME.npz

No depth maps are published: a map is made here by projecting the frame's laser points with the two
sensors' poses at their own times. It is sparse, points seen through nearer objects stay in it (as
in the publishers' own projection), and moving objects may be displaced. Only the parts of DGP that
DDAD's train and val splits use are understood; the hidden test split is not.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import numpy as np

from train.data.files import existing, read_rgb, within
from train.data.sample import Sample

SPLITS = {"train": "0", "val": "1"}  # the numbers of DGP's enumeration


class DDAD:
    """Pictures of one camera of one split with projected laser depth, valid in (0, 200] m.

    Args:
        camera: `CAMERA_01` looks ahead; 05 to 09 look around.

    Raises:
        FileNotFoundError: naming what is missing.
        ValueError: if the split has no frame of the camera.
    """

    def __init__(
        self,
        folder: str | Path,
        split: Literal["train", "val"] = "val",
        camera: str = "CAMERA_01",
        lidar: str = "LIDAR",
    ) -> None:
        if split not in SPLITS:
            raise ValueError(f"DDAD has depth for the splits 'train' and 'val', not {split!r}")
        root, self.camera = Path(folder) / "ddad_train_val", camera
        table = json.loads(existing(root / "ddad.json", "DDAD's list of scenes").read_text())
        self.frames: list[tuple[Path, str, dict, dict]] = []
        for name in table["scene_splits"][SPLITS[split]]["filenames"]:
            path = existing(root / name, "a DDAD scene")
            scene = json.loads(path.read_text())
            data = {entry["key"]: entry for entry in scene["data"]}
            for frame in scene["samples"]:
                sensors = {data[k]["id"]["name"]: data[k]["datum"] for k in frame["datum_keys"]}
                if camera in sensors and lidar in sensors:
                    picture, cloud = sensors[camera]["image"], sensors[lidar]["point_cloud"]
                    self.frames.append((path.parent, frame["calibration_key"], picture, cloud))
        if not self.frames:
            raise ValueError(f"{root}: no frame of split {split!r} has {camera} and {lidar}")

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> Sample:
        scene, key, picture, cloud = self.frames[index]
        image = read_rgb(scene / picture["filename"])
        calibration = existing(scene / "calibration" / f"{key}.json", "DDAD's calibration")
        intrinsics = read_intrinsics(json.loads(calibration.read_text()), self.camera)
        points = read_points(existing(scene / cloud["filename"], "DDAD's laser points"))
        camera_from_lidar = np.linalg.inv(pose_matrix(picture["pose"])) @ pose_matrix(cloud["pose"])
        points = points @ camera_from_lidar[:3, :3].T + camera_from_lidar[:3, 3]
        depth = project(points, intrinsics, *image.shape[:2])
        valid = within(depth, 0, 200)
        return Sample(image, depth, "ddad", scene.name, intrinsics, valid=valid)


def pose_matrix(pose: dict) -> np.ndarray:
    """(4, 4) world from sensor, of a translation and a unit quaternion; zeros may be left out."""
    q, t = pose.get("rotation", {}), pose.get("translation", {})
    w, x, y, z = (q.get(key, 0.0) for key in ("qw", "qx", "qy", "qz"))
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, 3] = [t.get(key, 0.0) for key in ("x", "y", "z")]
    return matrix


def read_intrinsics(calibration: dict, camera: str) -> np.ndarray:
    """(4,) float32; `names` and `intrinsics` of a calibration run in parallel."""
    k = calibration["intrinsics"][calibration["names"].index(camera)]
    return np.float32([k["fx"], k["fy"], k["cx"] + 0.5, k["cy"] + 0.5])


def read_points(path: Path) -> np.ndarray:
    """(N, 3) x, y, z from the array `data`, whether its columns are named or not."""
    with np.load(path) as file:
        data = file["data"]
    if data.dtype.names:
        return np.stack([data[name] for name in data.dtype.names[:3]], axis=1).astype(np.float64)
    return data[:, :3].astype(np.float64)


def project(points: np.ndarray, intrinsics: np.ndarray, height: int, width: int) -> np.ndarray:
    """Sparse z-depth of points in camera coordinates; the nearest one wins a pixel.

    Args:
        points: (N, 3), x right, y down, z forward.

    Returns:
        (height, width) float32, 0 = no point.
    """
    points = points[points[:, 2] > 0]
    fx, fy, cx, cy = intrinsics
    column = np.floor(points[:, 0] / points[:, 2] * fx + cx).astype(int)
    row = np.floor(points[:, 1] / points[:, 2] * fy + cy).astype(int)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    depth = np.full((height, width), np.inf, np.float32)
    np.minimum.at(depth, (row[inside], column[inside]), points[inside, 2].astype(np.float32))
    return np.where(np.isfinite(depth), depth, 0).astype(np.float32)
