"""Sessions of the app on a tiny model, for its tests without a browser."""

import numpy as np
import pytest

from depthart.app import handlers
from depthart.images import Photo

SIDES = [1, 2, 3, 4, 5, 6, 8, 10, 13, 16]


@pytest.fixture(scope="module")
def photo(request) -> Photo:
    """Taken with a 24 mm lens; larger than its preview unless the module says `PHOTO_SIZE`."""
    width, height = getattr(request.module, "PHOTO_SIZE", (1000, 800))
    rows, columns = np.mgrid[:height, :width]
    pixels = np.stack([columns % 256, rows % 256, (rows + columns) % 256], axis=-1)
    return Photo(pixels.astype(np.uint8), focal_35mm=24.0, name="my photo")


@pytest.fixture
def session(tiny_predictor, photo):
    return refined(tiny_predictor, photo)


def refined(predictor, photo, sampler=None):
    session = handlers.new_session(predictor, photo)
    assert list(handlers.refine(session, stream_of(predictor), sampler)) == list(range(10))
    return session


def stream_of(predictor):
    return lambda photo, sampler: handlers.predictor_steps(predictor, photo, sampler)


def roll_outs(predictor):
    """What an ensemble is gathered from."""

    def run(name, photo, samplers):
        for sampler in samplers:
            yield list(predictor.refine(photo, sampler))[-1].model_depth

    return run
