"""The dynamic-human subset of TUM RGB-D: about 1,800 pictures (512 x 384) with moving people.

Layout of the archive `tum_hdf5.tgz` that the Mannequin Challenge project published ("Learning the
Depths of Moving People by Watching Frozen People", CVPR 2019):

    FOLDER/tum_hdf5/CLIP_TIME.jpg.h5

Datasets read from each file: `gt/img_1` (H, W, 3) RGB, `gt/gt_depth` (H, W) metres with 0 =
missing, and `gt/intrinsic` (3, 3), pixel centres at whole numbers.

Uncertain. The paper says only "TUM, dynamic humans"; its reference code reads a private HDF5 copy
whose file list was not published. This subset is the one earlier work of that name uses. Its file
names do not tell which TUM sequences they come from (the category "dynamic objects" of TUM is
freiburg2_desk_with_person, freiburg3_sitting_* and freiburg3_walking_*). To evaluate on those in
full, use `TUMRGBD(folder, DYNAMIC_SEQUENCES)`, and say in a result which of both was used. Colours
are taken as [0, 1] when stored as floating point, as the publishers' loader does, and as 0-255 when
stored as bytes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from train.data.files import checked, within
from train.data.sample import Sample


class TUMDynamic:
    """All pictures of the subset; depth counts in (0.01, 10] m. A clip is a scene.

    Raises:
        FileNotFoundError: if the folder holds no file of the subset.
    """

    def __init__(self, folder: str | Path) -> None:
        self.paths = sorted(Path(folder).glob("tum_hdf5/*.h5"))
        if not self.paths:
            raise FileNotFoundError(f"no TUM files of moving people: {Path(folder)}/tum_hdf5/*.h5")

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Sample:
        import h5py

        path = self.paths[index]
        with h5py.File(path, "r") as file:
            missing = [key for key in ("img_1", "gt_depth", "intrinsic") if f"gt/{key}" not in file]
            if missing:
                raise ValueError(f"{path} lacks gt/{', gt/'.join(missing)}")
            image, matrix = file["gt/img_1"][:], file["gt/intrinsic"][:]
            depth = np.nan_to_num(file["gt/gt_depth"][:].astype(np.float32))
        if image.dtype != np.uint8:
            if image.max() > 1.01:
                raise ValueError(f"{path}: floating-point colours should lie in [0, 1]")
            image = (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
        image, depth = checked(image, depth, path.name)
        intrinsics = np.float32(
            [matrix[0, 0], matrix[1, 1], matrix[0, 2] + 0.5, matrix[1, 2] + 0.5]
        )
        scene = path.name.rsplit("_", 1)[0]
        valid = within(depth, 0.01, 10)
        return Sample(image, depth, "tum_dynamic", scene, intrinsics, valid=valid)
