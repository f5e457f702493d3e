"""TUM RGB-D: sequences of a hand-held Kinect (640 x 480).

Layout, as unpacked from https://cvg.cit.tum.de/data/datasets/rgbd-dataset/download:

    FOLDER/rgbd_dataset_freiburgN_NAME/{rgb.txt, depth.txt, rgb/TIME.png, depth/TIME.png}

The two lists hold a time stamp and a file name a line, `#` starts a comment. Colour and depth are
registered but not synchronous. A 16-bit depth value of 5000 is one metre, 0 is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from train.data.files import checked, existing, read_rgb, read_uint16, within
from train.data.sample import Sample

UNITS_PER_METRE = 5000
# Calibrated colour cameras from the data set's page; there, pixel centres are whole numbers.
# The pictures of freiburg1 and freiburg2 keep their lens distortion, which a pinhole ignores.
INTRINSICS = {
    "freiburg1": (517.3, 516.5, 318.6 + 0.5, 255.3 + 0.5),
    "freiburg2": (520.9, 521.0, 325.1 + 0.5, 249.7 + 0.5),
    "freiburg3": (535.4, 539.2, 320.1 + 0.5, 247.6 + 0.5),
}
# Every sequence of the category "dynamic objects": people in front of the camera.
DYNAMIC_SEQUENCES = (
    "rgbd_dataset_freiburg2_desk_with_person",
    "rgbd_dataset_freiburg3_sitting_static",
    "rgbd_dataset_freiburg3_sitting_xyz",
    "rgbd_dataset_freiburg3_sitting_halfsphere",
    "rgbd_dataset_freiburg3_sitting_rpy",
    "rgbd_dataset_freiburg3_walking_static",
    "rgbd_dataset_freiburg3_walking_xyz",
    "rgbd_dataset_freiburg3_walking_halfsphere",
    "rgbd_dataset_freiburg3_walking_rpy",
)


class TUMRGBD:
    """Colour pictures that have a depth map within `tolerance` seconds; valid in (0.01, 10] m.

    Args:
        sequences: names of folders, for example `DYNAMIC_SEQUENCES`; None = all there are.
        every: keep one of this many pairs; neighbours at 30 Hz hardly differ.

    Raises:
        FileNotFoundError: naming the missing sequence or list.
        ValueError: if no pair matches or a sequence's camera is unknown.
    """

    def __init__(
        self,
        folder: str | Path,
        sequences: Sequence[str] | None = None,
        every: int = 1,
        tolerance: float = 0.02,
    ) -> None:
        folder = Path(folder)
        if sequences is None:
            sequences = sorted(path.parent.name for path in folder.glob("*/rgb.txt"))
            if not sequences:
                raise FileNotFoundError(f"no TUM sequence (SEQUENCE/rgb.txt) in {folder}")
        self.pairs: list[tuple[Path, Path]] = []
        for name in sequences:
            root = existing(folder / name, "a TUM sequence")
            camera_of(name)
            colour, depth = read_list(root / "rgb.txt"), read_list(root / "depth.txt")
            matches = associate(list(colour), list(depth), tolerance)
            self.pairs += [(root / colour[a], root / depth[b]) for a, b in matches][::every]
        if not self.pairs:
            raise ValueError(f"{folder}: no colour picture has a depth map within {tolerance} s")

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Sample:
        colour, path = self.pairs[index]
        metres = read_uint16(path).astype(np.float32) / UNITS_PER_METRE
        image, depth = checked(read_rgb(colour), metres, str(path))
        sequence = path.parent.parent.name
        intrinsics = np.float32(INTRINSICS[camera_of(sequence)])
        valid = within(depth, 0.01, 10)
        return Sample(image, depth, "tum", sequence, intrinsics, valid=valid)


def camera_of(sequence: str) -> str:
    """Which of the three cameras filmed a sequence, by its name."""
    for camera in INTRINSICS:
        if camera in sequence:
            return camera
    raise ValueError(f"{sequence} names none of the cameras {', '.join(INTRINSICS)}")


def read_list(path: Path) -> dict[float, str]:
    """{time stamp in seconds: file name}."""
    lines = existing(path, "a TUM list of files").read_text().splitlines()
    entries = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    return {float(entry[0]): entry[1] for entry in entries}


def associate(
    colour: Sequence[float], depth: Sequence[float], tolerance: float
) -> list[tuple[float, float]]:
    """Pairs of time stamps less than `tolerance` apart, closest first, each used once.

    Returns:
        (colour, depth) in the order of time.
    """
    others = np.sort(np.asarray(depth, dtype=np.float64))
    candidates = []
    for time in colour:
        first = np.searchsorted(others, time - tolerance, "left")
        last = np.searchsorted(others, time + tolerance, "right")
        candidates += [(abs(time - other), time, other) for other in others[first:last].tolist()]
    free_colour, free_depth, pairs = set(colour), set(others.tolist()), []
    for difference, a, b in sorted(candidates):
        if difference < tolerance and a in free_colour and b in free_depth:
            free_colour.remove(a)
            free_depth.remove(b)
            pairs.append((a, b))
    return sorted(pairs)
