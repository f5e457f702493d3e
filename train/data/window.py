"""The part of a picture that a training sample shows, and where things end up in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from train.data.augment import Augmentation


class Window(NamedTuple):
    """A rectangle of a picture, in pixels, to be stretched to a square and perhaps mirrored."""

    top: int
    left: int
    height: int
    width: int
    flip: bool

    @classmethod
    def draw(
        cls, height: int, width: int, strength: Augmentation, rng: np.random.Generator
    ) -> Window:
        """A random window of a picture of height x width.

        Args:
            strength: `min_crop` of both sides, or of the shorter one with `keep_aspect`;
                `max_aspect`, `flip`.
        """
        share = rng.uniform(strength.min_crop, 1)
        aspect = strength.max_aspect ** rng.uniform(-0.5, 0.5)
        if strength.keep_aspect:
            sides = min(height, width) * share * aspect, min(height, width) * share / aspect
        else:
            sides = height * share * aspect, width * share / aspect
        h, w = (min(n, max(1, round(s))) for n, s in zip((height, width), sides, strict=True))
        top, left = rng.integers(height - h + 1), rng.integers(width - w + 1)
        return cls(int(top), int(left), h, w, bool(rng.random() < strength.flip))

    def cut(self, values: np.ndarray, size: int, interpolation: int) -> np.ndarray:
        """The window of a map or picture (H, W, ...), resized to (size, size, ...).

        Args:
            interpolation: OpenCV's.
        """
        part = values[self.top : self.top + self.height, self.left : self.left + self.width]
        if self.flip:
            part = part[:, ::-1]
        return cv2.resize(np.ascontiguousarray(part), (size, size), interpolation=interpolation)

    def cut_picture(self, image: np.ndarray, size: int) -> np.ndarray:
        """`cut` of colours (H, W, 3) uint8: means of areas if it shrinks, cubic if it grows."""
        shrinks = min(self.height, self.width) > size
        return self.cut(image, size, cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)

    def intrinsics(self, camera: np.ndarray, size: int) -> np.ndarray:
        """fx, fy, cx, cy of the result, whose pixels need not be square.

        Args:
            camera: (4,) those of the whole picture, in pixels.

        Returns:
            (4,) float32.
        """
        fx, fy, cx, cy = camera.tolist()
        across, down = size / self.width, size / self.height
        centre = (cx - self.left) * across
        centre = size - centre if self.flip else centre
        return np.float32([fx * across, fy * down, centre, (cy - self.top) * down])
