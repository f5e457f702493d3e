"""Batches of labelled and pseudo-labelled pictures, aspect ratio kept (section 4, implementation).

Pictures are cut square from a shorter side of `size / share`; as in `train.data.mixture`, batch n
depends on the seed and on n alone. Letters: B batch, S side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch import Tensor

from train.data.augment import Augmentation, photometric
from train.data.mixture import MIN_VALID, shares
from train.data.pseudo_labels import PseudoLabels
from train.data.sample import Batch, Source, collate

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
        seed: of this batch's perturbations.
    """

    image: Tensor
    disparity: Tensor
    known: Tensor
    seed: int

    def to(self, device: torch.device | str) -> Unlabeled:
        return self._with(lambda part: part.to(device, non_blocking=part.is_pinned()))

    def pin_memory(self) -> Unlabeled:
        return self._with(Tensor.pin_memory)

    def _with(self, change: Callable[[Tensor], Tensor]) -> Unlabeled:
        parts = (change(part) for part in (self.image, self.disparity, self.known))
        return Unlabeled(*parts, self.seed)


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
        self.sources, self.weights = [source for source, _ in sources], shares(sources)
        self.size, self.batch_size, self.seed, self.strength = size, batch_size, seed, strength

    def batch(self, number: int) -> Batch:
        """Samples `number` * batch_size, ... of the endless sequence."""
        first = number * self.batch_size
        pairs = [self._sample(i) for i in range(first, first + self.batch_size)]
        return collate(*map(list, zip(*pairs, strict=True)))

    def _sample(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Picture and depth; crops with hardly any known depth are drawn again."""
        rng = np.random.default_rng([self.seed, number])
        while True:
            source = self.sources[rng.choice(len(self.sources), p=self.weights)]
            sample = source[int(rng.integers(len(source)))]
            image, depth = square_crop(
                sample.image, sample.depth, self.size, self.strength, rng, cv2.INTER_NEAREST
            )
            if (depth > 0).mean() > MIN_VALID:
                return photometric(image, self.strength, rng), depth


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
        """Samples `number` * batch_size, ... of the endless sequence."""
        first = number * self.batch_size
        pairs = [self._sample(i) for i in range(first, first + self.batch_size)]
        batch = collate(*map(list, zip(*pairs, strict=True)))
        known = torch.ones_like(batch.valid)
        seed = int(np.random.default_rng([self.seed, number, 2]).integers(2**62))
        return Unlabeled(batch.image, batch.depth, known, seed)

    def _sample(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng([self.seed, number, 1])
        label = self.labels[int(rng.integers(len(self.labels)))]
        height, width = label.image.shape[:2]
        disparity = cv2.resize(label.disparity, (width, height))
        return square_crop(label.image, disparity, self.size, self.strength, rng, cv2.INTER_LINEAR)


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
