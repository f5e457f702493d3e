"""Hypersim: distance to depth, holes, tone mapping, cameras and the public split."""

import csv
import math

import h5py
import numpy as np
import pytest

from tests.test_data_indoor import save_png
from train.data.files import fill_nearest
from train.data.hypersim import Hypersim, pinhole, planar_depth, tone_map

RNG = np.random.default_rng(0)


def straight_camera(width, height, fov):
    right = math.tan(fov / 2)
    return np.diag([right, right * height / width, -1.0])


@pytest.fixture
def hypersim(tmp_path):
    """Two scenes of 8 x 6 pixels that look at a wall 2 m away, with one missing distance."""
    height, width, fov = 6, 8, math.pi / 3
    camera = straight_camera(width, height, fov)
    focal = width / 2 / math.tan(fov / 2)
    x, y = np.meshgrid(np.arange(width) + 0.5 - width / 2, np.arange(height) + 0.5 - height / 2)
    distance = 2 * np.sqrt(x**2 + y**2 + focal**2) / focal
    distance[3, 4] = np.nan
    fields = ["scene_name", "camera_name", "frame_id", "included_in_public_release"]
    with (tmp_path / "metadata_images_split_scene_v1.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*fields, "exclude_reason", "split_partition_name"])
        writer.writerow(["ai_001_001", "cam_00", 7, "True", "", "train"])
        writer.writerow(["ai_001_001", "cam_00", 8, "False", "CONTENT FLAGGED FOR REMOVAL", ""])
        writer.writerow(["ai_001_002", "cam_01", 0, "True", "", "val"])
        writer.writerow(["ai_009_009", "cam_00", 0, "True", "", "train"])  # not downloaded
    with (tmp_path / "metadata_camera_parameters.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        columns = [f"M_cam_from_uv_{i}{j}" for i in range(3) for j in range(3)]
        writer.writerow(["scene_name", "settings_camera_fov", *columns])
        for scene in ("ai_001_001", "ai_001_002", "ai_009_009"):
            writer.writerow([scene, fov, *camera.ravel()])
    for scene, cam, frame in (("ai_001_001", "cam_00", "0007"), ("ai_001_002", "cam_01", "0000")):
        images = tmp_path / scene / "images"
        entities = np.ones((height, width), np.int32)
        entities[0] = -1
        colour = np.full((height, width, 3), 0.1, np.float16)
        colour[0] = 50  # the sky, which the tone mapping must not look at
        for folder, part, array in (
            ("geometry_hdf5", "depth_meters", distance.astype(np.float16)),
            ("geometry_hdf5", "render_entity_id", entities),
            ("final_hdf5", "color", colour),
        ):
            path = images / f"scene_{cam}_{folder}" / f"frame.{frame}.{part}.hdf5"
            path.parent.mkdir(parents=True, exist_ok=True)
            with h5py.File(path, "w") as file:
                file["dataset"] = array
    return tmp_path


def test_hypersim_distance_becomes_depth_and_the_hole_is_filled(hypersim):
    data = Hypersim(hypersim, "train")
    assert [frame[0] for frame in data.frames] == ["ai_001_001"]
    sample = data[0]
    np.testing.assert_allclose(sample.depth, 2, atol=2e-3)  # stored as float16
    np.testing.assert_allclose(sample.intrinsics, [6.9282, 6.9282, 4, 3], atol=1e-4)
    assert (sample.image[1:] == 204).all()  # 0.8 of 255
    assert (sample.image[0] == 255).all()
    assert sample.scene == "ai_001_001"


def test_hypersim_leaves_large_holes_unmeasured(hypersim):
    depth = Hypersim(hypersim, "val", max_holes=0)[0].depth
    assert depth[3, 4] == 0
    assert (depth > 0).sum() == depth.size - 1


def test_hypersim_preview_and_missing_files(hypersim):
    data = Hypersim(hypersim, "train", colour="preview")
    with pytest.raises(FileNotFoundError, match=r"final_preview/frame.0007.tonemap.jpg"):
        data[0]
    preview = hypersim / "ai_001_001/images/scene_cam_00_final_preview/frame.0007.tonemap.jpg"
    save_png(preview, np.full((6, 8, 3), 90, np.uint8))
    assert abs(data[0].image.astype(int) - 90).max() <= 2
    with pytest.raises(ValueError, match="test"):
        Hypersim(hypersim, "test")
    (hypersim / "metadata_camera_parameters.csv").unlink()
    with pytest.raises(FileNotFoundError, match="metadata_camera_parameters.csv"):
        Hypersim(hypersim)


def test_planar_depth_of_a_tilted_sensor_is_the_ray_s_own():
    camera = np.array([[0.6, 0.02, 0.1], [0.01, 0.4, -0.05], [0.1, 0.2, -1.0]])
    distance = RNG.uniform(1, 5, (4, 6)).astype(np.float32)
    depth = planar_depth(distance, camera)
    for row, column in ((0, 0), (3, 5), (2, 1)):
        u, v = -1 + (2 * column + 1) / 6, 1 - (2 * row + 1) / 4
        ray = camera @ [u, v, 1]
        point = distance[row, column] * ray / np.linalg.norm(ray)
        assert depth[row, column] == pytest.approx(-point[2], rel=1e-5)
    assert pinhole(camera, 4, 6) is None


def test_pinhole_of_a_shifted_sensor_projects_back_to_the_pixel():
    camera = np.array([[0.6, 0, 0.1], [0, 0.4, -0.05], [0, 0, -1.0]])
    fx, fy, cx, cy = pinhole(camera, 40, 60)
    for row, column in ((0, 0), (39, 59), (20, 7)):
        x, y, z = camera @ [-1 + (2 * column + 1) / 60, 1 - (2 * row + 1) / 40, 1]
        assert fx * x / -z + cx == pytest.approx(column + 0.5, abs=1e-4)
        assert fy * -y / -z + cy == pytest.approx(row + 0.5, abs=1e-4)


def test_tone_map_of_darkness_is_black():
    dark = tone_map(np.full((4, 4, 3), 1e-6, np.float32), np.ones((4, 4), bool))
    assert (dark == 0).all()


def test_fill_nearest_takes_the_nearer_side():
    depth = np.zeros((3, 7), np.float32)
    depth[:, 0], depth[:, 6] = 1, 5
    filled = fill_nearest(depth, depth == 0)
    np.testing.assert_array_equal(filled[1], [1, 1, 1, filled[1, 3], 5, 5, 5])
    empty = np.zeros((2, 2), np.float32)
    assert (fill_nearest(empty, empty == 0) == 0).all()
