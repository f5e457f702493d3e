"""Endless, seeded samples drawn from several sources by weight, in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from train.data.augment import Augmentation, augment
from train.data.sample import Batch, Sample, Source, collate
from train.data.visits import Visits

MIN_VALID = 0.05  # share of a crop whose depth must be known


class Mixture:
    """Sources by weight, each in shuffled passes (`Visits`); sample i depends on seed and i alone.

    Batch n holds the samples n * batch_size, n * batch_size + 1, ... Resuming a run at step n
    therefore continues with the very batches it would have seen, and several processes that take
    the parts of a batch in turn see what one would have seen.
    """

    def __init__(
        self,
        sources: Sequence[tuple[Source, float]],
        size: int,
        batch_size: int,
        seed: int = 0,
        strength: Augmentation | None = None,
    ) -> None:
        self.sources = [source for source, _ in sources]
        lengths = [len(source) for source in self.sources]
        self.visits = Visits(shares(sources), lengths, seed)
        self.size, self.batch_size, self.seed = size, batch_size, seed
        self.strength = strength or Augmentation()

    def batch(self, number: int) -> Batch:
        """Batch `number` of the endless sequence."""
        first = number * self.batch_size
        return collate([self.sample(i) for i in range(first, first + self.batch_size)])

    def sample(self, number: int) -> Sample:
        """Augmented, (S, S). Sky, +inf, is known depth; with hardly any, another one is drawn."""
        rng = np.random.default_rng([self.seed, number])
        chosen, item = self.visits(number)
        source = self.sources[chosen]
        while True:
            sample = augment(source[item], self.size, self.strength, rng)
            if (sample.depth > 0).mean() > MIN_VALID:
                return sample
            item = int(rng.integers(len(source)))

    def batches(self, first: int = 0) -> Iterator[Batch]:
        """Batches `first`, first + 1, ..."""
        while True:
            yield self.batch(first)
            first += 1


def shares(sources: Sequence[tuple[Source, float]]) -> np.ndarray:
    """The weights of the sources, summing to 1.

    Raises:
        ValueError: if there is no source.
    """
    if not sources:
        raise ValueError("a mixture needs at least one source of data")
    weights = np.array([weight for _, weight in sources], dtype=np.float64)
    return weights / weights.sum()
