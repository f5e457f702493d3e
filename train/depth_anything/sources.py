"""Labelled data that only a loss free of scale and shift can use, and pseudo-labels for others."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from train.data.files import existing, read_rgb
from train.data.sample import Sample
from train.depth_anything.labels import PseudoLabels

FLOOR = 0.02  # of a map's largest disparity; farther pixels count as not measured


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


class PseudoDepth:
    """Pseudo-labels as depth up to scale, for models that are trained on depth, such as DepthART.

    Depth is 1 / disparity with the largest disparity at depth 1. A teacher of kind "disparity"
    leaves a shift open, which is taken as 0, its zero being the farthest it saw in training;
    that bends far depths. Pixels below `floor` times the largest disparity therefore count as not
    measured (sky among them).

    Args:
        folder: labels of `train.depth_anything.pseudo_label`.
        floor: share of the largest disparity, 0 to 1; the default allows depths of 1 to 50.
    """

    def __init__(self, folder: str | Path, floor: float = FLOOR) -> None:
        if not 0 < floor < 1:
            raise ValueError(f"the floor is a share of the largest disparity, got {floor}")
        self.labels, self.floor = PseudoLabels(folder), floor

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Sample:
        label = self.labels[index]
        height, width = label.image.shape[:2]
        d = cv2.resize(label.disparity, (width, height))
        # The largest of a million pixels may be an artefact; the 99.9th percentile is not.
        peak = float(np.percentile(d, 99.9))
        known = d > max(self.floor * peak, 1e-12)
        depth = np.divide(peak, d, out=np.zeros_like(d), where=known)
        return Sample(label.image, depth.astype(np.float32), "pseudo", label.key)
