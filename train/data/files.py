"""Small reading steps that the data set readers share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def existing(path: str | Path, what: str) -> Path:
    """The path, if it exists.

    Raises:
        FileNotFoundError: saying what is missing and where it was expected.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{what} is missing: {path}")
    return path


def read_rgb(path: str | Path) -> np.ndarray:
    """(H, W, 3) uint8 of a picture file."""
    with Image.open(existing(path, "the picture")) as picture:
        return np.array(picture.convert("RGB"))


def read_uint16(path: str | Path) -> np.ndarray:
    """(H, W) uint16 of a single-channel PNG of 16 bits."""
    with Image.open(existing(path, "the depth map")) as picture:
        # Pillow holds such a PNG as I;16 or, before version 10, as 32-bit integers.
        if picture.mode not in ("I;16", "I;16B", "I"):
            raise ValueError(f"{path} should be a 16-bit grey PNG, its mode is {picture.mode}")
        return np.array(picture).astype(np.uint16)


def checked(image: np.ndarray, depth: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Both arrays, if they belong together.

    Raises:
        ValueError: if picture and depth map differ in size.
    """
    size = image.shape[:2]
    if depth.shape != size:
        raise ValueError(f"{name}: depth {depth.shape} and picture {size} differ in size")
    return image, depth


def within(depth: np.ndarray, nearest: float, farthest: float) -> np.ndarray:
    """(H, W) bool, depths in the half-open range (nearest, farthest] of a protocol."""
    return (depth > nearest) & (depth <= farthest)


def fill_nearest(depth: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """Give every hole the depth of the nearest pixel that has one (to OpenCV's 5 x 5 distance).

    Args:
        depth: (H, W) float32. holes: (H, W) bool.

    Returns:
        (H, W) float32; the input itself if there is no hole, or nothing else.
    """
    if not holes.any() or holes.all():
        return depth
    import cv2

    labels = cv2.distanceTransformWithLabels(
        holes.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )[1]
    values = np.zeros(labels.max() + 1, depth.dtype)
    values[labels[~holes]] = depth[~holes]
    return np.where(holes, values[labels], depth)
