"""Depth maps enlarged along the photo's edges: the guided filter (He, Sun and Tang, ECCV 2010).

A network's map is small and soft. In every window of it, depth is fitted as a linear function of
the photo's colours; the same function of the large photo's colours is depth at the photo's size
(Fast Guided Filter, arXiv 1505.00996). It moves edges to where the photo has them and knows nothing
of depth: it is no part of any model, and no evaluation uses it unless it says so. OpenCV has one in
its contrib modules only, which exclude the package the project uses.

Letters: h, w size of the model's map · H, W size of the photo.
"""

from __future__ import annotations

import numpy as np

RADIUS = 8  # of the windows, in pixels of a map with 256 pixels a side
LARGEST = 512  # longest side of the map that is fitted; larger ones are shrunk first
EPSILON = 1e-3  # variance of colours, in [0, 1], below which a window counts as of one colour
_NEAREST = 1e-3  # share of the largest depth below which logarithms do not follow


def sharpen(depth: np.ndarray, photo: np.ndarray, log: bool = True) -> np.ndarray:
    """A model's map at the photo's size, with its edges at the photo's edges.

    Args:
        depth: (h, w) float map as the model gives it, finite.
        photo: (H, W, 3) uint8 sRGB of the same view; both may have any size and aspect.
        log: Fit the logarithm, for depth >= 0; without it, for disparity or maps with an offset,
            the values themselves.

    Returns:
        (H, W) float32 within the range of `depth`.

    Raises:
        ValueError: for shapes other than these.
    """
    import cv2

    if np.ndim(depth) != 2 or np.ndim(photo) != 3 or photo.shape[2] != 3:
        raise ValueError(
            "sharpening takes a map (h, w) and a photo (H, W, 3), got shapes"
            f" {np.shape(depth)} and {np.shape(photo)}."
        )
    low, high = float(depth.min()), float(depth.max())
    values = np.asarray(depth, np.float32)
    if (share := LARGEST / max(values.shape)) < 1:
        size = [max(1, round(side * share)) for side in values.shape[::-1]]
        values = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    if log:
        values = np.log(np.maximum(values, max(_NEAREST * high, 1e-12)))
    (height, width), (tall, wide) = photo.shape[:2], values.shape
    guide = cv2.resize(photo, (wide, tall), interpolation=cv2.INTER_AREA)
    slope, offset = _fit(guide.astype(np.float32) / 255, values)
    sharp = cv2.resize(offset, (width, height), interpolation=cv2.INTER_LINEAR)
    for channel in range(3):  # one by one: a large photo's slopes take much memory
        factor = cv2.resize(slope[..., channel], (width, height), interpolation=cv2.INTER_LINEAR)
        factor *= photo[..., channel]
        factor /= 255
        sharp += factor
    return np.clip(np.exp(sharp, out=sharp) if log else sharp, low, high, out=sharp)


def _fit(guide: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slope (h, w, 3) and offset (h, w) of values over colours, each the mean of all windows that
    a pixel lies in. guide: (h, w, 3) in [0, 1]. values: (h, w)."""
    import cv2

    radius = max(1, round(RADIUS * max(values.shape) / 256))

    def mean(x: np.ndarray) -> np.ndarray:
        return cv2.blur(x, (2 * radius + 1,) * 2)

    colour, value = mean(guide), mean(values)
    covariance = mean(guide * values[..., None]) - colour * value[..., None]
    variance = np.stack(
        [mean(guide * guide[..., [i]]) - colour * colour[..., [i]] for i in range(3)], axis=-1
    )
    variance += EPSILON * np.eye(3, dtype=np.float32)
    slope = np.linalg.solve(variance, covariance[..., None])[..., 0]
    return mean(slope), mean(value - (slope * colour).sum(-1))
