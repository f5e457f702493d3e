"""Joint geometric and photometric augmentation of a picture, its depth and its camera."""

from __future__ import annotations

import io
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from train.data.sample import Sample
from train.data.window import Window


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
    keep_aspect: bool = False  # crops are squares, but for `max_aspect`; not for resident data

    @classmethod
    def geometric(cls) -> Augmentation:
        """Crops and flips only, for those who do not look at the colours."""
        return cls(colour=0, blur=0, noise=0, jpeg=0, grey=0)


def augment(
    sample: Sample, size: int, strength: Augmentation, rng: np.random.Generator
) -> Sample:
    """Crop, flip, resize to a square and disturb the colours.

    Args:
        size: side S of the result; as for the model, the aspect ratio is not kept.

    Returns:
        image (S, S, 3), depth (S, S), resized without mixing depths, and intrinsics; what else the
        sample had is left out.
    """
    window = Window.draw(*sample.depth.shape, strength, rng)
    camera = sample.intrinsics
    return Sample(
        photometric(window.cut_picture(sample.image, size), strength, rng),
        window.cut(np.asarray(sample.depth, np.float32), size, cv2.INTER_NEAREST),
        sample.dataset,
        sample.scene,
        None if camera is None else window.intrinsics(camera, size),
    )


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
