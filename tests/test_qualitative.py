"""Sheets of depth maps and point clouds."""

import numpy as np
import pytest
from PIL import Image

from depthart import registry
from depthart.images import Photo
from depthart.pointcloud import PointCloud
from depthart.predictor import save_model
from tests.floors import write_floors
from train import qualitative
from train.data.rendered import RenderedScenes
from train.qualitative import HEIGHT, Shown, cell, truth_cell
from train.splat import splat_view


def test_nearer_points_hide_farther_ones():
    behind, front = [0, 0, 2.0], [0, 0, 1.0]
    cloud = PointCloud(
        np.float32([front, behind, [50, 0, 1], [0, 0, -1]]),
        np.uint8([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]]),
    )
    picture = splat_view(cloud, 20, 20, yaw_deg=0, pitch_deg=0)
    painted = picture[(picture != 255).any(axis=2)]
    assert len(painted) == 4 and (painted == [255, 0, 0]).all()  # two by two pixels of the nearest


def test_a_swing_shows_depth():
    rows, columns = np.mgrid[-1:1:9j, -1:1:9j]
    wall = np.stack([columns, rows, np.full_like(rows, 3)], -1).reshape(-1, 3)
    rgb = np.zeros((81, 3), np.uint8)
    straight = splat_view(PointCloud(wall.astype(np.float32), rgb), 60, 60, 0, 0)
    swung = splat_view(PointCloud(wall.astype(np.float32), rgb), 60, 60, 60, 0)

    def width(picture):
        return np.ptp(np.nonzero((picture == 0).all(axis=2).any(axis=0))[0])

    assert width(swung) < 0.8 * width(straight)
    empty = splat_view(PointCloud(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.uint8)), 8, 9)
    assert empty.shape == (9, 8, 3) and (empty == 255).all()


def test_aligned_maps_look_like_the_truth(tmp_path):
    sample = RenderedScenes(write_floors(tmp_path, count=1))[0]
    shown = Shown(Photo(sample.image), sample)
    truth, cloud = truth_cell(shown)
    for depth, kind in ((3 * sample.depth, "scale_invariant"), (1 / sample.depth + 2, "disparity")):
        picture, points = cell(shown, depth.astype(np.float32), kind)
        assert np.abs(picture.astype(int) - truth).mean() < 2
        assert np.abs(points.astype(int) - cloud).mean() < 12
    assert cloud.shape == (HEIGHT, HEIGHT, 3) and (cloud != 255).any()


def test_the_command(tmp_path, tiny_model, picture, monkeypatch):
    monkeypatch.setattr(registry, "CHECKPOINTS", tmp_path / "checkpoints")
    save_model(tiny_model, tmp_path / "checkpoints/depthart-small")
    data = str(write_floors(tmp_path / "data", count=3))
    picture.save(tmp_path / "photo.png")
    out = tmp_path / "sheets/one.png"
    arguments = [str(tmp_path / "photo.png"), "-o", str(out), "--held-out", data, "--count", "2"]
    qualitative.main(arguments)
    sheet = np.asarray(Image.open(out))
    assert sheet.shape[0] > 6 * HEIGHT  # three pictures, two rows each
    assert sheet.shape[1] >= 3 * 1.5 * HEIGHT  # photo, (no) truth, one model of a wide picture
    with pytest.raises(SystemExit):
        qualitative.main(["-o", str(out)])
