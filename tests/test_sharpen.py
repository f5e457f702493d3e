"""Depth with the photo's edges: the guided filter, and a prediction sharpened by it."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from depthart.geometry import Intrinsics
from depthart.images import Photo, resize_depth
from depthart.prediction import Prediction, PredictionStep
from depthart.sharpen import LARGEST, sharpen

HEIGHT, WIDTH, EDGE = 300, 400, 230  # the photo's; the column where its right half begins
NEAR, FAR = 0.2, 0.8


@pytest.fixture(scope="module")
def photo():
    """A dark half and a bright one, with a little noise."""
    rgb = np.where(np.arange(WIDTH) < EDGE, 60, 180)[None, :, None] + np.zeros((HEIGHT, WIDTH, 3))
    noise = np.random.default_rng(0).normal(0, 3, rgb.shape)
    return (rgb + noise).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def truth():
    return np.where(np.arange(WIDTH) < EDGE, NEAR, FAR)[None].repeat(HEIGHT, 0).astype(np.float32)


@pytest.fixture(scope="module")
def soft(truth):
    """What a network gives: small, and blurred over twenty pixels of the photo."""
    small = cv2.resize(truth, (256, 256), interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(small, (0, 0), 4)


@pytest.mark.parametrize("log", [True, False])
def test_edges_move_to_those_of_the_photo(photo, truth, soft, log):
    sharp = sharpen(soft, photo, log)
    assert sharp.shape == truth.shape and sharp.dtype == np.float32
    before = np.abs(resize_depth(soft, HEIGHT, WIDTH) - truth)
    after = np.abs(sharp - truth)
    assert after.mean() < before.mean()
    beside = slice(EDGE - 3, EDGE + 3)  # where the soft map is wrong by nearly half the step
    assert after[:, beside].mean() < 0.6 * before[:, beside].mean()
    step = np.diff(sharp[HEIGHT // 2])
    assert abs(int(step.argmax()) + 1 - EDGE) <= 1 and step.max() > 0.2
    assert soft.min() <= sharp.min() and sharp.max() <= soft.max()


def test_texture_without_depth_stays_flat():
    """Stripes on a slope: the slope comes out, enlarged, and the stripes do not."""
    stripes = ((np.arange(WIDTH) // 7 % 2) * 150 + 50)[None, :, None]
    photo = np.broadcast_to(stripes, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    slope = np.linspace(0.3, 0.9, 256, dtype=np.float32)[:, None].repeat(256, 1)
    sharp = sharpen(slope, photo)
    expected = resize_depth(slope, HEIGHT, WIDTH)
    inside = slice(20, -20)
    np.testing.assert_allclose(sharp[inside, inside], expected[inside, inside], rtol=0.01)


def test_a_flat_map_stays_as_it_is(photo):
    np.testing.assert_allclose(sharpen(np.full((16, 16), 0.4), photo), 0.4, rtol=1e-5)
    assert (sharpen(np.zeros((16, 16)), photo) == 0).all()


def test_large_maps_are_fitted_at_a_bounded_size(photo, truth):
    large = cv2.GaussianBlur(cv2.resize(truth, (3 * LARGEST, 2 * LARGEST)), (0, 0), 20)
    small = cv2.resize(large, (LARGEST, round(2 * LARGEST / 3)), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(sharpen(large, photo), sharpen(small, photo), atol=1e-3)


@pytest.mark.parametrize("shapes", [((4, 4, 1), (8, 8, 3)), ((4, 4), (8, 8)), ((4, 4), (8, 8, 4))])
def test_other_shapes_are_refused(shapes):
    with pytest.raises(ValueError, match="a photo"):
        sharpen(np.zeros(shapes[0]), np.zeros(shapes[1], np.uint8))


# ---- predictions -----------------------------------------------------------------------------


@pytest.fixture
def prediction(photo, soft):
    step = PredictionStep.without_tokens(0, soft, 0.1, HEIGHT, WIDTH)
    picture = Photo(photo)
    return Prediction(
        picture, step.depth, "scale_invariant", "soft", Intrinsics.of_photo(picture, 60), (step,)
    )


def test_a_sharpened_prediction(prediction, photo, soft, tmp_path):
    sharp = prediction.sharpen()
    np.testing.assert_array_equal(sharp.depth, sharpen(soft, photo))
    assert sharp.sharpened and not prediction.sharpened
    assert sharp.sharpen() is sharp
    np.testing.assert_array_equal(sharp.steps[0].depth, prediction.depth)  # the model's own
    again = sharp.at(0)
    assert not again.sharpened
    np.testing.assert_array_equal(again.depth, prediction.depth)
    for each in (prediction, sharp):
        each.save(tmp_path / str(each.sharpened), ["npy"])
        about = json.loads((tmp_path / str(each.sharpened) / "depth.json").read_text())
        assert about["sharpened"] is each.sharpened
        np.testing.assert_array_equal(np.load(tmp_path / f"{each.sharpened}/depth.npy"), each.depth)


def test_the_mean_of_an_ensemble_is_sharpened_itself(prediction, photo):
    """Not its last step, which is another depth."""
    mean = replace(prediction, depth=prediction.depth * 0.5, uncertainty=prediction.depth)
    np.testing.assert_array_equal(mean.sharpen().depth, sharpen(mean.depth, photo))


def test_disparity_is_not_fitted_in_log(prediction, photo, soft):
    disparity = replace(prediction, kind="disparity")
    np.testing.assert_array_equal(disparity.sharpen().depth, sharpen(soft, photo, log=False))
