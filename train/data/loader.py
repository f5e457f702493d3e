"""Batches ahead of their use: by a thread, or by processes for machines that must not starve."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Generic, TypeVar

import torch

if TYPE_CHECKING:
    from train.loop import RunConfig

T = TypeVar("T")
AHEAD = 2  # batches prepared by each worker


class Loader(Generic[T]):
    """`make(n)` for this process's parts n of each step, in order; called with the step.

    With `run.workers` processes every batch is made in one of them (forked, so `make` may be any
    function) and pinned if a GPU waits for it; without, in a thread. What comes out is the same.

    Args:
        make: batch n of the endless sequence of parts, see `RunConfig.parts_of`; a function of n
            alone. A class of batches with `pin_memory` is pinned.
        run: how far the sequence goes, and how many workers.
        ahead: False makes each batch when it is asked for, here: right if the GPU makes it.
    """

    def __init__(self, make: Callable[[int], T], run: RunConfig, ahead: bool = True) -> None:
        self._make, self._run, self._ahead = make, run, ahead
        self._batches: Iterator[T] | None = None

    def __call__(self, step: int) -> T:
        """The next part of this step. The first call says where to begin."""
        if self._batches is None:
            steps = range(step, self._run.steps)
            numbers = [n for step in steps for n in self._run.parts_of(step)]
            self._batches = self._start(numbers)
        return next(self._batches)

    def _start(self, numbers: list[int]) -> Iterator[T]:
        if not self._ahead:
            return map(self._make, numbers)
        if not self._run.workers:
            return threaded(self._make, numbers)
        return iter(
            torch.utils.data.DataLoader(
                _Numbered(self._make, numbers),
                batch_size=None,
                num_workers=self._run.workers,
                prefetch_factor=AHEAD,
                pin_memory=torch.cuda.is_available(),
                worker_init_fn=_quiet_worker,
                multiprocessing_context="fork",
            )
        )


class _Numbered(torch.utils.data.Dataset):
    """make(numbers[0]), make(numbers[1]), ..."""

    def __init__(self, make: Callable[[int], T], numbers: list[int]) -> None:
        self.make, self.numbers = make, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> T:
        return self.make(self.numbers[index])


def _quiet_worker(worker: int) -> None:
    import cv2

    cv2.setNumThreads(0)  # the workers are the threads


def threaded(make: Callable[[int], T], numbers: list[int]) -> Iterator[T]:
    """make(n) for every number, the next ones prepared in a thread."""
    with ThreadPoolExecutor(1) as pool:
        waiting = [pool.submit(make, n) for n in numbers[:AHEAD]]
        for n in numbers[AHEAD:]:
            yield waiting.pop(0).result()
            waiting.append(pool.submit(make, n))
        while waiting:
            yield waiting.pop(0).result()
