"""Pseudo-labels as depth, for models that are trained on depth."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from train.data.pseudo_labels import PseudoLabels
from train.data.sample import Sample

FLOOR = 0.02  # of a map's largest disparity; farther pixels count as not measured
CALIBRATION = "calibration.json"  # of train.depth_anything.calibrate


class PseudoDepth:
    """Pseudo-labels as depth up to scale: 1 / (disparity / peak + shift).

    A teacher of kind "disparity" leaves a shift open. It is the measured one if the folder has been
    calibrated (`python -m train.depth_anything.calibrate`), else 0; with a wrong shift far depths
    are bent. Pixels whose shifted disparity is below `floor` count as not measured, sky among them.

    Args:
        folder: labels of `train.depth_anything.pseudo_label`.
        floor: share of the peak; the default allows depths of 1 to 50 peaks' depths.
        shift: share of the peak; None = the folder's own.
    """

    def __init__(
        self, folder: str | Path, floor: float = FLOOR, shift: float | None = None
    ) -> None:
        if not 0 < floor < 1:
            raise ValueError(f"the floor is a share of the largest disparity, got {floor}")
        self.labels, self.floor = PseudoLabels(folder), floor
        calibration = Path(folder) / CALIBRATION
        if shift is None and calibration.is_file():
            shift = float(json.loads(calibration.read_text())["shift"])
        self.shift = shift or 0.0

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Sample:
        label = self.labels[index]
        height, width = label.image.shape[:2]
        peak = max(peak_of(label.disparity), 1e-12)
        d = cv2.resize(label.disparity, (width, height)) / np.float32(peak) + np.float32(self.shift)
        depth = np.divide(1, d, out=np.zeros_like(d), where=d > self.floor)
        return Sample(label.image, depth, "pseudo", label.key)


def peak_of(disparity: np.ndarray) -> float:
    """The 99.9th percentile: the largest of many pixels may be an artefact."""
    return float(np.percentile(disparity, 99.9))
