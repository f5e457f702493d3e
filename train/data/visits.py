"""In which order the samples of several sources are gone through, for ever."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

BLOCK = 1000  # consecutive samples in which each source has its share exactly


class Passes:
    """Item i of an endless sequence of shuffled passes over `length` items.

    Args:
        key: whole numbers; each key has orders of its own.
    """

    def __init__(self, length: int, *key: int) -> None:
        self.length, self._key = length, key
        self._epoch, self._order = -1, np.empty(0, int)

    def __call__(self, number: int) -> int:
        """0-based item at place `number`."""
        epoch, place = divmod(number, self.length)
        if epoch != self._epoch:
            rng = np.random.default_rng([*self._key, epoch])
            self._epoch, self._order = epoch, rng.permutation(self.length)
        return int(self._order[place])


class Visits:
    """Sample i of the sequence as (source, item); it depends on the seed and i alone.

    Each source is gone through in `Passes`, so that none of its items comes a second time before
    all have come once: N samples of a source show N items where free draws would show 0.63 N.

    Args:
        shares: of each source in the sequence, summing to 1; kept to one in `BLOCK`.
        lengths: items of each source.

    Raises:
        ValueError: if a share is too small to be kept, or a source is empty.
    """

    def __init__(self, shares: np.ndarray, lengths: Sequence[int], seed: int) -> None:
        self.counts, self.seed = _apportion(shares), seed
        rows = zip(shares, self.counts, lengths, strict=True)
        for number, (share, count, length) in enumerate(rows, 1):
            name = f"data source {number} of {len(lengths)}"
            if share > 0 and not count:
                raise ValueError(
                    f"{name} has a share of {share:.2g} of the samples; the least is {1 / BLOCK}"
                )
            if count and not length:
                raise ValueError(f"{name} is empty")
        self._passes = [Passes(length, seed, 2, s) for s, length in enumerate(lengths)]
        self._labels = np.repeat(np.arange(len(self.counts)), self.counts)
        self._block = (-1, self._labels, self._labels)

    def __call__(self, number: int) -> tuple[int, int]:
        """Source of sample `number`, and the item in it."""
        block, place = divmod(number, BLOCK)
        kept, sources, ranks = self._block
        if kept != block:
            sources, ranks = self._shuffled(block)
            self._block = block, sources, ranks
        source = int(sources[place])
        return source, self._passes[source](block * int(self.counts[source]) + int(ranks[place]))

    def _shuffled(self, block: int) -> tuple[np.ndarray, np.ndarray]:
        """Source of each sample of a block, and how many of the source precede it there."""
        order = np.random.default_rng([self.seed, 1, block]).permutation(BLOCK)
        sources = self._labels[order]
        ranks = np.empty_like(sources)
        for source, count in enumerate(self.counts):
            ranks[sources == source] = np.arange(count)
        return sources, ranks


def _apportion(shares: np.ndarray) -> np.ndarray:
    """Whole numbers in proportion to the shares, summing to `BLOCK` (largest remainders)."""
    exact = np.asarray(shares) * BLOCK
    counts = np.floor(exact + 1e-9).astype(int)
    rest = np.argsort(counts - exact, kind="stable")[: BLOCK - counts.sum()]
    counts[rest] += 1
    return counts
