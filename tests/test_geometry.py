"""Camera geometry against cases worked out by hand."""

import math

import numpy as np
import pytest

from depthart.geometry import (
    Intrinsics,
    distance_to_depth,
    edge_mask,
    fit_plane,
    normals_from_depth,
    to_y_up,
    unproject,
)

CAMERA = Intrinsics.from_fov(40, 30, 60)


def plane_depth(camera, normal, offset):
    """Depth map of the plane normal . p = offset."""
    return (offset / (camera.rays().astype(np.float64) @ np.asarray(normal))).astype(np.float32)


def test_field_of_view_is_horizontal():
    camera = Intrinsics.from_fov(200, 100, 90)
    assert camera.fx == camera.fy == pytest.approx(100)
    assert (camera.cx, camera.cy) == (100, 50)
    assert camera.fov_deg == pytest.approx(90)
    assert Intrinsics.from_fov(300, 400).fov_deg == pytest.approx(55)


def test_focal_length_on_film():
    """A full frame (36 x 24) of 3600 x 2400 pixels: 50 mm are 5000 pixels; upright as lying."""
    assert Intrinsics.from_focal_35mm(3600, 2400, 50).fx == pytest.approx(5000)
    assert Intrinsics.from_focal_35mm(2400, 3600, 50).fx == pytest.approx(5000)


def test_scaled_keeps_the_view():
    half = CAMERA.scaled(20, 15)
    assert half.fov_deg == pytest.approx(CAMERA.fov_deg)
    assert (half.fx, half.cx, half.cy) == pytest.approx((CAMERA.fx / 2, 10, 7.5))
    squashed = CAMERA.scaled(40, 15)
    assert squashed.fx == CAMERA.fx and squashed.fy == pytest.approx(CAMERA.fy / 2)


def test_matrix_projects_what_was_unprojected():
    depth = np.random.default_rng(0).uniform(1, 3, (30, 40))
    points = unproject(depth, CAMERA)
    assert points.shape == (30, 40, 3) and points.dtype == np.float32
    pixels = points @ CAMERA.matrix().T
    columns, rows = pixels[..., 0] / pixels[..., 2], pixels[..., 1] / pixels[..., 2]
    assert np.allclose(columns, np.arange(40)[None, :] + 0.5, atol=1e-4)
    assert np.allclose(rows, np.arange(30)[:, None] + 0.5, atol=1e-4)
    assert np.allclose(points[..., 2], depth)


def test_axes():
    points = unproject(np.ones((30, 40)), CAMERA)
    assert points[0, 0, 0] < 0 < points[0, -1, 0]  # x right
    assert points[0, 0, 1] < 0 < points[-1, 0, 1]  # y down
    assert to_y_up(np.array([1.0, 2.0, 3.0])).tolist() == [1, -2, -3]


@pytest.mark.parametrize("fov", [0, 171, -5, math.nan])
def test_bad_field_of_view(fov):
    with pytest.raises(ValueError, match="between 1 and 170"):
        Intrinsics.from_fov(40, 30, fov)


def test_bad_cameras():
    with pytest.raises(ValueError, match="positive"):
        Intrinsics.from_focal_35mm(40, 30, 0)
    with pytest.raises(ValueError, match="positive"):
        Intrinsics(0, 1, 0, 0, 4, 4)
    with pytest.raises(ValueError, match="at least one pixel"):
        Intrinsics(1, 1, 0, 0, 0, 4)
    with pytest.raises(ValueError, match=r"scaled\(width, height\)"):
        unproject(np.ones((10, 10)), CAMERA)


def test_distance_to_depth_of_a_sphere_and_back():
    """Points at distance 2 in all directions: a sphere, whose depth falls towards the corners."""
    depth = distance_to_depth(np.full((30, 40), 2.0), CAMERA)
    assert np.allclose(np.linalg.norm(unproject(depth, CAMERA), axis=2), 2, atol=1e-5)
    x, y, f = 19.5, 14.5, CAMERA.fx
    assert depth[-1, -1] == pytest.approx(2 * f / math.sqrt(x * x + y * y + f * f), rel=1e-5)


def test_normals_of_a_slanted_plane_face_the_camera():
    normal = np.array([0.3, -0.8, -0.5]) / np.linalg.norm([0.3, -0.8, -0.5])
    camera = Intrinsics.from_fov(40, 30, 20)
    depth = plane_depth(camera, normal, -2.0)
    assert depth.min() > 0
    normals = normals_from_depth(depth, camera)
    assert np.allclose(normals[1:-1, 1:-1], normal, atol=1e-3)
    assert np.allclose(np.linalg.norm(normals, axis=2), 1, atol=1e-5)


def test_normals_of_no_surface_are_zero():
    assert not normals_from_depth(np.zeros((30, 40)), CAMERA).any()


def test_edge_mask_marks_both_sides():
    depth = np.ones((6, 8), np.float32)
    depth[:, 4:] = 1.05
    mask = edge_mask(depth)
    assert mask.any(0).nonzero()[0].tolist() == [3, 4]
    assert np.array_equal(edge_mask(depth.T.copy()), mask.T)
    assert not edge_mask(depth, rtol=0.06).any()
    assert np.array_equal(edge_mask(depth * 1000), mask)  # relative, so free of the unit


def test_edge_mask_sees_a_blurred_step_with_reach():
    depth = np.ones((4, 20), np.float32)
    depth[:, 8:12] = [1.02, 1.04, 1.06, 1.08]
    depth[:, 12:] = 1.1
    assert not edge_mask(depth).any()
    columns = edge_mask(depth, reach=4).any(0).nonzero()[0]
    assert columns.min() <= 8 and columns.max() >= 11
    assert columns.min() >= 4 and columns.max() <= 15
    assert not edge_mask(np.ones((3, 3)), reach=9).any()  # wider than the map
    with pytest.raises(ValueError, match="rtol"):
        edge_mask(depth, rtol=0)


def noisy_plane(normal, offset, noise, count=500, seed=0):
    rng = np.random.default_rng(seed)
    normal = np.asarray(normal) / np.linalg.norm(normal)
    side = np.linalg.svd(normal[None])[2][1:]
    points = rng.uniform(-1, 1, (count, 2)) @ side + offset * normal
    return points + rng.normal(0, noise, (count, 1)) * normal, normal


def test_fit_plane():
    points, normal = noisy_plane([1, 2, -3], -4, 0.01)
    plane = fit_plane(points)
    assert np.allclose(plane.normal, normal, atol=0.01)
    assert plane.offset == pytest.approx(-4, abs=0.01)
    assert plane.flatness == pytest.approx(0.01, rel=0.15)
    assert plane.distances(points).std() == pytest.approx(plane.flatness)


def test_plane_normal_turns_to_the_camera():
    points, normal = noisy_plane([0, 0, 1], 4, 0)  # a wall 4 ahead
    plane = fit_plane(points)
    assert np.allclose(plane.normal, [0, 0, -1])
    assert plane.offset == pytest.approx(-4)
    assert plane.flatness == pytest.approx(0, abs=1e-12)
    assert plane.distances(np.array([[0, 0, 3.0]])) == pytest.approx(1)


def test_robust_fit_bears_outliers():
    points, normal = noisy_plane([0, 1, -1], -2, 0.005)
    outliers = np.random.default_rng(1).uniform(-3, 3, (350, 3))
    mixed = np.concatenate([points, outliers])
    plain, robust = fit_plane(mixed), fit_plane(mixed, robust=True)
    assert robust.normal @ normal > 0.9999 > plain.normal @ normal
    assert robust.offset == pytest.approx(-2, abs=0.01)
    assert robust.flatness < 0.01
    assert fit_plane(mixed, robust=True).offset == robust.offset  # same seed, same plane


def test_robust_fit_of_exact_points():
    points, normal = noisy_plane([0, 1, -1], -2, 0)
    assert fit_plane(points, robust=True).normal @ normal == pytest.approx(1)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((2, 3)), "N >= 3"),
        (np.zeros((5, 2)), "N >= 3"),
        (np.outer(np.arange(9), [1, 2, 3]), "one line"),
        (np.ones((9, 3)), "one line"),
        (np.full((9, 3), np.nan), "NaN"),
    ],
)
@pytest.mark.parametrize("robust", [False, True])
def test_points_that_fix_no_plane(points, message, robust):
    with pytest.raises(ValueError, match=message):
        fit_plane(points, robust)
