"""Readers of plain folders: pairs with a manifest, photos, rendered shards; rows of shards."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.floors import write_floors
from train.data.photos import PhotoFolder
from train.data.rendered import RenderedScenes
from train.data.rgbd_folder import RGBDFolder
from train.data.tar_shards import Rows


@pytest.fixture
def pairs(tmp_path):
    """One pair of each kind in `train`, one in `dev`; red tells them apart."""
    entries = []
    for number, (split, kind) in enumerate(
        [("train", "metric"), ("train", "scale"), ("train", "disparity_affine"), ("dev", "metric")]
    ):
        Image.new("RGB", (3, 2), (10 * number, 0, 0)).save(tmp_path / f"{number}.png")
        counts = np.array([[0, 500, 1000], [65535, 1, 2]], np.uint16)
        Image.fromarray(counts).save(tmp_path / f"{number}_depth.png")
        entries.append(
            {
                "id": f"pair {number}",
                "rgb": f"{number}.png",
                "depth": f"{number}_depth.png",
                "unit_m": 0.001,
                "split": split,
                "depth_kind": kind,
                "dataset": "Kinect",
                "scene": f"room {number}",
                "K": [5, 6, 1.5, 1] if number == 0 else None,
            }
        )
    (tmp_path / "manifest.json").write_text(json.dumps(entries))
    return tmp_path


def test_pairs_of_a_split_are_read_in_their_unit(pairs):
    train, dev = RGBDFolder(pairs, "train"), RGBDFolder(pairs, "dev")
    assert (len(train), len(dev)) == (2, 1)  # disparity with an unknown shift is no depth
    first, second = train[0], train[1]
    np.testing.assert_allclose(first.depth, [[0, 0.5, 1], [65.535, 0.001, 0.002]], rtol=1e-6)
    assert first.counted().sum() == 5
    assert (first.image == [0, 0, 0]).all() and (dev[0].image == [30, 0, 0]).all()
    assert first.intrinsics.tolist() == [5, 6, 1.5, 1] and second.intrinsics is None
    assert (first.dataset, first.scene) == ("Kinect", "room 0")
    assert len(train.metric()) == 1 and train.metric()[0].scene == "room 0"


def test_what_is_wrong_with_a_pair_is_named(pairs):
    with pytest.raises(ValueError, match="no pairs with depth in split 'test'"):
        RGBDFolder(pairs, "test")
    Image.new("RGB", (4, 2)).save(pairs / "0.png")
    with pytest.raises(ValueError, match="pair 0: depth .* and picture .* differ"):
        RGBDFolder(pairs, "train")[0]
    (pairs / "1_depth.png").unlink()
    with pytest.raises(FileNotFoundError, match="pair 1: .*1_depth.png is missing"):
        RGBDFolder(pairs, "train")[1]


def test_photos_in_the_order_of_their_names(tmp_path):
    for name, colour in (("b.jpg", 200), ("a.PNG", 0)):
        Image.new("L", (5, 4), colour).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    photos = PhotoFolder(tmp_path)
    assert len(photos) == 2 and photos[0].shape == (4, 5, 3) and photos[1].mean() == 200
    with pytest.raises(FileNotFoundError, match="no pictures in"):
        PhotoFolder(tmp_path / "elsewhere")


def test_rendered_scenes_are_metres_with_planes_and_camera(tmp_path):
    scenes = RenderedScenes(write_floors(tmp_path, count=2))
    sample = scenes[1]
    assert len(scenes) == 2 and sample.depth.dtype == np.float32 and (sample.depth > 0).any()
    assert sample.plane.shape == sample.depth.shape and sample.intrinsics.shape == (4,)
    with pytest.raises(IndexError):
        scenes[2]


def test_rows_are_counted_through_shards():
    rows = Rows([3, 1, 2])
    assert len(rows) == 6
    assert [rows.locate(i) for i in range(6)] == [(0, 0), (0, 1), (0, 2), (1, 0), (2, 0), (2, 1)]
    for index in (-1, 6):
        with pytest.raises(IndexError):
            rows.locate(index)
