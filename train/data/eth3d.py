"""ETH3D high-resolution multi-view: photographs (6048 x 4032) with laser-scanned depth, 13 scenes.

Layout, from the archives `SCENE_dslr_jpg.7z` (or `_dslr_undistorted.7z`) and
`SCENE_dslr_depth.7z` of https://www.eth3d.net/datasets:

    FOLDER/SCENE/images/dslr_images/NAME.JPG
    FOLDER/SCENE/ground_truth_depth/dslr_images/NAME.JPG
    FOLDER/SCENE/dslr_calibration_undistorted/{cameras.txt, images.txt}   (undistorted only)

A depth file is no JPEG in spite of its name: raw little-endian float32 in rows, of the picture's
size, infinite where no scan point was rendered; it is read as z-depth. The published depth belongs
to the original, distorted photographs. For the undistorted ones it has to be rendered first (the
publishers' dataset pipeline does it), into `ground_truth_depth/dslr_images_undistorted` in the same
format.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from train.data.files import checked, existing, read_rgb, within
from train.data.sample import Sample


class ETH3D:
    """All photographs that have a depth file; depth counts in (0.0001, 72] m.

    Args:
        undistorted: read `dslr_images_undistorted`, which have pinhole intrinsics; the distorted
            photographs have none.

    Raises:
        FileNotFoundError: naming the folders in which nothing was found.
    """

    def __init__(self, folder: str | Path, undistorted: bool = False) -> None:
        self.folder = Path(folder)
        self.kind = "dslr_images_undistorted" if undistorted else "dslr_images"
        self.undistorted = undistorted
        self.depths = sorted(self.folder.glob(f"*/ground_truth_depth/{self.kind}/*.JPG"))
        if not self.depths:
            raise FileNotFoundError(
                f"no ETH3D depth: {self.folder}/SCENE/ground_truth_depth/{self.kind}/*.JPG"
            )

    def __len__(self) -> int:
        return len(self.depths)

    def __getitem__(self, index: int) -> Sample:
        path = self.depths[index]
        root = path.parents[2]
        image = read_rgb(root / "images" / self.kind / path.name)
        values = np.fromfile(path, dtype="<f4")
        height, width = image.shape[:2]
        if values.size != height * width:
            raise ValueError(
                f"{path} holds {values.size} depths, its picture {width} x {height} pixels"
            )
        depth = values.reshape(height, width)
        depth = np.where(np.isfinite(depth), depth, 0).astype(np.float32)
        image, depth = checked(image, depth, str(path))
        intrinsics = None
        if self.undistorted:
            intrinsics = read_pinhole(root / "dslr_calibration_undistorted", path.name)
        valid = within(depth, 1e-4, 72)
        return Sample(image, depth, "eth3d", root.name, intrinsics, valid=valid)


def read_pinhole(folder: Path, name: str) -> np.ndarray:
    """(4,) float32 intrinsics of one picture from COLMAP's text files (pixel centres at +0.5)."""
    pictures = existing(folder / "images.txt", "ETH3D's list of pictures").read_text().splitlines()
    # Ten columns: number, rotation (4), translation (3), camera, name. Lines of points have none.
    rows = [line.split() for line in pictures if not line.startswith("#")]
    numbers = [row[8] for row in rows if len(row) == 10 and row[9].rsplit("/", 1)[-1] == name]
    cameras = existing(folder / "cameras.txt", "ETH3D's cameras").read_text().splitlines()
    for row in (line.split() for line in cameras if not line.startswith("#")):
        if numbers and row and row[0] == numbers[0]:
            if row[1] != "PINHOLE":
                raise ValueError(f"{folder}: camera {row[0]} is {row[1]}, PINHOLE was expected")
            return np.float32(row[4:8])
    raise ValueError(f"{folder} has no camera for {name}")
