"""Plane errors against planes whose errors are known."""

import math

import numpy as np
import pytest

from depthart.geometry import Intrinsics
from depthart.plane_metrics import angle_between, ibims_planes, plane_errors

CAMERA = Intrinsics(60, 60, 24, 20, 48, 40)


def plane_depth(normal, distance: float) -> np.ndarray:
    """Depth of the plane normal . point = -distance, seen by CAMERA."""
    return -distance / (CAMERA.rays().astype(np.float64) @ np.asarray(normal, np.float64))


def tilted(degrees: float) -> np.ndarray:
    """A wall ahead, turned about the vertical axis."""
    return np.array([math.sin(math.radians(degrees)), 0, -math.cos(math.radians(degrees))])


ONE = np.ones((40, 48), np.uint8)


def test_a_right_plane_at_the_wrong_scale_has_no_error():
    truth = plane_depth(tilted(20), 3)
    (error,) = plane_errors(0.1 * truth, truth, ONE, CAMERA)
    assert error.plane == 1
    assert error.flatness_cm == pytest.approx(0, abs=1e-4)
    assert error.orientation_deg == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("degrees", [5, -30])
def test_a_turned_plane_is_flat_and_off_by_its_angle(degrees):
    truth = plane_depth(tilted(10), 3)
    (error,) = plane_errors(plane_depth(tilted(10 + degrees), 1), truth, ONE, CAMERA)
    assert error.flatness_cm == pytest.approx(0, abs=1e-4)
    assert error.orientation_deg == pytest.approx(abs(degrees), abs=1e-3)


def test_four_pixels_by_hand():
    # Four pixels at x, y = -1 or 1 of a wall at 1 m; the prediction moves them 10 % in and out in
    # turn: p = (x z, y z, z), z = 1.1 where x = y and 0.9 elsewhere; the median is 1. The plane
    # z = 1 is best by symmetry, the standard deviation 0.1 m.
    camera = Intrinsics(0.5, 0.5, 1, 1, 2, 2)
    prediction = np.array([[1.1, 0.9], [0.9, 1.1]])
    (error,) = plane_errors(7 * prediction, np.ones((2, 2)), np.ones((2, 2), int), camera)
    assert error.flatness_cm == pytest.approx(10, rel=1e-5)
    assert error.orientation_deg == pytest.approx(0, abs=1e-4)


def test_each_plane_is_scaled_by_itself():
    left = np.zeros((40, 48), bool)
    left[:, :24] = True
    truth = np.where(left, plane_depth(tilted(0), 2), plane_depth(tilted(40), 3))
    planes = np.where(left, 3, 8)
    prediction = np.where(left, 0.2 * truth, 5 * truth)
    errors = plane_errors(prediction, truth, planes, CAMERA)
    assert [error.plane for error in errors] == [3, 8]
    assert max(error.flatness_cm for error in errors) < 1e-4
    assert max(error.orientation_deg for error in errors) < 1e-3


def test_small_planes_and_holes_do_not_count():
    truth = plane_depth(tilted(0), 2)
    planes = np.zeros((40, 48), int)
    planes[:2] = 1  # 5 % exactly
    planes[10:12, :24] = 2  # 2.5 %
    planes[20:25] = 3  # 12.5 %, but only 5 % - 1 pixel measured
    truth[22:25] = [[0], [np.nan], [np.inf]]
    truth[21, 0] = 0
    errors = plane_errors(np.nan_to_num(truth, posinf=1), truth, planes, CAMERA)
    assert [error.plane for error in errors] == [1]
    errors = plane_errors(np.nan_to_num(truth, posinf=1), truth, planes, CAMERA, min_share=0.02)
    assert [error.plane for error in errors] == [1, 2, 3]
    assert max(error.flatness_cm for error in errors) < 1e-4


def test_given_normals_replace_fitted_ones():
    truth = plane_depth(tilted(0), 2)
    (error,) = plane_errors(truth, truth, ONE, CAMERA, normals={1: -5 * tilted(12)})
    assert error.orientation_deg == pytest.approx(12, abs=1e-3)
    with pytest.raises(ValueError, match="no normal for plane 1"):
        plane_errors(truth, truth, ONE, CAMERA, normals={2: tilted(0)})


def test_ibims_axes_and_numbers():
    floor, walls = np.zeros((40, 48), int), np.zeros((40, 48), int)
    walls[:20, :24], walls[:20, 24:], floor[20:] = 1, 2, 1
    ahead, aside, up = [0, -1, 0], [1, 0, 0], [0, 0, 1]
    wall_table = np.column_stack([np.zeros((2, 4)), [ahead, aside]])
    floor_table = np.array([[0, 0, 0, 0, *up]])
    planes, normals = ibims_planes(
        [walls, floor, np.zeros_like(floor)], [wall_table, floor_table, np.zeros((0, 0))]
    )
    assert [planes[0, 0], planes[0, 47], planes[39, 0]] == [1, 2, 3]
    np.testing.assert_array_equal(normals[1], [0, 0, -1])  # a wall ahead faces the camera
    np.testing.assert_array_equal(normals[2], [1, 0, 0])
    np.testing.assert_array_equal(normals[3], [0, -1, 0])  # y points down
    truth = np.where(planes == 3, 1, 2) * np.ones((40, 48))
    truth[20:] = (1 / np.maximum(CAMERA.rays()[20:, :, 1], 1e-3)).clip(0.1, 1e3)
    errors = plane_errors(truth, truth, planes * (planes != 2), CAMERA, normals)
    assert [error.plane for error in errors] == [1, 3]
    assert max(error.orientation_deg for error in errors) < 0.01


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="one shape"):
        plane_errors(ONE[1:], ONE, ONE, CAMERA)
    with pytest.raises(ValueError, match="7 columns"):
        ibims_planes([ONE], [np.zeros((1, 4))])
    with pytest.raises(ValueError, match="plane masks"):
        ibims_planes([ONE], [])


def test_angles_ignore_length_and_sign():
    assert angle_between(np.array([2, 0, 0]), np.array([-3, 0, 0])) == 0
    assert angle_between(np.array([1, 0, 0]), np.array([-1, 1, 0])) == pytest.approx(45)
    assert angle_between(np.array([1, 0, 0]), np.array([0, 9, 0])) == pytest.approx(90)
