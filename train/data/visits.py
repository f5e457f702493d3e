"""In which order the samples of several sources are gone through, for ever."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

BLOCK = 1000  # consecutive samples in which each source has its share exactly


class Visits:
    """Sample i of the sequence as (source, item); it depends on the seed and i alone.

    The order within a source is shuffled, and none of its items comes a second time before all
    have come once: N samples of a source show N items where free draws would show 0.63 N.

    Args:
        shares: of each source in the sequence, summing to 1; kept to one in `BLOCK`.
        lengths: items of each source.

    Raises:
        ValueError: if a share is too small to be kept, or a source is empty.
    """

    def __init__(self, shares: np.ndarray, lengths: Sequence[int], seed: int) -> None:
        self.counts, self.lengths, self.seed = _apportion(shares), list(lengths), seed
        for number, (share, count) in enumerate(zip(shares, self.counts, strict=True)):
            if share > 0 and not count:
                raise ValueError(
                    f"source {number} has {share:.2g} of the weight; the least is {1 / BLOCK}"
                )
            if count and not self.lengths[number]:
                raise ValueError(f"source {number} is empty")
        self._labels = np.repeat(np.arange(len(self.counts)), self.counts)
        self._block = (-1, self._labels, self._labels)
        self._orders: dict[int, tuple[int, np.ndarray]] = {}

    def __call__(self, number: int) -> tuple[int, int]:
        """Source of sample `number`, and the item in it."""
        block, place = divmod(number, BLOCK)
        kept, sources, ranks = self._block
        if kept != block:
            sources, ranks = self._shuffled(block)
            self._block = block, sources, ranks
        source = int(sources[place])
        earlier = block * int(self.counts[source]) + int(ranks[place])
        epoch, position = divmod(earlier, self.lengths[source])
        return source, int(self._order(source, epoch)[position])

    def _shuffled(self, block: int) -> tuple[np.ndarray, np.ndarray]:
        """Source of each sample of a block, and how many of the source precede it there."""
        order = np.random.default_rng([self.seed, 1, block]).permutation(BLOCK)
        sources = self._labels[order]
        ranks = np.empty_like(sources)
        for source, count in enumerate(self.counts):
            ranks[sources == source] = np.arange(count)
        return sources, ranks

    def _order(self, source: int, epoch: int) -> np.ndarray:
        kept, order = self._orders.get(source, (-1, self._labels))
        if kept != epoch:
            rng = np.random.default_rng([self.seed, 2, source, epoch])
            order = rng.permutation(self.lengths[source])
            self._orders[source] = epoch, order
        return order


def _apportion(shares: np.ndarray) -> np.ndarray:
    """Whole numbers in proportion to the shares, summing to `BLOCK` (largest remainders)."""
    exact = np.asarray(shares) * BLOCK
    counts = np.floor(exact + 1e-9).astype(int)
    rest = np.argsort(counts - exact, kind="stable")[: BLOCK - counts.sum()]
    counts[rest] += 1
    return counts
