"""NYU Depth v2, the 1,449 labelled pictures of indoor scenes (Kinect, 640 x 480).

Layout, both from https://cs.nyu.edu/~silberman/datasets/nyu_depth_v2.html:

    FOLDER/nyu_depth_v2_labeled.mat   MATLAB 7.3 (HDF5): images, rawDepths, depths, scenes
    FOLDER/splits.mat                 MATLAB 5: trainNdxs (795), testNdxs (654), counted from 1

The pictures have a white frame of about 8 pixels. The paper's reference code evaluates the raw
Kinect depth in (0, 10] m on pictures from which 8 pixels have been cut off on each side.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from train.data.files import existing, within
from train.data.sample import Sample

# Colour camera of the official toolbox (camera_params.m), whose pixels are counted from 1.
INTRINSICS = np.float32([518.857901, 519.469611, 325.582449 - 0.5, 253.736166 - 0.5])


class NYUv2:
    """One official split.

    Args:
        split: `test` or `train`.
        depth: `rawDepths` as measured, 0 in the holes, or `depths`, filled by colorization.
        border: `mask` leaves 8 pixels on each side out of `valid`; `crop` cuts them off the picture
            too, so that the model does not see the white frame (the paper's reference).

    Raises:
        FileNotFoundError: naming the missing file.
    """

    def __init__(
        self,
        folder: str | Path,
        split: Literal["train", "test"] = "test",
        depth: Literal["rawDepths", "depths"] = "rawDepths",
        border: Literal["mask", "crop"] = "mask",
    ) -> None:
        if split not in ("train", "test"):
            raise ValueError(f"NYUv2 has the splits 'train' and 'test', not {split!r}")
        if depth not in ("rawDepths", "depths"):
            raise ValueError(f"depth is 'rawDepths' or 'depths', not {depth!r}")
        if border not in ("mask", "crop"):
            raise ValueError(f"border is 'mask' or 'crop', not {border!r}")
        from scipy.io import loadmat

        self.file = existing(Path(folder) / "nyu_depth_v2_labeled.mat", "NYUv2's labelled data")
        splits = loadmat(existing(Path(folder) / "splits.mat", "NYUv2's split"))
        self.numbers = splits[f"{split}Ndxs"].ravel().astype(int) - 1
        self.depth, self.border = depth, border

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> Sample:
        import h5py

        number = self.numbers[index]
        # Opened for each picture: an open HDF5 file does not survive the fork of a worker.
        with h5py.File(self.file, "r") as file:
            image = file["images"][number].transpose(2, 1, 0)  # MATLAB stores columns first
            depth = file[self.depth][number].T.astype(np.float32)
            letters = file[file["scenes"][0, number]][:]
        scene = "".join(map(chr, letters.ravel()))
        depth = np.nan_to_num(np.ascontiguousarray(depth))
        sample = Sample(np.ascontiguousarray(image), depth, "nyuv2", scene, INTRINSICS.copy())
        inner = slice(8, -8)
        if self.border == "crop":
            sample.image = np.ascontiguousarray(sample.image[inner, inner])
            sample.depth = np.ascontiguousarray(sample.depth[inner, inner])
            sample.intrinsics[2:] -= 8
            sample.valid = within(sample.depth, 0, 10)
        else:
            sample.valid = np.zeros(depth.shape, bool)
            sample.valid[inner, inner] = within(depth, 0, 10)[inner, inner]
        return sample
