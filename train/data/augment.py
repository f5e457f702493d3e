"""Joint geometric and photometric augmentation of a picture and its depth."""

from __future__ import annotations

import io
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Augmentation:
    """Strength of each part."""

    min_crop: float = 0.65  # smallest crop, as a share of each side
    max_aspect: float = 1.25  # how much a crop's aspect may differ from the picture's
    flip: float = 0.5  # probability
    colour: float = 0.25  # brightness, contrast, saturation, white balance
    blur: float = 0.15  # probability
    noise: float = 0.3  # probability
    jpeg: float = 0.2  # probability
    grey: float = 0.03  # probability

    @classmethod
    def geometric(cls) -> Augmentation:
        """Crops and flips only, for those who do not look at the colours."""
        return cls(colour=0, blur=0, noise=0, jpeg=0, grey=0)


def augment(
    image: np.ndarray,
    depth: np.ndarray,
    size: int,
    strength: Augmentation,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Crop, flip, resize to a square and disturb the colours.

    Args:
        image: (H, W, 3) uint8. depth: (H, W) float32, 0 = not measured.
        size: side of the result; as for the model, the aspect ratio is not kept.

    Returns:
        (size, size, 3) uint8 and (size, size) float32, resized without mixing depths.
    """
    height, width = depth.shape
    share = rng.uniform(strength.min_crop, 1)
    aspect = strength.max_aspect ** rng.uniform(-0.5, 0.5)
    h = min(height, max(1, round(height * share * aspect)))
    w = min(width, max(1, round(width * share / aspect)))
    top, left = rng.integers(height - h + 1), rng.integers(width - w + 1)
    image, depth = image[top : top + h, left : left + w], depth[top : top + h, left : left + w]
    if rng.random() < strength.flip:
        image, depth = image[:, ::-1], depth[:, ::-1]
    shrink = cv2.INTER_AREA if min(h, w) > size else cv2.INTER_CUBIC
    image = cv2.resize(np.ascontiguousarray(image), (size, size), interpolation=shrink)
    depth = cv2.resize(
        np.ascontiguousarray(depth), (size, size), interpolation=cv2.INTER_NEAREST
    )
    return photometric(image, strength, rng), depth


def photometric(
    image: np.ndarray, strength: Augmentation, rng: np.random.Generator
) -> np.ndarray:
    """Colour, grey, blur, noise and JPEG, (H, W, 3) uint8 -> same."""
    if strength.colour:
        c = strength.colour
        x = image.astype(np.float32) / 255
        x = x ** np.exp(rng.uniform(-c, c)).astype(np.float32)  # gamma
        grey = x.mean(axis=2, keepdims=True)
        x = grey + (x - grey) * np.float32(1 + rng.uniform(-2 * c, c))  # saturation
        mean = x.mean()
        x = mean + (x - mean) * np.float32(1 + rng.uniform(-c, c))  # contrast
        gains = 1 + rng.uniform(-c, c) + rng.uniform(-c / 3, c / 3, 3)  # brightness, white balance
        image = _to_uint8(x * gains.astype(np.float32))
    if rng.random() < strength.grey:
        image = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    if rng.random() < strength.blur:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.6)))
    if rng.random() < strength.noise:
        sigma = rng.uniform(0.005, 0.04)
        noise = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(sigma)
        image = _to_uint8(image.astype(np.float32) / 255 + noise)
    if rng.random() < strength.jpeg:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "JPEG", quality=int(rng.integers(35, 92)))
        image = np.asarray(Image.open(buffer))
    return image


def _to_uint8(x: np.ndarray) -> np.ndarray:
    return (np.clip(x, 0, 1) * 255 + 0.5).astype(np.uint8)
