"""Readers of outdoor and mixed data sets, on small files in the published formats."""

import json

import numpy as np
import pytest
from PIL import Image

from train.data.ddad import DDAD, project
from train.data.diode import DIODE
from train.data.eth3d import ETH3D
from train.data.kitti import KITTI, garg_crop
from train.data.sintel import Sintel

RNG = np.random.default_rng(1)


def save_png(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def grey(height, width):
    return np.full((height, width, 3), 100, np.uint8)


# ETH3D


@pytest.fixture
def eth3d(tmp_path):
    depth = np.linspace(1, 80, 24, dtype="<f4").reshape(4, 6)
    depth[0, 0] = np.inf
    for kind in ("dslr_images", "dslr_images_undistorted"):
        save_png(tmp_path / f"courtyard/images/{kind}/DSC_0286.JPG", grey(4, 6))
        path = tmp_path / f"courtyard/ground_truth_depth/{kind}/DSC_0286.JPG"
        path.parent.mkdir(parents=True)
        depth.tofile(path)
    calibration = tmp_path / "courtyard/dslr_calibration_undistorted"
    calibration.mkdir()
    (calibration / "cameras.txt").write_text(
        "# Camera list with one line of data per camera:\n"
        "0 PINHOLE 6221 4146 3430.27 3429.23 3119.2 2057.75\n"
        "1 PINHOLE 6 4 5.5 5.4 3.1 2.1\n"
    )
    (calibration / "images.txt").write_text(
        "# Image list with two lines of data per image:\n"
        "1 0.9 0.1 0 0 1 2 3 0 dslr_images_undistorted/DSC_0285.JPG\n"
        "10.5 20.5 -1 11.5 21.5 7 12.5 22.5 8\n"
        "2 0.9 0.1 0 0 1 2 3 1 dslr_images_undistorted/DSC_0286.JPG\n\n"
    )
    return tmp_path, depth


@pytest.mark.parametrize("undistorted", [False, True])
def test_eth3d_reads_raw_floats_named_jpg(eth3d, undistorted):
    folder, depth = eth3d
    (sample,) = list_of(ETH3D(folder, undistorted))
    assert sample.depth[0, 0] == 0
    np.testing.assert_array_equal(sample.depth.ravel()[1:], depth.ravel()[1:])
    np.testing.assert_array_equal(sample.counted(), np.isfinite(depth) & (depth <= 72))
    assert sample.scene == "courtyard"
    if undistorted:
        np.testing.assert_allclose(sample.intrinsics, [5.5, 5.4, 3.1, 2.1])
    else:
        assert sample.intrinsics is None


def test_eth3d_errors(eth3d):
    folder, _ = eth3d
    path = folder / "courtyard/ground_truth_depth/dslr_images/DSC_0286.JPG"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ValueError, match="23 depths, its picture 6 x 4"):
        ETH3D(folder)[0]
    (folder / "courtyard/dslr_calibration_undistorted/images.txt").unlink()
    with pytest.raises(FileNotFoundError, match="images.txt"):
        ETH3D(folder, undistorted=True)[0]
    with pytest.raises(FileNotFoundError, match="ground_truth_depth/dslr_images"):
        ETH3D(folder / "none")


def list_of(source):
    return [source[i] for i in range(len(source))]


# KITTI


def test_kitti_official_selection(tmp_path):
    root = tmp_path / "depth_selection/val_selection_cropped"
    drive = "2011_09_26_drive_0002_sync"
    counts = RNG.integers(0, 30000, (5, 12)).astype(np.uint16)
    save_png(root / f"image/{drive}_image_0000000005_image_02.png", grey(5, 12))
    save_png(root / f"groundtruth_depth/{drive}_groundtruth_depth_0000000005_image_02.png", counts)
    (root / "intrinsics").mkdir()
    (root / f"intrinsics/{drive}_image_0000000005_image_02.txt").write_text(
        "721.5377 0.0 596.5593 0.0 722.0 149.854 0.0 0.0 1.0\n"
    )
    (sample,) = list_of(KITTI(tmp_path))
    np.testing.assert_allclose(sample.depth, counts / 256)
    np.testing.assert_array_equal(sample.counted(), (counts > 0) & (counts <= 80 * 256))
    np.testing.assert_allclose(sample.intrinsics, [721.5377, 722.0, 597.0593, 150.354])
    assert sample.scene == drive
    with pytest.raises(FileNotFoundError, match="val_selection_cropped"):
        KITTI(tmp_path / "depth_selection")


def test_kitti_list_skips_pictures_without_depth_and_crops(tmp_path):
    drive = "2011_09_26/2011_09_26_drive_0002_sync"
    counts = np.full((50, 100), 256, np.uint16)
    save_png(tmp_path / f"raw/{drive}/image_02/data/0000000069.png", grey(50, 100))
    depth = f"val/{drive.split('/')[1]}/proj_depth/groundtruth/image_02/0000000069.png"
    save_png(tmp_path / depth, counts)
    (tmp_path / "raw/2011_09_26/calib_cam_to_cam.txt").write_text(
        "calib_time: 09-Jan-2012 13:57:47\n"
        "P_rect_02: 7.2e+02 0 6.0e+02 4.4e+01 0 7.3e+02 1.7e+02 2.1e-01 0 0 1 2.7e-03\n"
    )
    files = tmp_path / "eigen_test.txt"
    files.write_text(
        f"{drive}/image_02/data/0000000069.png some/depth.png 721.5377\n"
        f"{drive}/image_02/data/0000000054.png None 721.5377\n"
    )
    (sample,) = list_of(KITTI(tmp_path, files))
    np.testing.assert_allclose(sample.intrinsics, [720, 730, 600.5, 170.5])
    assert (sample.depth == 1).all()
    np.testing.assert_array_equal(sample.counted(), garg_crop(50, 100))
    assert garg_crop(50, 100)[20:49, 3:96].all()
    assert garg_crop(50, 100).sum() == 29 * 93
    files.write_text("0000000069.png\n")
    with pytest.raises(ValueError, match="DATE/DRIVE/image_02"):
        KITTI(tmp_path, files)


# DIODE


def test_diode(tmp_path):
    scan = tmp_path / "val/indoors/scene_00019/scan_00183"
    name = "00019_00183_indoors_000_010"
    save_png(scan / f"{name}.png", grey(3, 4))
    depth = RNG.uniform(1, 9, (3, 4, 1)).astype(np.float32)
    mask = np.ones((3, 4))
    mask[1, 2] = 0
    np.save(scan / f"{name}_depth.npy", depth)
    with pytest.raises(FileNotFoundError, match="depth_mask.npy"):
        DIODE(tmp_path)[0]
    np.save(scan / f"{name}_depth_mask.npy", mask)
    (sample,) = list_of(DIODE(tmp_path, "val", "indoors"))
    np.testing.assert_array_equal(sample.depth, depth[..., 0] * mask.astype(np.float32))
    assert sample.counted().sum() == 11
    assert sample.scene == "scene_00019"
    with pytest.raises(FileNotFoundError, match="outdoor"):
        DIODE(tmp_path, "val", "outdoor")


# Sintel


@pytest.fixture
def sintel(tmp_path):
    depth = np.arange(1, 13, dtype="<f4").reshape(3, 4)
    depth[0, 0] = 1e6
    root = tmp_path / "training"
    for part in ("depth/alley_1", "camdata_left/alley_1"):
        (root / part).mkdir(parents=True)
    save_png(root / "final/alley_1/frame_0001.png", grey(3, 4))
    tag = np.array([202021.25], "<f4").tobytes()
    size = np.array([4, 3], "<i4").tobytes()
    (root / "depth/alley_1/frame_0001.dpt").write_bytes(tag + size + depth.tobytes())
    matrix = np.array([[1120, 0, 511.5], [0, 1120, 217.5], [0, 0, 1]], "<f8").tobytes()
    pose = np.eye(3, 4, dtype="<f8").tobytes()
    (root / "camdata_left/alley_1/frame_0001.cam").write_bytes(tag + matrix + pose)
    return tmp_path, depth


def test_sintel(sintel):
    folder, depth = sintel
    (sample,) = list_of(Sintel(folder))
    np.testing.assert_array_equal(sample.depth, depth)
    np.testing.assert_allclose(sample.intrinsics, [1120, 1120, 512, 218])
    assert sample.counted().sum() == 11
    with pytest.raises(FileNotFoundError, match="clean/alley_1/frame_0001.png"):
        Sintel(folder, "clean")[0]
    with pytest.raises(FileNotFoundError, match=".dpt"):
        Sintel(folder, scenes=["market_2"])


def test_sintel_refuses_other_files(sintel):
    path = sintel[0] / "training/depth/alley_1/frame_0001.dpt"
    whole = path.read_bytes()
    path.write_bytes(whole[:-4])
    with pytest.raises(ValueError, match="4 x 3"):
        Sintel(sintel[0])[0]
    path.write_bytes(b"\0" * 60)
    with pytest.raises(ValueError, match="202021.25"):
        Sintel(sintel[0])[0]


# DDAD


def ddad_scene(folder, cloud):
    """A camera that looks along the world's x axis, 1 m ahead of the laser scanner's place."""
    root = folder / "ddad_train_val"
    save_png(root / "000150/rgb/CAMERA_01/15.png", grey(8, 10))
    (root / "000150/point_cloud/LIDAR").mkdir(parents=True)
    np.savez(root / "000150/point_cloud/LIDAR/15.npz", data=cloud)
    (root / "000150/calibration").mkdir()
    camera = {"fx": 10.0, "fy": 10.0, "cx": 4.5, "cy": 3.5, "skew": 0.0}
    calibration = {"names": ["LIDAR", "CAMERA_01"], "intrinsics": [{}, camera]}
    (root / "000150/calibration/abc.json").write_text(json.dumps(calibration))
    ahead = {"qw": 0.5, "qx": -0.5, "qy": 0.5, "qz": -0.5}
    pose = {"rotation": ahead, "translation": {"x": 101.0, "y": 50.0}}
    image = {"filename": "rgb/CAMERA_01/15.png", "pose": pose}
    still = {"rotation": {"qw": 1.0}, "translation": {"x": 100.0, "y": 50.0, "z": 0.0}}
    points = {"filename": "point_cloud/LIDAR/15.npz", "pose": still}
    scene = {
        "samples": [{"calibration_key": "abc", "datum_keys": ["k1", "k2"]}],
        "data": [
            {"key": "k1", "id": {"name": "LIDAR"}, "datum": {"point_cloud": points}},
            {"key": "k2", "id": {"name": "CAMERA_01"}, "datum": {"image": image}},
        ],
    }
    (root / "000150/scene_xyz.json").write_text(json.dumps(scene))
    splits = {"0": {"filenames": []}, "1": {"filenames": ["000150/scene_xyz.json"]}}
    (root / "ddad.json").write_text(json.dumps({"scene_splits": splits}))


# x ahead, y left, z up, intensity: straight on (twice), left and up, behind, far outside.
POINTS = [[11, 0, 0, 7], [21, 0, 0, 7], [11, 2, 1, 7], [-5, 0, 0, 7], [3, 50, 0, 7]]


@pytest.mark.parametrize("named", [False, True])
def test_ddad_projects_the_lasers_points(tmp_path, named):
    cloud = np.array(POINTS, np.float32)
    if named:
        fields = [(name, "f4") for name in ("X", "Y", "Z", "INTENSITY")]
        cloud = np.array([tuple(point) for point in cloud], dtype=fields)
    ddad_scene(tmp_path, cloud)
    (sample,) = list_of(DDAD(tmp_path))
    expected = np.zeros((8, 10), np.float32)
    expected[4, 5] = 10  # 11 m from the scanner, which stood 1 m further back; 20 m is hidden
    expected[3, 3] = 10  # 2 m left, 1 m up: two columns left, one row up
    np.testing.assert_allclose(sample.depth, expected, atol=1e-5)
    np.testing.assert_allclose(sample.intrinsics, [10, 10, 5, 4])
    assert sample.scene == "000150"


def test_ddad_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match="ddad.json"):
        DDAD(tmp_path)
    ddad_scene(tmp_path, np.zeros((1, 4), np.float32))
    with pytest.raises(ValueError, match="CAMERA_09"):
        DDAD(tmp_path, camera="CAMERA_09")
    with pytest.raises(ValueError, match="train"):
        DDAD(tmp_path, "train")
    with pytest.raises(ValueError, match="test"):
        DDAD(tmp_path, "test")


def test_projection_of_no_points_is_empty():
    assert not project(np.zeros((0, 3)), np.float32([1, 1, 1, 1]), 2, 3).any()
