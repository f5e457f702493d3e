"""A folder of registered colour/depth pairs with a manifest.

Layout: `manifest.json`, a list of objects with `id`, `rgb` (path of a picture), `depth` (path of a
16-bit PNG, 0 = not measured), `unit_m` (metres per count), `split`, `dataset`, `scene`, `K`
([fx, fy, cx, cy] or null) and `depth_kind` (`metric`, `scale` or `disparity_affine`).
"""

from __future__ import annotations

import json
from copy import copy
from pathlib import Path

import numpy as np
from PIL import Image

from train.data.sample import Sample


class RGBDFolder:
    """The pairs of one split whose depth is known at least up to scale.

    Pairs of kind `disparity_affine` are left out: they have no depth without an unknown shift.
    Samples are kept in memory after the first read.

    Raises:
        FileNotFoundError: naming the missing manifest.
        ValueError: if the split is empty.
    """

    def __init__(self, folder: str | Path, split: str) -> None:
        self.folder = Path(folder)
        manifest = self.folder / "manifest.json"
        if not manifest.is_file():
            raise FileNotFoundError(f"no RGB-D manifest at {manifest}")
        self.entries = [
            entry
            for entry in json.loads(manifest.read_text())
            if entry["split"] == split and entry["depth_kind"] != "disparity_affine"
        ]
        if not self.entries:
            raise ValueError(f"{manifest} has no pairs with depth in split {split!r}")
        self._cache: dict[int, Sample] = {}

    def metric(self) -> RGBDFolder:
        """The pairs among them whose depth is in metres.

        Raises:
            ValueError: if there is none.
        """
        part = copy(self)
        part.entries = [entry for entry in self.entries if entry["depth_kind"] == "metric"]
        part._cache = {}
        if not part.entries:
            raise ValueError(f"{self.folder} has no pairs in metres")
        return part

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> Sample:
        if index not in self._cache:
            self._cache[index] = self._read(self.entries[index])
        return self._cache[index]

    def _read(self, entry: dict) -> Sample:
        rgb_path, depth_path = self.folder / entry["rgb"], self.folder / entry["depth"]
        for path in (rgb_path, depth_path):
            if not path.is_file():
                raise FileNotFoundError(f"{entry['id']}: {path} is missing")
        image = np.asarray(Image.open(rgb_path).convert("RGB"))
        depth = np.asarray(Image.open(depth_path)).astype(np.float32) * float(entry["unit_m"])
        if depth.shape != image.shape[:2]:
            raise ValueError(f"{entry['id']}: depth {depth.shape} and picture {image.shape} differ")
        intrinsics = np.float32(entry["K"]) if entry.get("K") else None
        return Sample(image, depth, entry["dataset"], entry["scene"], intrinsics)
