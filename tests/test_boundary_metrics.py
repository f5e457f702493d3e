"""Boundary errors on edges drawn by hand, and where edges are found."""

import numpy as np
import pytest

from depthart.boundary_metrics import MAX_DISTANCE, BoundaryError, boundary_error, depth_edges


def column(*places: int, height: int = 30, width: int = 40) -> np.ndarray:
    edges = np.zeros((height, width), bool)
    edges[:, list(places)] = True
    return edges


def step(place: int = 20, far: float = 3.0) -> np.ndarray:
    """Depth 1 up to a column, then far."""
    depth = np.ones((30, 40))
    depth[:, place:] = far
    return depth


def test_four_pixels_by_hand():
    predicted = np.array([[1, 0], [0, 0]], bool)
    true = np.array([[0, 1], [0, 1]], bool)
    # Accuracy: the predicted edge is 1 away. Completeness: 1, then 1 and sqrt(2) back.
    error = boundary_error(predicted, true)
    assert error.accuracy == 1
    assert error.completeness == pytest.approx((1 + 1 + np.sqrt(2)) / 3)


def test_right_edges_have_no_error():
    assert boundary_error(column(7, 30), column(7, 30)) == BoundaryError(0, 0)


@pytest.mark.parametrize("shift", [1, 4, 9])
def test_shifted_edges_are_off_by_the_shift(shift):
    assert boundary_error(column(10 + shift), column(10)) == BoundaryError(shift, shift)


def test_a_missing_edge_costs_completeness_only():
    error = boundary_error(column(5), column(5, 35))  # 30 apart, cut off at 10
    assert error == BoundaryError(0, pytest.approx(MAX_DISTANCE / 3))


def test_an_invented_edge_far_from_all_costs_completeness_only():
    error = boundary_error(column(5, 35), column(5))
    assert error == BoundaryError(0, pytest.approx(MAX_DISTANCE / 3))


def test_no_edge_near_a_true_one_is_the_worst():
    worst = BoundaryError(MAX_DISTANCE, MAX_DISTANCE)
    assert boundary_error(column(), column(5)) == worst
    assert boundary_error(column(15), column(5)) == worst  # exactly 10 away
    assert boundary_error(column(5), column()) is None


def test_a_step_gives_one_line_of_edges():
    edges = depth_edges(step())
    assert edges.any(axis=1).all()
    assert set(np.nonzero(edges)[1]) <= {19, 20}
    assert edges.sum() == 30


def test_scale_and_shift_do_not_move_edges():
    rng = np.random.default_rng(0)
    depth = step() + np.cumsum(rng.normal(0, 0.05, (30, 40)), axis=1)
    np.testing.assert_array_equal(depth_edges(depth), depth_edges(5 * depth + 2))


def test_slopes_and_constants_have_no_edges():
    assert not depth_edges(np.ones((30, 40))).any()
    assert not depth_edges(np.tile(np.linspace(1, 5, 40), (30, 1))).any()


def test_weak_edges_need_a_strong_neighbour():
    # Edge strength falls from top to bottom: whole, the lower part hangs on to the upper one.
    depth = np.ones((60, 40))
    depth[:, 20:] += np.linspace(0.2, 0.05, 60)[:, None]
    depth[0, 0] = 2  # sets the range
    whole = depth_edges(depth)[5:].any(axis=1)
    strict = depth_edges(depth, low=0.3, high=0.3)[5:].any(axis=1)
    assert whole.sum() > strict.sum() > 0


def test_holes_are_no_edges():
    depth = step()
    depth[10:14, 4:9] = 0
    assert depth_edges(depth)[8:16, 2:11].any()
    edges = depth_edges(depth, valid=depth > 0)
    assert not edges[:, :15].any()
    assert edges[20:].any(axis=1).all()  # the step itself, away from the hole
    assert not depth_edges(depth, valid=np.zeros(depth.shape, bool)).any()


def test_different_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        boundary_error(column(5), column(5, width=41))
