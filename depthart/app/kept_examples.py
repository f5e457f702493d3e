"""The scales of example pictures, kept after their first run, so that each is computed once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from depthart.images import Photo, open_photo
from depthart.prediction import PredictionStep
from depthart.sampling import Sampler

# Model name, photo and sampler in, one step per scale out.
NamedStream = Callable[[str, Photo, "Sampler | None"], Iterator[PredictionStep]]


def keep_examples(stream: NamedStream, pictures: Iterable[Path]) -> NamedStream:
    """The same stream, which remembers whole runs on these pictures by the models' own samplers.

    About 3 MB per picture and model.
    """
    paths = {path.stem: path for path in pictures}
    kept: dict[tuple[str, str], list[PredictionStep]] = {}

    def steps(model: str, photo: Photo, sampler: Sampler | None) -> Iterator[PredictionStep]:
        key = model, photo.name
        if sampler is not None or not _same(photo, paths.get(photo.name)):
            yield from stream(model, photo, sampler)
        elif key in kept:
            yield from kept[key]
        else:
            done = []
            for step in stream(model, photo, sampler):
                done.append(step)
                yield step
            kept[key] = done

    return steps


def _same(photo: Photo, path: Path | None) -> bool:
    """Whether it is the example and not another picture of that name."""
    return path is not None and _digest(photo) == _digest(open_photo(path))


def _digest(photo: Photo) -> bytes:
    return hashlib.sha256(photo.rgb.tobytes()).digest()
