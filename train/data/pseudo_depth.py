"""Pseudo-labels as depth, for models that are trained on depth."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from train.data.pseudo_labels import PseudoLabels
from train.data.sample import Sample

FLOOR = 0.02  # of a map's largest disparity; farther pixels count as not measured


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
