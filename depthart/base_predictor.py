"""What all models that take photos have in common: `refine` gives steps, `predict` the last."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch

from depthart.geometry import Intrinsics
from depthart.images import open_photo
from depthart.prediction import Kind, Prediction, PredictionStep
from depthart.sampling import Sampler, as_sampler

if TYPE_CHECKING:
    from depthart.images import Photo, PhotoSource


class BasePredictor(ABC):
    """Depth of photos of any size.

    Attributes:
        name: as listed by `depthart.list_models`, or the checkpoint folder's name.
        kind: what its depth leaves open, see `depthart.prediction.Kind`.
        device: where it runs.
        stochastic: whether the sampler's seed changes the result.
    """

    name: str
    kind: Kind
    device: torch.device
    stochastic: bool = False

    def refine(
        self,
        image: PhotoSource,
        sampler: Sampler | str | None = None,
    ) -> Iterator[PredictionStep]:
        """Yield each `PredictionStep` as it is computed: scales, denoising steps, or a single one.

        Args:
            image: path, PIL image, array (see `depthart.images.open_photo`) or opened `Photo`.
            sampler: name, `Sampler`, or None for the model's own. Models without tokens use no
                more than its seed.

        Raises:
            ValueError, FileNotFoundError: what is wrong with the image or sampler, at once.
        """
        return self._refine(open_photo(image), self._sampler(sampler))

    def predict(
        self,
        image: PhotoSource,
        sampler: Sampler | str | None = None,
        fov_deg: float | None = None,
        ensemble: int = 1,
        on_step: Callable[[PredictionStep], None] | None = None,
    ) -> Prediction:
        """Depth after the last step, with all steps.

        Args:
            image, sampler: as in `refine`.
            fov_deg: horizontal field of view; default from EXIF, else 55 degrees.
            ensemble: number of roll-outs with seeds seed, seed + 1, ...; depth is their mean,
                `uncertainty` their standard deviation. `steps` are the first one's. A model that
                is not `stochastic` runs once and has no uncertainty.
            on_step: called with each step of the first roll-out, for progress bars.

        Raises:
            ValueError, FileNotFoundError: as in `refine`; also for `ensemble` < 1.
        """
        if ensemble < 1:
            raise ValueError(f"an ensemble needs at least one roll-out, got {ensemble}")
        photo, sampler = open_photo(image), self._sampler(sampler)
        started = time.perf_counter()
        steps = []
        for step in self._refine(photo, sampler):
            steps.append(step)
            if on_step:
                on_step(step)
        depth, uncertainty = steps[-1].depth, None
        if ensemble > 1 and self.stochastic:
            seeds = range(sampler.seed + 1, sampler.seed + ensemble)
            others = [list(self._refine(photo, sampler.with_seed(s)))[-1].depth for s in seeds]
            depths = np.stack([depth, *others])
            depth, uncertainty = depths.mean(axis=0), depths.std(axis=0)
        return Prediction(
            photo=photo,
            depth=depth,
            kind=self.kind,
            model=self.name,
            intrinsics=Intrinsics.of_photo(photo, fov_deg),
            steps=tuple(steps),
            uncertainty=uncertainty,
            seconds=time.perf_counter() - started,
        )

    @abstractmethod
    def _refine(self, photo: Photo, sampler: Sampler) -> Iterator[PredictionStep]:
        """The steps of one roll-out, at least one."""

    def _sampler(self, sampler: Sampler | str | None) -> Sampler:
        return as_sampler("sample" if sampler is None else sampler)
