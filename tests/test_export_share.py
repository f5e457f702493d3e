"""The picture to share, and colours of the visitor's choice in every file."""

import io

import numpy as np
import pytest
from PIL import Image

from depthart.export.animation import refinement_gif
from depthart.export.share import PANEL_SIDE, share_picture
from depthart.visualize import colorize
from tests.rooms import make_prediction


@pytest.fixture(scope="module")
def prediction():
    return make_prediction()


def test_share_picture_shows_photo_and_depth_side_by_side(prediction):
    picture = share_picture(prediction, "gray", invert=True)
    grow = PANEL_SIDE / max(prediction.photo.width, prediction.photo.height)
    width, height = round(prediction.photo.width * grow), round(prediction.photo.height * grow)
    assert picture.shape[1] == 2 * width + 60 and picture.shape[0] > height + 40
    left = picture[20 : 20 + height, 20 : 20 + width].astype(int)
    expected = Image.fromarray(prediction.photo.rgb).resize((width, height))
    assert np.abs(left - np.asarray(expected)).mean() < 8
    right = picture[20 : 20 + height, width + 40 : 2 * width + 40]
    assert (right[..., 0] == right[..., 2]).all()  # gray
    assert (picture[:, :20] == 255).all()
    footer = picture[20 + height :]
    assert (footer[:, :width] < 100).any() and (footer[:, width + 40 :] < 100).any()


def test_files_have_the_chosen_colours(prediction, tmp_path):
    for cmap, invert in (("viridis", False), ("viridis", True)):
        prediction.save(tmp_path, ["color"], cmap=cmap, invert=invert)
        written = np.asarray(Image.open(tmp_path / "depth_color.png").convert("RGB"))
        expected = colorize(prediction.depth, prediction.kind, cmap, invert)
        np.testing.assert_array_equal(written, expected)
    with pytest.raises(ValueError, match="unknown colour map"):
        prediction.save(tmp_path / "none", ["color"], cmap="rainbow")
    assert not (tmp_path / "none").exists()


def test_moving_pictures_have_the_chosen_colours(prediction):
    frames = [
        np.asarray(Image.open(io.BytesIO(refinement_gif(prediction, cmap))).convert("RGB"))
        for cmap in ("gray", "turbo")
    ]
    half = frames[0].shape[1] // 2
    spread = [np.ptp(frame[:-30, half:].astype(int), axis=-1).max() for frame in frames]
    assert spread[0] == 0 < spread[1]
