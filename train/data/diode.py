"""DIODE: indoor and outdoor pictures (1024 x 768) with dense laser-scanned depth.

Layout, as unpacked from https://diode-dataset.org (`train.tar.gz`, `val.tar.gz`):

    FOLDER/{train,val}/{indoors,outdoor}/scene_NNNNN/scan_NNNNN/
        NAME.png
        NAME_depth.npy        (H, W, 1) float32 metres
        NAME_depth_mask.npy   (H, W), 1 = valid

Uncertain: the files come without a camera. The intrinsics here are those that other projects use
for all pictures. Whether `depth` is z-depth or distance is not stated; it is read as z-depth.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from train.data.files import checked, existing, read_rgb
from train.data.sample import Sample

INTRINSICS = np.float32([886.81, 927.06, 512, 384])


class DIODE:
    """Pictures of one split.

    Args:
        split: `train` or `val`.
        place: `indoors`, `outdoor` or None for both.

    Raises:
        FileNotFoundError: naming where depth maps were expected.
    """

    def __init__(
        self,
        folder: str | Path,
        split: Literal["train", "val"] = "val",
        place: Literal["indoors", "outdoor"] | None = None,
    ) -> None:
        pattern = f"{place or '*'}/scene_*/scan_*/*_depth.npy"
        self.depths = sorted((Path(folder) / split).glob(pattern))
        if not self.depths:
            raise FileNotFoundError(f"no DIODE depth maps: {Path(folder) / split / pattern}")

    def __len__(self) -> int:
        return len(self.depths)

    def __getitem__(self, index: int) -> Sample:
        path = self.depths[index]
        name = path.name.removesuffix("_depth.npy")
        mask = np.load(existing(path.with_name(f"{name}_depth_mask.npy"), "DIODE's mask")) > 0
        metres = np.load(path).astype(np.float32).reshape(mask.shape)
        depth = np.where(mask & np.isfinite(metres), metres, 0)
        image, depth = checked(read_rgb(path.with_name(f"{name}.png")), depth, name)
        return Sample(image, depth, "diode", path.parents[1].name, INTRINSICS.copy())
