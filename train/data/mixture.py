"""Endless, seeded batches drawn from several sources by weight."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from train.data.augment import Augmentation, augment
from train.data.sample import Batch, Source, collate


class Mixture:
    """Draws sources by weight, samples uniformly; batch number n depends on seed and n alone.

    Resuming a run at step n therefore continues with the very batches it would have seen.
    """

    def __init__(
        self,
        sources: Sequence[tuple[Source, float]],
        size: int,
        batch_size: int,
        seed: int = 0,
        strength: Augmentation | None = None,
    ) -> None:
        if not sources:
            raise ValueError("a mixture needs at least one source of data")
        self.sources = [source for source, _ in sources]
        weights = np.array([weight for _, weight in sources], dtype=np.float64)
        self.weights = weights / weights.sum()
        self.size, self.batch_size, self.seed = size, batch_size, seed
        self.strength = strength or Augmentation()

    def batch(self, number: int) -> Batch:
        """Batch `number` of the endless sequence; samples without valid depth are drawn again."""
        rng = np.random.default_rng([self.seed, number])
        images, depths = [], []
        while len(images) < self.batch_size:
            source = self.sources[rng.choice(len(self.sources), p=self.weights)]
            sample = source[int(rng.integers(len(source)))]
            image, depth = augment(sample.image, sample.depth, self.size, self.strength, rng)
            if (depth > 0).mean() > 0.05:
                images.append(image)
                depths.append(depth)
        return collate(images, depths)

    def batches(self, first: int = 0) -> Iterator[Batch]:
        """Batches `first`, first + 1, ..."""
        while True:
            yield self.batch(first)
            first += 1
