"""Depth metrics on four pixels worked by hand; alignment itself is in `test_align.py`."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depthart import metrics
from depthart.metrics import abs_rel, align_scale, delta1, delta1_error

TRUTH = np.array([[1.0, 2.0], [4.0, 10.0]])
PREDICTION = np.array([[1.1, 1.5], [4.0, 20.0]])
ALL = np.ones((2, 2), bool)
FIRST_ROW = np.array([[True, True], [False, False]])
EVERY = [pytest.param(metric, id=name) for name, metric in metrics.METRICS.items()]


def test_abs_rel():
    assert abs_rel(PREDICTION, TRUTH, ALL) == pytest.approx((0.1 + 0.25 + 0 + 1) / 4)
    assert abs_rel(PREDICTION, TRUTH, FIRST_ROW) == pytest.approx((0.1 + 0.25) / 2)


def test_delta1():
    """Ratios 1.1, 1.33, 1 and 2."""
    assert delta1(PREDICTION, TRUTH, ALL) == 0.5
    assert delta1_error(PREDICTION, TRUTH, ALL) == 0.5
    assert delta1(TRUTH, TRUTH, ALL) == 1 and delta1_error(TRUTH, TRUTH, ALL) == 0


def test_delta1_counts_ratios_both_ways_and_below_the_limit_only():
    truth = np.full((1, 4), 4.0)
    prediction = np.array([[4.99, 5.0, 3.2, 3.21]])  # ratios 1.2475, 1.25, 1.25, 1.246
    assert delta1(prediction, truth, np.ones((1, 4), bool)) == 0.5


def test_the_other_metrics():
    by_hand = {
        "delta2": 0.75,  # ratios below 1.5625
        "delta3": 0.75,  # below 1.953
        "rmse": math.sqrt((0.01 + 0.25 + 0 + 100) / 4),
        "log10": (math.log10(1.1) + math.log10(2 / 1.5) + 0 + math.log10(2)) / 4,
        "silog": 100 * np.std([math.log(1.1), math.log(0.75), 0, math.log(2)]),
    }
    for name, expected in by_hand.items():
        assert metrics.METRICS[name](PREDICTION, TRUTH, ALL) == pytest.approx(expected), name


def test_all_at_once():
    found = metrics.depth_metrics(PREDICTION, TRUTH, ALL)
    assert found == {name: m(PREDICTION, TRUTH, ALL) for name, m in metrics.METRICS.items()}
    assert metrics.HIGHER_IS_BETTER < found.keys()


@pytest.mark.parametrize("metric", EVERY)
def test_perfect_is_best(metric):
    perfect, worse = metric(TRUTH, TRUTH, ALL), metric(PREDICTION, TRUTH, ALL)
    if metric.__name__ in metrics.HIGHER_IS_BETTER:
        assert perfect == 1 > worse
    else:
        assert perfect == 0 < worse


@pytest.mark.parametrize("metric", EVERY)
def test_invalid_pixels_do_not_count(metric):
    prediction, truth = PREDICTION.copy(), TRUTH.copy()
    prediction[1], truth[1] = [np.nan, -3], [0, np.nan]
    assert metric(prediction, truth, FIRST_ROW) == metric(PREDICTION, TRUTH, FIRST_ROW)


def test_alignment_by_hand():
    """Ratios t / p are 1/1.1, 4/3, 1 and 1/2; their median is (1/1.1 + 1) / 2."""
    factor = (1 / 1.1 + 1) / 2
    np.testing.assert_allclose(align_scale(PREDICTION, TRUTH, ALL), PREDICTION * factor)


@settings(deadline=None, max_examples=50)
@given(st.floats(1e-3, 1e3))
def test_the_scale_of_a_prediction_does_not_matter_once_aligned(factor):
    def scores(prediction):
        return metrics.depth_metrics(align_scale(prediction, TRUTH, ALL), TRUTH, ALL)

    assert scores(PREDICTION * factor) == pytest.approx(scores(PREDICTION), abs=1e-9)


@settings(deadline=None, max_examples=50)
@given(st.floats(1e-3, 1e3))
def test_the_unit_does_not_matter_to_relative_metrics(factor):
    for name in metrics.METRICS.keys() - {"rmse"}:
        metric = metrics.METRICS[name]
        scaled = metric(PREDICTION * factor, TRUTH * factor, ALL)
        assert scaled == pytest.approx(metric(PREDICTION, TRUTH, ALL), abs=1e-9), name


@pytest.mark.parametrize("metric", EVERY)
def test_predictions_of_zero_or_less_are_bad_but_finite(metric):
    assert math.isfinite(metric(np.zeros((2, 2)), TRUTH, ALL))
    assert delta1_error(np.full((2, 2), -1.0), TRUTH, ALL) == 1


# ---- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", [*EVERY, align_scale])
@pytest.mark.parametrize(
    "truth, valid, message",
    [
        (TRUTH.ravel(), ALL, r"\(2, 2\).*\(4,\)"),
        (TRUTH, ALL[:1], r"\(2, 2\).*\(1, 2\)"),
        (TRUTH, ~ALL, "no valid pixel"),
        (TRUTH - 1, ALL, "positive"),
        (TRUTH * np.nan, ALL, "positive"),
    ],
)
def test_what_cannot_be_compared(metric, truth, valid, message):
    with pytest.raises(ValueError, match=message):
        metric(PREDICTION, truth, valid)
