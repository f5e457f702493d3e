"""The app's example pictures are those that `python -m train.render.examples` draws."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from depthart.export.files import read_depth_png
from depthart.geometry import Intrinsics
from depthart.images import open_photo
from train.render import render_batch
from train.render.examples import EXAMPLES, QUALITY, SIZE, WITH_TRUTH, draw_picture, draw_truth

FOLDER = Path(__file__).parents[1] / "assets" / "examples"


def test_folder_holds_the_listed_pictures():
    assert {p.stem for p in FOLDER.glob("*.jpg")} == set(EXAMPLES)
    assert len(set(EXAMPLES.values())) == len(EXAMPLES) == 12
    readme = (FOLDER / "README.md").read_text()
    assert "python -m train.render.examples" in readme
    for name in EXAMPLES:
        assert f"({name}.jpg)" in readme
        assert (FOLDER / f"{name}.jpg").stat().st_size < 120_000


@pytest.mark.parametrize("name", EXAMPLES)
def test_pictures_show_their_seeds_with_their_cameras(name):
    photo = open_photo(FOLDER / f"{name}.jpg")
    assert photo.rgb.shape == (SIZE, SIZE, 3)
    batch = render_batch([EXAMPLES[name]], 128)
    fov = np.degrees(2 * np.arctan(64 / batch.intrinsics[0, 0].item()))
    assert Intrinsics.of_photo(photo).fov_deg == pytest.approx(fov, abs=1.5)
    small = np.asarray(Image.fromarray(photo.rgb).reduce(SIZE // 64), float)
    drawn = np.asarray(Image.fromarray(batch.image[0].permute(1, 2, 0).numpy()).reduce(2), float)
    assert np.corrcoef(small.ravel(), drawn.ravel())[0, 1] > 0.9


def test_truth_is_the_depth_of_its_picture(tmp_path):
    truth = read_depth_png(FOLDER / "truth" / f"{WITH_TRUTH}_depth.png")
    drawn = render_batch([EXAMPLES[WITH_TRUTH]], SIZE)
    different = np.abs(truth - drawn.depth_m[0].numpy()) > 6e-4
    assert different.mean() < 1e-3
    fx = drawn.intrinsics[0, 0].item()
    assert f"{fx:.2f} pixels" in (FOLDER / "README.md").read_text()


def test_drawing(tmp_path):
    """The script's own functions, small."""
    picture, exif = draw_picture(EXAMPLES["teapot"], 32)
    picture.save(tmp_path / "teapot.jpg", quality=QUALITY, exif=exif)
    small, committed = open_photo(tmp_path / "teapot.jpg"), open_photo(FOLDER / "teapot.jpg")
    assert small.rgb.shape == (32, 32, 3)
    assert small.focal_35mm == committed.focal_35mm
    truth, about = draw_truth(EXAMPLES["teapot"], 32)
    truth.save(tmp_path / "teapot.png", pnginfo=about)
    expected = render_batch([EXAMPLES["teapot"]], 32).depth_m[0]
    np.testing.assert_allclose(read_depth_png(tmp_path / "teapot.png"), expected, atol=6e-4)
