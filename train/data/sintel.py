"""MPI Sintel: frames of an animated film (1024 x 436) with rendered depth.

Layout, from `MPI-Sintel-complete.zip` and `MPI-Sintel-depth-training-20150305.zip` of
http://sintel.is.tue.mpg.de, unpacked over each other:

    FOLDER/training/{final,clean}/SCENE/frame_NNNN.png
    FOLDER/training/depth/SCENE/frame_NNNN.dpt
    FOLDER/training/camdata_left/SCENE/frame_NNNN.cam

Both binary formats are little-endian and start with the float 202021.25. `.dpt`: width and height
as int32, then float32 rows. `.cam`: a 3 x 3 intrinsic and a 3 x 4 extrinsic matrix in float64; the
principal point counts pixel centres as whole numbers, so the middle is (511.5, 217.5). Only the
training part has depth. Its unit is the film's, only roughly a metre.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from train.data.files import checked, existing, read_rgb, within
from train.data.sample import Sample

TAG = np.float32(202021.25)


class Sintel:
    """Frames with depth; it counts up to 72 units, the cap of MiDaS (the sky lies far beyond).

    Args:
        render: `final` with blur, fog and noise, or `clean`.
        scenes: names of scenes; None = all 23.

    Raises:
        FileNotFoundError: naming where depth maps were expected.
    """

    def __init__(
        self,
        folder: str | Path,
        render: Literal["final", "clean"] = "final",
        scenes: Sequence[str] | None = None,
    ) -> None:
        self.root, self.render = Path(folder) / "training", render
        self.depths = [
            path
            for path in sorted((self.root / "depth").glob("*/frame_*.dpt"))
            if scenes is None or path.parent.name in scenes
        ]
        if not self.depths:
            raise FileNotFoundError(f"no Sintel depth maps: {self.root}/depth/SCENE/frame_*.dpt")

    def __len__(self) -> int:
        return len(self.depths)

    def __getitem__(self, index: int) -> Sample:
        path = self.depths[index]
        scene, frame = path.parent.name, path.stem
        image = read_rgb(self.root / self.render / scene / f"{frame}.png")
        image, depth = checked(image, read_dpt(path), str(path))
        camera = self.root / "camdata_left" / scene / f"{frame}.cam"
        intrinsics = read_cam(existing(camera, "Sintel's camera"))
        valid = within(depth, 0, 72)
        return Sample(image, depth, "sintel", scene, intrinsics, valid=valid)


def read_dpt(path: Path) -> np.ndarray:
    """(H, W) float32 of a `.dpt` file.

    Raises:
        ValueError: if it is none.
    """
    data = _behind_tag(path, 8)
    width, height = np.frombuffer(data, "<i4", 2)
    if len(data) != 8 + 4 * width * height:
        raise ValueError(f"{path} is cut off: {width} x {height} depths were announced")
    return np.frombuffer(data, "<f4", offset=8).reshape(height, width).astype(np.float32)


def read_cam(path: Path) -> np.ndarray:
    """(4,) float32 intrinsics of a `.cam` file.

    Raises:
        ValueError: if it is none.
    """
    matrix = np.frombuffer(_behind_tag(path, 72), "<f8", 9)
    return np.float32([matrix[0], matrix[4], matrix[2] + 0.5, matrix[5] + 0.5])


def _behind_tag(path: Path, least: int) -> bytes:
    """What follows the mark, at least so many bytes of it."""
    data = path.read_bytes()
    if len(data) < 4 + least or np.frombuffer(data, "<f4", 1)[0] != TAG:
        raise ValueError(f"{path} does not start with {TAG}, the mark of a Sintel file")
    return data[4:]
