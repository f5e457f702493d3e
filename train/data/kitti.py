"""KITTI: street pictures (about 1242 x 375) with depth from a laser scanner.

Two layouts from https://www.cvlibs.net/datasets/kitti/eval_depth.php. The official validation
selection of 1,000 pictures (`data_depth_selection.zip`):

    FOLDER/depth_selection/val_selection_cropped/image/DRIVE_image_NUMBER_image_0C.png
    FOLDER/depth_selection/val_selection_cropped/groundtruth_depth/DRIVE_groundtruth_depth_...png
    FOLDER/depth_selection/val_selection_cropped/intrinsics/DRIVE_image_NUMBER_image_0C.txt

and any list of raw pictures, such as the Eigen split's 697, with the accumulated depth of
`data_depth_annotated.zip` (unpacked to `train` and `val`):

    FOLDER/raw/DATE/DATE_drive_DDDD_sync/image_02/data/NUMBER.png
    FOLDER/raw/DATE/calib_cam_to_cam.txt
    FOLDER/{train,val}/DATE_drive_DDDD_sync/proj_depth/groundtruth/image_02/NUMBER.png

A list has a line for each picture that starts with its path below `raw`; the rest of the line is
ignored. 45 pictures of Eigen's 697 have no accumulated depth and are left out (652 remain).
A 16-bit depth value of 256 is one metre, 0 is missing.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np

from train.data.files import checked, existing, read_rgb, read_uint16, within
from train.data.sample import Sample

UNITS_PER_METRE = 256
# Rows and columns of Garg's crop as shares of the picture, usual with the Eigen split.
GARG_CROP = (0.40810811, 0.99189189, 0.03594771, 0.96405229)


class KITTI:
    """The official validation selection or, with `files`, the pictures of a list.

    Depth counts in (0.001, 80] m; for a list, within Garg's crop only.

    Args:
        files: path of a list, for example Eigen's test split; None = the official selection.

    Raises:
        FileNotFoundError: naming what is missing.
    """

    def __init__(self, folder: str | Path, files: str | Path | None = None) -> None:
        self.folder, self.listed = Path(folder), files is not None
        self.pairs = official_pairs(self.folder) if files is None else listed_pairs(folder, files)

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Sample:
        colour, path = self.pairs[index]
        metres = read_uint16(path).astype(np.float32) / UNITS_PER_METRE
        image, depth = checked(read_rgb(colour), metres, str(path))
        valid = within(depth, 1e-3, 80)
        if self.listed:
            intrinsics = rectified_camera(colour)
            scene = colour.parents[2].name
            valid &= garg_crop(*depth.shape)
        else:
            matrix = np.loadtxt(
                existing(colour.parents[1] / "intrinsics" / f"{colour.stem}.txt", "intrinsics")
            ).ravel()
            intrinsics = centred(matrix[0], matrix[4], matrix[2], matrix[5])
            scene = colour.name.split("_sync_")[0] + "_sync"
        return Sample(image, depth, "kitti", scene, intrinsics, valid=valid)


def official_pairs(folder: Path) -> list[tuple[Path, Path]]:
    """(picture, depth map) of the validation selection."""
    root = existing(
        folder / "depth_selection" / "val_selection_cropped", "KITTI's validation selection"
    )
    pairs = [
        (path, root / "groundtruth_depth" / path.name.replace("_image_", "_groundtruth_depth_", 1))
        for path in sorted((root / "image").glob("*.png"))
    ]
    if not pairs:
        raise FileNotFoundError(f"no KITTI pictures: {root}/image/*.png")
    return pairs


def listed_pairs(folder: str | Path, files: str | Path) -> list[tuple[Path, Path]]:
    """(picture, depth map) of the pictures in a list that have a depth map."""
    folder = Path(folder)
    pairs = []
    for line in existing(files, "the list of KITTI pictures").read_text().splitlines():
        if not line.strip():
            continue
        name = PurePosixPath(line.split()[0])
        if len(name.parts) != 5:
            raise ValueError(
                f"{files}: {name} is not of the form DATE/DRIVE/image_02/data/NUMBER.png"
            )
        _, drive, camera, _, number = name.parts
        for part in ("train", "val"):
            depth = folder / part / drive / "proj_depth" / "groundtruth" / camera / number
            if depth.is_file():
                pairs.append((folder / "raw" / name, depth))
    if not pairs:
        raise FileNotFoundError(
            f"none of the pictures in {files} has a depth map "
            f"{folder}/{{train,val}}/DRIVE/proj_depth/groundtruth/CAMERA/NUMBER.png"
        )
    return pairs


def garg_crop(height: int, width: int) -> np.ndarray:
    """(H, W) bool, the part of the picture that the laser scanner covers well."""
    edges = np.array(GARG_CROP) * [height, height, width, width]
    top, bottom, left, right = edges.astype(int)
    mask = np.zeros((height, width), bool)
    mask[top:bottom, left:right] = True
    return mask


def rectified_camera(picture: Path) -> np.ndarray:
    """Intrinsics of a raw picture, from the projection matrix of its rectified camera."""
    camera = picture.parents[1].name[-2:]
    path = existing(picture.parents[3] / "calib_cam_to_cam.txt", "KITTI's calibration")
    for line in path.read_text().splitlines():
        key, _, values = line.partition(":")
        if key == f"P_rect_{camera}":
            matrix = np.array(values.split(), dtype=np.float64)
            return centred(matrix[0], matrix[5], matrix[2], matrix[6])
    raise ValueError(f"{path} has no P_rect_{camera}")


def centred(fx: float, fy: float, cx: float, cy: float) -> np.ndarray:
    """KITTI's pixel centres are whole numbers, ours lie at +0.5."""
    return np.float32([fx, fy, cx + 0.5, cy + 0.5])
