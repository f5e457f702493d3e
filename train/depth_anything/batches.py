"""Batches of labelled and pseudo-labelled pictures, aspect ratio kept (section 4, implementation).

Pictures are cut square from a shorter side of `size / share`; as in `train.data.mixture`, batch n
depends on the seed and on n alone. Letters: B batch, S side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch import Tensor

from train.data.augment import Augmentation, photometric
from train.data.sample import Batch, Source, collate
from train.depth_anything.labels import PseudoLabels

MIN_KNOWN = 0.05  # share of a labelled crop whose depth must be known
# As in the paper: labelled pictures are only flipped, unlabeled ones not even that.
FLIPS = replace(Augmentation.geometric(), max_aspect=1)
CROPS = replace(FLIPS, flip=0)
ROBUST = Augmentation(min_crop=0.65, max_aspect=1.25)  # ours: colours, blur, noise and JPEG too


@dataclass
class Unlabeled:
    """Clean pictures with the teacher's labels.

    Attributes:
        image: (B, 3, S, S) float32 in [-1, 1].
        disparity: (B, 1, S, S) float32 >= 0, in the teacher's unit.
        known: (B, 1, S, S) bool.
    """

    image: Tensor
    disparity: Tensor
    known: Tensor

    def to(self, device: torch.device | str) -> Unlabeled:
        return Unlabeled(*(part.to(device) for part in (self.image, self.disparity, self.known)))


class LabelledBatches:
    """Draws sources by weight, samples uniformly; depth +inf is sky."""

    def __init__(
        self,
        sources: Sequence[tuple[Source, float]],
        size: int,
        batch_size: int,
        seed: int = 0,
        strength: Augmentation = ROBUST,
    ) -> None:
        if not sources:
            raise ValueError("training needs at least one source of labelled data")
        self.sources = [source for source, _ in sources]
        weights = np.array([weight for _, weight in sources], np.float64)
        self.weights = weights / weights.sum()
        self.size, self.batch_size, self.seed, self.strength = size, batch_size, seed, strength

    def batch(self, number: int) -> Batch:
        """Batch `number`; crops with hardly any known depth are drawn again."""
        rng = np.random.default_rng([self.seed, number])
        images, depths = [], []
        while len(images) < self.batch_size:
            source = self.sources[rng.choice(len(self.sources), p=self.weights)]
            sample = source[int(rng.integers(len(source)))]
            image, depth = square_crop(
                sample.image, sample.depth, self.size, self.strength, rng, cv2.INTER_NEAREST
            )
            if (depth > 0).mean() > MIN_KNOWN:
                images.append(photometric(image, self.strength, rng))
                depths.append(depth)
        return collate(images, depths)


class UnlabeledBatches:
    """Draws pseudo-labels uniformly; clean crops without flips."""

    def __init__(
        self,
        labels: PseudoLabels,
        size: int,
        batch_size: int,
        seed: int = 0,
        strength: Augmentation = CROPS,
    ) -> None:
        self.labels, self.size, self.batch_size = labels, size, batch_size
        self.seed, self.strength = seed, strength

    def batch(self, number: int) -> Unlabeled:
        rng = np.random.default_rng([self.seed, number, 1])
        images, disparities = [], []
        for index in rng.integers(len(self.labels), size=self.batch_size):
            label = self.labels[int(index)]
            height, width = label.image.shape[:2]
            disparity = cv2.resize(label.disparity, (width, height))
            image, disparity = square_crop(
                label.image, disparity, self.size, self.strength, rng, cv2.INTER_LINEAR
            )
            images.append(image)
            disparities.append(disparity)
        image = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 127.5 - 1
        disparity = torch.from_numpy(np.stack(disparities)).unsqueeze(1)
        return Unlabeled(image, disparity, torch.ones_like(disparity, dtype=torch.bool))


def square_crop(
    image: np.ndarray,
    values: np.ndarray,
    size: int,
    strength: Augmentation,
    rng: np.random.Generator,
    interpolation: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a square, or nearly so, and resize it; flip by chance.

    Args:
        image: (H, W, 3) uint8. values: (H, W) float32 that belongs to it.
        strength: `min_crop` of the shorter side, `max_aspect` of the cut, `flip`.
        interpolation: OpenCV's, for `values`.

    Returns:
        (size, size, 3) uint8 and (size, size) float32.
    """
    height, width = values.shape
    side = min(height, width) * rng.uniform(strength.min_crop, 1)
    aspect = strength.max_aspect ** rng.uniform(-0.5, 0.5)
    h = min(height, max(1, round(side * aspect)))
    w = min(width, max(1, round(side / aspect)))
    top, left = rng.integers(height - h + 1), rng.integers(width - w + 1)
    image, values = image[top : top + h, left : left + w], values[top : top + h, left : left + w]
    if rng.random() < strength.flip:
        image, values = image[:, ::-1], values[:, ::-1]
    shrink = cv2.INTER_AREA if min(h, w) > size else cv2.INTER_CUBIC
    image = cv2.resize(np.ascontiguousarray(image), (size, size), interpolation=shrink)
    values = np.ascontiguousarray(values, np.float32)
    return image, cv2.resize(values, (size, size), interpolation=interpolation)
