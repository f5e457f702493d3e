"""Many draws: mean and uncertainty, as plain functions."""

import numpy as np
import pytest
from PIL import Image

from depthart.app import ensemble
from depthart.app.state import Look
from depthart.sampling import Sampler
from tests.app_sessions import photo, roll_outs, session

__all__ = ["photo", "session"]  # fixtures
PHOTO_SIZE = 120, 90  # maps of the session have it, too


def test_ensemble_is_the_predictors_own(session, tiny_predictor, photo):
    chosen = ensemble.samplers(Sampler("sample", seed=5, draws=1), 4)
    assert [s.seed for s in chosen] == [5, 6, 7, 8]
    counts = []
    for so_far in ensemble.gather(session, roll_outs(tiny_predictor), chosen):
        counts.append(so_far.count)
    assert counts == [1, 2, 3, 4] and session.ensemble is so_far
    expected = tiny_predictor.predict(photo, chosen[0], ensemble=4)
    made = ensemble.prediction(session, so_far)
    np.testing.assert_allclose(made.depth, expected.depth, atol=2e-3)
    maps = list(roll_outs(tiny_predictor)("", photo, chosen))
    np.testing.assert_allclose(so_far.spread, np.std(maps, axis=0), atol=1e-5)
    assert made.uncertainty.shape == (90, 120) and made.uncertainty.max() > 0


def test_ensemble_stopped_half_way_stays(session, tiny_predictor):
    running = ensemble.gather(session, roll_outs(tiny_predictor), ensemble.samplers(None, 9))
    next(running), next(running)
    running.close()
    assert session.ensemble.count == 2


@pytest.mark.parametrize("count", [1, 33])
def test_ensemble_of_impossible_size(count):
    with pytest.raises(ValueError, match="2 to 32 draws"):
        ensemble.samplers(None, count)


def test_uncertainty_is_bright_where_draws_differ(session):
    def two(name, photo, samplers):
        low = np.ones((256, 256), np.float32)
        high = low.copy()
        high[:, 128:] = 2
        yield from (low, high)

    *_, so_far = ensemble.gather(session, two, [None, None])
    assert so_far.spread[0, 0] == 0 and so_far.spread[0, -1] == pytest.approx(0.5)
    picture = np.asarray(Image.open(ensemble.spread_picture(session, so_far))).astype(int).sum(-1)
    assert picture[:, :40].max() < 60 and picture[:, 80:].min() > 600
    assert Image.open(ensemble.mean_picture(session, so_far, Look())).size == (120, 90)
