"""Alignments, worked by hand on four pixels and as laws on random maps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from depthart.align import align, align_scale, alignment_for, fit_line
from depthart.metrics import HIGHER_IS_BETTER, METRICS, depth_metrics, log10, rmse, silog

TRUTH = np.array([[1.0, 2.0], [4.0, 5.0]])
ALL = np.ones((2, 2), bool)
maps = arrays(np.float64, (5, 6), elements=st.floats(0.1, 10))
factors = st.floats(0.01, 100)
few = settings(max_examples=25, deadline=None)


def test_scale_is_the_median_of_ratios():
    prediction = np.array([[1.0, 1.0], [1.0, 1.0]])  # ratios 1, 2, 4, 5: median 3
    np.testing.assert_allclose(align(prediction, TRUTH, ALL, "scale"), 3 * prediction)
    valid = np.array([[True, True], [False, False]])
    np.testing.assert_allclose(align_scale(prediction, TRUTH, valid), 1.5 * prediction)


def test_scale_and_shift_is_the_least_squares_line():
    # p = 0, 1, 2, 3 against t = 1, 2, 4, 5: slope 7 / 5, through the means (1.5, 3).
    prediction = np.array([[0.0, 1.0], [2.0, 3.0]])
    aligned = align(prediction, TRUTH, ALL, "scale+shift", limits=(0.1, 10))
    np.testing.assert_allclose(aligned, [[0.9, 2.3], [3.7, 5.1]])
    # Nothing comes nearer than the nearest true depth unless told so.
    np.testing.assert_allclose(align(prediction, TRUTH, ALL, "scale+shift")[0, 0], 1.0)


def test_disparity_is_a_line_in_inverse_depth():
    # 1/t = 1, 1/2, 1/4, 1/5. Prediction 20/t - 3 = 17, 7, 2, 1 is exactly on a line.
    prediction = 20 / TRUTH - 3
    np.testing.assert_allclose(align(prediction, TRUTH, ALL, "disparity"), TRUTH)
    # An unmeasured pixel with no disparity at all lies at the far limit.
    prediction[1, 1] = -50
    valid = np.array([[True, True], [True, False]])
    assert align(prediction, TRUTH, valid, "disparity")[1, 1] == pytest.approx(4.0)
    far = align(prediction, TRUTH, valid, "disparity", limits=(0.5, 80))
    np.testing.assert_allclose(far, [[1, 2], [4, 80]])


def test_metric_depth_is_left_alone():
    prediction = np.array([[1.0, 1.0], [9.0, 9.0]])
    np.testing.assert_array_equal(align(prediction, TRUTH, ALL, "none"), prediction)


def test_a_robust_fit_goes_through_the_many():
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, 200)
    y = 3 * x + 1
    y[:60] += rng.uniform(5, 50, 60)
    assert fit_line(x, y, robust=True) == pytest.approx((3, 1), rel=1e-6)
    assert fit_line(x, y)[1] > 2


def test_a_constant_prediction_takes_the_mean():
    constant = np.full((2, 2), 0.1)
    np.testing.assert_allclose(align(constant, TRUTH, ALL, "scale+shift"), 3.0)
    robust = align(constant, TRUTH, ALL, "scale+shift", robust=True)
    assert np.all((robust >= 2) & (robust <= 4))  # any median of 1, 2, 4, 5


@few
@given(maps, maps, factors)
def test_scale_alignment_forgets_the_factor(prediction, truth, factor):
    valid = np.ones(truth.shape, bool)
    once = align(prediction, truth, valid, "scale")
    np.testing.assert_allclose(align(factor * prediction, truth, valid, "scale"), once, rtol=1e-9)
    np.testing.assert_allclose(align(once, truth, valid, "scale"), once, rtol=1e-9)


@few
@given(
    st.integers(0, 1000), factors, st.floats(-10, 10), st.sampled_from(["scale+shift", "disparity"])
)
def test_shift_alignments_forget_factor_and_shift(seed, factor, shift, how):
    rng = np.random.default_rng(seed)
    prediction, truth = rng.uniform(0.1, 10, (2, 5, 6))
    valid = rng.uniform(size=truth.shape) < 0.8
    once = align(prediction, truth, valid, how)
    again = align(factor * prediction + shift, truth, valid, how)
    np.testing.assert_allclose(again, once, rtol=1e-6)


@few
@given(maps, factors)
def test_a_right_prediction_has_no_error(truth, factor):
    valid = np.ones(truth.shape, bool)
    for how, prediction in (
        ("scale", factor * truth),
        ("scale+shift", factor * truth + 1),
        ("disparity", factor / truth + 1),
    ):
        scores = depth_metrics(align(prediction, truth, valid, how), truth, valid)
        for name in METRICS:
            target = 1 if name in HIGHER_IS_BETTER else 0
            assert scores[name] == pytest.approx(target, abs=1e-4), (how, name)


def test_new_metrics_by_hand():
    prediction = np.array([[1.0, 3.0], [4.0, 50.0]])  # ratios 1, 1.5, 1, 10
    scores = depth_metrics(prediction, TRUTH, ALL)
    assert (scores["delta1"], scores["delta2"], scores["delta3"]) == (0.5, 0.75, 0.75)
    assert rmse(prediction, TRUTH, ALL) == pytest.approx(np.sqrt((1 + 45**2) / 4))
    assert log10(prediction, TRUTH, ALL) == pytest.approx((np.log10(1.5) + 1) / 4)
    # ln ratios 0, 0, ln 4, ln 4 have standard deviation ln 2; a common factor does not count.
    prediction = 7 * TRUTH * [[1, 1], [4, 4]]
    assert silog(prediction, TRUTH, ALL) == pytest.approx(100 * np.log(2))


def test_the_kind_decides():
    kinds = ("metric", "scale_invariant", "affine_invariant", "disparity")
    assert [alignment_for(kind) for kind in kinds] == ["none", "scale", "scale+shift", "disparity"]
    with pytest.raises(ValueError, match="unknown kind"):
        alignment_for("absolute")


def test_what_cannot_be_aligned_is_refused():
    with pytest.raises(ValueError, match="unknown alignment"):
        align(TRUTH, TRUTH, ALL, "shift")
    with pytest.raises(ValueError, match="one shape"):
        align(TRUTH[:1], TRUTH, ALL, "scale")
    with pytest.raises(ValueError, match="no valid pixel"):
        align(TRUTH, TRUTH, ~ALL, "scale+shift")
    with pytest.raises(ValueError, match="positive"):
        align(TRUTH, -TRUTH, ALL, "disparity")
    with pytest.raises(ValueError, match="ascending"):
        align(TRUTH, TRUTH, ALL, "disparity", limits=(5, 1))
