"""Smaller copies of training data."""

import json

import numpy as np
import pytest
from PIL import Image

from train.data.photos import PhotoFolder
from train.data.rgbd_folder import RGBDFolder
from train.data.shrink import main


@pytest.fixture
def pairs(tmp_path):
    """One pair of 80 x 40 pixels: left half 1 m, right half 3 m, one hole."""
    folder = tmp_path / "pairs"
    folder.mkdir()
    depth = np.full((40, 80), 1000, np.uint16)
    depth[:, 40:] = 3000
    depth[:4, :4] = 0
    Image.fromarray(depth).save(folder / "d.png")
    Image.new("RGB", (80, 40), (200, 30, 30)).save(folder / "c.png")
    entry = {
        "id": "one", "rgb": "c.png", "depth": "d.png", "unit_m": 0.001, "dataset": "made",
        "scene": "s", "split": "train", "K": [60, 60, 40, 20], "depth_kind": "metric",
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps([entry]))
    return folder


def test_pairs_shrink_together(pairs, tmp_path):
    main(["--real", str(pairs), "--side", "20", "-o", str(tmp_path / "out")])
    sample = RGBDFolder(tmp_path / "out" / "real", "train")[0]
    assert sample.image.shape == (20, 40, 3) and sample.depth.shape == (20, 40)
    assert set(np.unique(sample.depth.round(3))) == {0, 1, 3}  # nothing between the two
    depth = sample.depth.round(3)
    assert (depth[:2, :2] == 0).all() and (depth[:, 20:] == 3).all()
    np.testing.assert_allclose(sample.intrinsics, [30, 30, 20, 10])
    assert abs(sample.image.astype(int) - [200, 30, 30]).max() < 12


def test_small_pairs_keep_their_size(pairs, tmp_path):
    main(["--real", str(pairs), "--side", "256", "-o", str(tmp_path / "out")])
    before, after = RGBDFolder(pairs, "train")[0], RGBDFolder(tmp_path / "out/real", "train")[0]
    np.testing.assert_array_equal(after.depth, before.depth)


def test_photos_shrink(tmp_path):
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (64, 128)).save(tmp_path / "photos" / "tall.png")
    main(["--photos", str(tmp_path / "photos"), "--photo-side", "32", "-o", str(tmp_path / "out")])
    assert PhotoFolder(tmp_path / "out" / "photos")[0].shape == (64, 32, 3)


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="the manifest is missing"):
        main(["--real", str(tmp_path), "-o", str(tmp_path / "out")])
    with pytest.raises(SystemExit):
        main(["-o", str(tmp_path / "out")])
