"""Predictions: units, points, distances, and the steps behind them."""

import dataclasses

import numpy as np
import pytest
import torch

from depthart.geometry import Intrinsics
from depthart.images import Photo, open_photo, resize_depth
from depthart.model import Step
from depthart.pointcloud import grid_size
from depthart.prediction import PredictionStep
from tests.rooms import board, make_photo, make_prediction


def test_camera_comes_from_the_user_then_exif_then_55_degrees():
    photo = make_photo()
    assert Intrinsics.of_photo(photo).fov_deg == pytest.approx(55)
    phone = dataclasses.replace(photo, focal_35mm=26.0)
    # 36 x 24 film and 4:3 photos share the diagonal: half width 17.31 mm.
    assert Intrinsics.of_photo(phone).fov_deg == pytest.approx(67.30, abs=0.01)
    assert Intrinsics.of_photo(phone, 40).fov_deg == pytest.approx(40)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "inverse"}, "unknown kind"),
        ({"depth": np.ones((3, 3), np.float32)}, "shape"),
        ({"depth": np.full((60, 80), np.nan)}, "finite"),
        ({"depth": np.full((60, 80), np.inf)}, "finite"),
        ({"depth": np.full((60, 80), -1.0)}, ">= 0"),
        ({"intrinsics": Intrinsics.from_fov(10, 10)}, "does not fit"),
    ],
)
def test_a_prediction_checks_itself(fields, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(make_prediction(), **fields)


def test_depth_becomes_float32():
    prediction = dataclasses.replace(make_prediction(), depth=np.ones((60, 80)))
    assert prediction.depth.dtype == np.float32


def test_points_lie_on_wall_and_board():
    prediction = make_prediction()
    cloud = prediction.points(remove_edges=False)
    assert len(cloud) == 60 * 80
    assert cloud.xyz.dtype == np.float32 and cloud.rgb.dtype == np.uint8
    on_board = cloud.rgb[:, 2] == 255
    assert np.all(cloud.xyz[on_board, 2] == 0.5) and np.all(cloud.xyz[~on_board, 2] == 1)
    assert np.allclose(cloud.xyz[0], prediction.point_at((0, 0)))
    # Red follows x and green follows y on each surface: nothing is mirrored.
    wall = cloud.xyz[~on_board]
    assert np.corrcoef(wall[:, 0], cloud.rgb[~on_board, 0])[0, 1] > 0.999
    assert np.corrcoef(wall[:, 1], cloud.rgb[~on_board, 1])[0, 1] > 0.999


def test_edges_are_removed_on_both_sides():
    prediction = make_prediction()
    removed = 60 * 80 - len(prediction.points())
    height, width = 30, 40  # the board
    inside, outside = 2 * (height + width) - 4, 2 * (height + width)  # rings of one pixel
    assert removed == inside + outside
    assert len(prediction.points(rtol=2.0)) == 60 * 80


def test_edges_are_found_in_an_enlarged_map():
    """In a photo of 1,600 pixels a step of the model's map is spread over six of them."""
    large = make_prediction(1200, 1600, steps=False)
    model_depth = make_prediction(192, 256).depth
    blurred = dataclasses.replace(large, depth=resize_depth(model_depth, 1200, 1600))
    depths = blurred.points(max_points=100_000).xyz[:, 2]
    flying = (depths > 0.53) & (depths < 0.97)
    all_depths = blurred.points(max_points=100_000, remove_edges=False).xyz[:, 2]
    assert ((all_depths > 0.53) & (all_depths < 0.97)).sum() > 300
    assert flying.sum() == 0


@pytest.mark.parametrize("limit", [1, 7, 100, 1000, 4800, 99_999])
def test_max_points(limit):
    prediction = make_prediction()
    cloud = prediction.points(max_points=limit, remove_edges=False)
    assert 0.8 * min(limit, 4800) - 1 <= len(cloud) <= limit
    assert len(cloud.rgb) == len(cloud)


def test_fewer_points_cover_the_same_view():
    prediction = make_prediction()
    few, all_points = prediction.points(max_points=300), prediction.points()
    assert np.allclose(few.xyz.min(0), all_points.xyz.min(0), atol=0.03)
    assert np.allclose(few.xyz.max(0), all_points.xyz.max(0), atol=0.03)
    assert grid_size(60, 80, 300) == (15, 20)


def test_max_depth_drops_the_wall():
    cloud = make_prediction().points(max_depth=0.9)
    assert len(cloud) and cloud.xyz[:, 2].max() == 0.5
    with pytest.raises(ValueError, match="at least 1"):
        make_prediction().points(max_points=0)


def test_zero_depth_gives_no_point():
    prediction = make_prediction(near=0.0)
    assert len(prediction.points(remove_edges=False)) == (~board(60, 80)).sum()
    with pytest.raises(ValueError, match="no depth at pixel"):
        prediction.point_at((40, 30))


def test_disparity_is_inverted_for_points_only():
    prediction = make_prediction(far=0.5, near=2.0, kind="disparity")
    assert prediction.point_at((40, 30))[2] == pytest.approx(0.5)
    assert prediction.point_at((0, 0))[2] == pytest.approx(2.0)
    assert prediction.scaled_depth()[30, 40] == 2.0
    sky = make_prediction(far=0.0, near=2.0, kind="disparity")
    assert np.allclose(sky.points(remove_edges=False).xyz[:, 2], 0.5)


def test_distance_between_two_pixels():
    prediction = make_prediction(far=2.0)
    focal = prediction.intrinsics.fx
    assert prediction.distance((5, 5), (15, 5)) == pytest.approx(10 / focal * 2.0)
    assert prediction.distance((5.9, 5.2), (15.1, 5)) == pytest.approx(10 / focal * 2.0)
    # From the board to the wall: one unit and a half deeper, by hand.
    a, b = prediction.point_at((40, 30)), prediction.point_at((2, 2))
    assert b[2] - a[2] == pytest.approx(1.5)
    assert prediction.distance((40, 30), (2, 2)) == pytest.approx(np.linalg.norm(a - b))
    for pixel in ((80, 0), (0, 60), (-1, 0)):
        with pytest.raises(ValueError, match="outside the photo"):
            prediction.distance(pixel, (0, 0))


def test_a_known_length_gives_metres():
    prediction = make_prediction()
    length = prediction.distance((0, 5), (79, 5))
    known = prediction.with_known_length((0, 5), (79, 5), 3 * length)
    assert (prediction.unit, known.unit) == ("relative", "m")
    assert known.metres_per_unit == pytest.approx(3)
    assert known.distance((0, 5), (79, 5)) == pytest.approx(3 * length)
    assert known.points().xyz[:, 2].max() == pytest.approx(3)
    assert known.scaled_depth().max() == pytest.approx(3)
    assert known.depth is prediction.depth  # the prediction itself stays
    assert known.at(4).unit == "m"
    again = known.with_known_length((0, 5), (79, 5), 6 * length)
    assert again.metres_per_unit == pytest.approx(6)


def test_metric_predictions_are_in_metres():
    assert make_prediction(kind="metric").unit == "m"
    assert make_prediction(kind="metric").metres_per_unit == 1


@pytest.mark.parametrize("kind", ["affine_invariant", "disparity"])
def test_one_length_cannot_fix_an_offset(kind):
    with pytest.raises(ValueError, match="unknown offset"):
        make_prediction(kind=kind).with_known_length((0, 0), (9, 9), 1)


@pytest.mark.parametrize("metres", [0, -1, float("nan"), float("inf")])
def test_bad_known_lengths(metres):
    with pytest.raises(ValueError, match="must be positive"):
        make_prediction().with_known_length((0, 0), (9, 9), metres)
    with pytest.raises(ValueError, match="same point"):
        make_prediction().with_known_length((3, 3), (3, 3), 1)


def test_at_shows_the_prediction_as_it_stood():
    prediction = make_prediction(uncertainty=np.ones((60, 80), np.float32))
    first, last = prediction.at(0), prediction.at(9)
    assert len(first.steps) == 1 and len(last.steps) == 10
    assert np.allclose(first.depth, prediction.depth.mean(), atol=1e-6)
    assert np.array_equal(last.depth, prediction.depth)
    assert first.uncertainty is None
    assert first.seconds == pytest.approx(0.1)
    for scale in (-1, 10):
        with pytest.raises(ValueError, match="10 scales, counted from 0"):
            prediction.at(scale)


def test_a_step_decodes_once_and_only_when_asked():
    calls = []

    def decode(features):
        calls.append(1)
        return torch.arange(2 * 4 * 4.0).reshape(2, 4, 4)

    step = Step(
        scale=1,
        side=2,
        indices=torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]]),
        entropy=torch.rand(2, 4),
        features=torch.zeros(2, 3, 16, 16),
        seconds=0.5,
        decode=decode,
    )
    mine = PredictionStep.from_step(step, 20, 30, row=1)
    assert not calls
    assert mine.indices.tolist() == [[5, 6], [7, 8]]
    assert mine.entropy.shape == (2, 2) and mine.features.shape == (1, 3, 16, 16)
    assert mine.depth.shape == (20, 30) and mine.depth is mine.depth
    assert mine.model_depth[0, 0] == 16
    assert mine.depth_at(5, 6).shape == (5, 6)
    assert len(calls) == 1


def test_with_the_real_model(tiny_predictor, picture):
    prediction = tiny_predictor.predict(picture)
    assert prediction.depth.shape == (64, 96)
    assert [step.side for step in prediction.steps] == [1, 2, 3, 4, 5, 6, 8, 10, 13, 16]
    assert np.array_equal(prediction.at(9).depth, prediction.depth)
    assert len(prediction.points(remove_edges=False)) > 0
    assert isinstance(prediction.photo, Photo)
    assert np.array_equal(prediction.photo.rgb, open_photo(picture).rgb)
