"""Batches of pseudo-labelled pictures, and how pictures are cut (section 4, implementation).

Crops keep the aspect ratio. As in `train.data.mixture`, whose batches the labelled ones are, batch
n depends on the seed and on n alone. Letters: B batch, S side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch import Tensor

from train.data.augment import Augmentation
from train.data.pseudo_labels import PseudoLabels
from train.data.sample import Sample, collate
from train.data.window import Window

# As in the paper: labelled pictures are only flipped, unlabeled ones not even that.
FLIPS = replace(Augmentation.geometric(), max_aspect=1, keep_aspect=True)
CROPS = replace(FLIPS, flip=0)
ROBUST = Augmentation(keep_aspect=True)  # ours: colours, blur, noise and JPEG too


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
        batch = collate([self._sample(i) for i in range(first, first + self.batch_size)])
        known = torch.ones_like(batch.valid)
        seed = int(np.random.default_rng([self.seed, number, 2]).integers(2**62))
        return Unlabeled(batch.image, batch.depth, known, seed)

    def _sample(self, number: int) -> Sample:
        """A picture with the teacher's disparity in the place of depth."""
        rng = np.random.default_rng([self.seed, number, 1])
        label = self.labels[int(rng.integers(len(self.labels)))]
        height, width = label.image.shape[:2]
        disparity = cv2.resize(label.disparity, (width, height))
        window = Window.draw(height, width, self.strength, rng)
        return Sample(
            window.cut_picture(label.image, self.size),
            window.cut(disparity, self.size, cv2.INTER_LINEAR),
            "pseudo",
            label.key,
        )
