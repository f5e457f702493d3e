"""Labelled pairs that only a loss free of scale and shift can use."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from train.data.files import existing, read_rgb
from train.data.sample import Sample


class DisparityPairs:
    """Pairs of kind `disparity_affine` of an RGB-D folder (`train.data.rgbd_folder`).

    Their disparity has an unknown shift, so `Sample.depth` is 1 / disparity as it stands: right
    for eqs. 1-3, which ignore the shift, and for no other loss.

    Raises:
        FileNotFoundError: without a manifest.
        ValueError: if the split has no such pair.
    """

    def __init__(self, folder: str | Path, split: str = "train") -> None:
        self.folder = Path(folder)
        manifest = existing(self.folder / "manifest.json", "the RGB-D manifest")
        self.entries = [
            entry
            for entry in json.loads(manifest.read_text())
            if entry["split"] == split and entry["depth_kind"] == "disparity_affine"
        ]
        if not self.entries:
            raise ValueError(f"{manifest} has no pairs of disparity in split {split!r}")

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> Sample:
        entry = self.entries[index]
        image = read_rgb(self.folder / entry["rgb"])
        path = existing(self.folder / entry["depth"], "the disparity")
        counts = np.asarray(Image.open(path)).astype(np.float32)
        depth = np.divide(1, counts, out=np.zeros_like(counts), where=counts > 0)
        return Sample(image, depth, entry["dataset"], entry["scene"])
