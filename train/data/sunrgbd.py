"""SUN RGB-D: 10,335 indoor pictures of four depth cameras.

Layout, from `SUNRGBD.zip` and `SUNRGBDtoolbox.zip` of https://rgbd.cs.princeton.edu:

    FOLDER/SUNRGBDtoolbox/traintestSUNRGBD/allsplit.mat        MATLAB 5: alltrain, alltest
    FOLDER/SUNRGBD/SENSOR/.../PICTURE/image/*.jpg
    FOLDER/SUNRGBD/SENSOR/.../PICTURE/depth_bfx/*.png
    FOLDER/SUNRGBD/SENSOR/.../PICTURE/intrinsics.txt           nine numbers, row after row

A 16-bit depth value is rotated left by three bits; rotated back it counts millimetres, 0 is
missing. `depth_bfx` is the publishers' cleaned depth with filled holes, which they cut off at 8 m.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from train.data.files import checked, existing, read_rgb, read_uint16
from train.data.sample import Sample

FARTHEST = 8.0  # metres


class SUNRGBD:
    """One official split, without the pictures that come from NYUv2.

    Args:
        split: `train` (5,285) or `test` (5,050).
        nyu: keep `kv1/NYUdata`, which contains NYUv2's test pictures; do not train on it when
            evaluating on NYUv2.

    Raises:
        FileNotFoundError: naming what is missing.
    """

    def __init__(
        self, folder: str | Path, split: Literal["train", "test"] = "train", nyu: bool = False
    ) -> None:
        if split not in ("train", "test"):
            raise ValueError(f"SUN RGB-D has the splits 'train' and 'test', not {split!r}")
        from scipy.io import loadmat

        self.folder = existing(Path(folder) / "SUNRGBD", "SUN RGB-D's data")
        path = Path(folder) / "SUNRGBDtoolbox" / "traintestSUNRGBD" / "allsplit.mat"
        table = loadmat(existing(path, "SUN RGB-D's split"), simplify_cells=True)
        # Paths as they were on the publishers' machine: .../SUNRGBD/kv2/kinect2data/...
        names = [str(n).split("SUNRGBD/", 1)[-1].strip("/") for n in np.ravel(table[f"all{split}"])]
        self.names = [name for name in names if nyu or not name.startswith("kv1/NYUdata")]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        name = self.names[index]
        root = existing(self.folder / name, "a SUN RGB-D picture")
        image = read_rgb(only_file(root / "image"))
        depth = decode(read_uint16(only_file(root / "depth_bfx")))
        image, depth = checked(image, depth, name)
        text = existing(root / "intrinsics.txt", "SUN RGB-D's intrinsics").read_text()
        k = [float(value) for value in text.split()]
        intrinsics = np.float32([k[0], k[4], k[2] + 0.5, k[5] + 0.5])
        return Sample(image, depth, "sunrgbd", str(Path(name).parent), intrinsics)


def decode(stored: np.ndarray) -> np.ndarray:
    """Metres of stored 16-bit values; what the publishers cut off counts as not measured."""
    metres = ((stored >> 3) | (stored << 13)).astype(np.float32) / 1000
    return np.where(metres < FARTHEST, metres, 0).astype(np.float32)


def only_file(folder: Path) -> Path:
    """The first picture of a folder that should hold one."""
    files = sorted(p for p in folder.glob("*") if p.suffix in (".jpg", ".png"))
    if not files:
        raise FileNotFoundError(f"no picture in {folder}")
    return files[0]
