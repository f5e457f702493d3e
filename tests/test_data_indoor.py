"""Readers of indoor data sets, on small files in the published formats."""


import h5py
import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from depthart.geometry import Intrinsics, fit_plane, unproject
from train.data.ibims import IBims
from train.data.nyuv2 import INTRINSICS, NYUv2
from train.data.sunrgbd import SUNRGBD
from train.data.tum import TUMRGBD, associate
from train.data.tum_dynamic import TUMDynamic

RNG = np.random.default_rng(0)


def save_png(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def camera_of(sample):
    height, width = sample.depth.shape
    return Intrinsics(*map(float, sample.intrinsics), width, height)


# NYUv2


@pytest.fixture
def nyu(tmp_path):
    height, width = 24, 32
    images = RNG.integers(0, 255, (3, height, width, 3), dtype=np.uint8)
    depths = RNG.uniform(0.5, 9, (3, height, width)).astype(np.float32)
    depths[1, 10, 12], depths[1, 11, 12] = 0, 11
    with h5py.File(tmp_path / "nyu_depth_v2_labeled.mat", "w") as file:
        # MATLAB 7.3 keeps column-major arrays: every axis in reverse.
        file["images"] = images.transpose(0, 3, 2, 1)
        file["rawDepths"] = depths.transpose(0, 2, 1)
        file["depths"] = depths.transpose(0, 2, 1) + 1
        references = file.create_dataset("scenes", (1, 3), dtype=h5py.ref_dtype)
        for i, name in enumerate(("kitchen_0001", "office_0002", "bath_0003")):
            text = np.array([[ord(letter)] for letter in name], np.uint16)
            references[0, i] = file.create_dataset(f"#refs#/{i}", data=text).ref
    split = {"trainNdxs": np.array([[1], [3]]), "testNdxs": np.array([[2]])}
    savemat(tmp_path / "splits.mat", split)
    return tmp_path, images, depths


def test_nyuv2_test_split_with_masked_border(nyu):
    folder, images, depths = nyu
    data = NYUv2(folder)
    assert (len(data), len(NYUv2(folder, "train"))) == (1, 2)
    sample = data[0]
    np.testing.assert_array_equal(sample.image, images[1])
    np.testing.assert_array_equal(sample.depth, depths[1])
    assert sample.scene == "office_0002"
    counted = np.zeros((24, 32), bool)
    counted[8:16, 8:24] = True
    counted[10, 12] = counted[11, 12] = False  # not measured; beyond 10 m
    np.testing.assert_array_equal(sample.counted(), counted)


def test_nyuv2_cropped_as_in_the_reference(nyu):
    folder, images, depths = nyu
    sample = NYUv2(folder, border="crop", depth="depths")[0]
    np.testing.assert_array_equal(sample.image, images[1, 8:-8, 8:-8])
    np.testing.assert_array_equal(sample.depth, depths[1, 8:-8, 8:-8] + 1)
    np.testing.assert_allclose(sample.intrinsics, INTRINSICS - [0, 0, 8, 8])


def test_nyuv2_names_the_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="nyu_depth_v2_labeled.mat"):
        NYUv2(tmp_path)
    with pytest.raises(ValueError, match="val"):
        NYUv2(tmp_path, "val")


# iBims-1


@pytest.fixture
def ibims(tmp_path):
    """A floor and a wall, drawn with the publishers' convention: pixels counted from 1."""
    height, width, f, cx, cy = 48, 64, 55.0, 30.0, 26.0
    columns, rows = np.meshgrid(np.arange(1, width + 1), np.arange(1, height + 1))
    rays = np.stack([(columns - cx) / f, (rows - cy) / f, np.ones_like(rows)], axis=-1)
    floor_normal = np.array([0.1, 1.0, 0.05]) / np.linalg.norm([0.1, 1.0, 0.05])
    wall_normal = np.array([0.6, 0.0, -0.8])
    floor = 1.5 / (rays @ floor_normal)
    wall = -4 / (rays @ wall_normal)
    is_floor = (floor > 0) & (floor < wall)
    depth = np.where(is_floor, floor, wall)
    depth[0, 0] = 0
    usable, opaque = np.ones((2, height, width), np.uint8)
    usable[5, 5], opaque[6, 6] = 0, 0
    edges = np.zeros((height, width), np.uint8)
    edges[20] = 1

    def row(normal):  # x right, y forward, z up in columns 5-7
        return [9, 9, 9, 9, normal[0], normal[2], -normal[1]]

    both = np.array([row([0, 0, 1]), row(wall_normal)])
    data = {
        "rgb": RNG.integers(0, 255, (height, width, 3), dtype=np.uint8),
        "depth": depth,
        "edges": edges,
        "calib": np.array([[f, 0, 0], [0, f, 0], [cx, cy, 1]]),
        "mask_invalid": usable,
        "mask_transp": opaque,
        "mask_wall": np.where(is_floor, 0, 2).astype(np.uint8),
        "mask_wall_paras": both,
        "mask_table": np.zeros((height, width), np.uint8),
        "mask_table_paras": np.zeros((0, 0)),
        "mask_floor": is_floor.astype(np.uint8),
        "mask_floor_paras": np.array([row(floor_normal)]),
    }
    savemat(tmp_path / "corridor_01.mat", {"data": data})
    (tmp_path / "imagelist.txt").write_text("corridor_01\n")
    return tmp_path, floor_normal, wall_normal


def test_ibims_masks_and_edges(ibims):
    sample = IBims(ibims[0])[0]
    uncounted = {tuple(p) for p in np.argwhere(~sample.counted()).tolist()}
    assert uncounted == {(0, 0), (5, 5), (6, 6)}
    assert sample.depth[5, 5] == 0 < sample.depth[6, 6]
    assert sample.edges.sum() == 64
    assert sample.scene == "corridor"


def test_ibims_plane_normals_are_those_of_the_unprojected_depth(ibims):
    folder, floor_normal, wall_normal = ibims
    sample = IBims(folder)[0]
    assert [plane.kind for plane in sample.planes] == ["wall", "wall", "floor"]
    assert not sample.planes[0].mask.any()
    points = unproject(sample.depth, camera_of(sample))
    for plane, truth in ((sample.planes[1], wall_normal), (sample.planes[2], floor_normal)):
        fitted = fit_plane(points[plane.mask & sample.counted()])
        assert fitted.flatness < 1e-4
        assert abs(fitted.normal @ plane.normal) == pytest.approx(1, abs=1e-6)
        np.testing.assert_allclose(plane.normal, truth, atol=1e-6)


def test_ibims_names_the_missing_picture(ibims):
    (ibims[0] / "imagelist.txt").write_text("corridor_01.mat\nlab_02.mat\n")
    data = IBims(ibims[0])
    assert data[0].scene == "corridor"
    with pytest.raises(FileNotFoundError, match="lab_02.mat"):
        data[1]


# TUM


def tum_sequence(folder, name, offset=0.005):
    root = folder / name
    counts = RNG.integers(1, 60000, (3, 6, 8)).astype(np.uint16)
    counts[0, 0, :2] = 0, 5000
    lists = {"rgb": ["# color images"], "depth": ["# depth maps"]}
    for i in range(3):
        time = 1311868164.3 + i / 30
        colour, depth = f"{time:.6f}", f"{time + offset:.6f}"
        save_png(root / f"rgb/{colour}.png", np.full((6, 8, 3), 10 * i, np.uint8))
        save_png(root / f"depth/{depth}.png", counts[i])
        lists["rgb"].append(f"{colour} rgb/{colour}.png")
        lists["depth"].append(f"{depth} depth/{depth}.png")
    for part, lines in lists.items():
        (root / f"{part}.txt").write_text("\n".join(lines) + "\n")
    return counts


def test_tum_pairs_by_time_and_scales_by_5000(tmp_path):
    name = "rgbd_dataset_freiburg3_walking_xyz"
    counts = tum_sequence(tmp_path, name)
    data = TUMRGBD(tmp_path, [name])
    assert len(data) == 3
    np.testing.assert_allclose(data[2].depth, counts[2] / 5000, rtol=1e-6)
    assert (data[2].image == 20).all()
    assert (data[0].depth[0, 0], data[0].depth[0, 1]) == (0, 1)
    np.testing.assert_array_equal(data[1].counted(), (counts[1] > 50) & (counts[1] <= 50000))
    np.testing.assert_allclose(data[0].intrinsics, [535.4, 539.2, 320.6, 248.1])
    assert len(TUMRGBD(tmp_path, every=2)) == 2


def test_tum_errors_name_what_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="rgbd_dataset_freiburg1_desk"):
        TUMRGBD(tmp_path, ["rgbd_dataset_freiburg1_desk"])
    tum_sequence(tmp_path, "rgbd_dataset_freiburg1_desk", offset=0.5)
    with pytest.raises(ValueError, match="0.02 s"):
        TUMRGBD(tmp_path)
    tum_sequence(tmp_path, "my_own_recording")
    with pytest.raises(ValueError, match="freiburg1, freiburg2, freiburg3"):
        TUMRGBD(tmp_path, ["my_own_recording"])


def test_association_is_closest_first_and_one_to_one():
    assert associate([1.0, 1.03], [1.02, 1.5], 0.025) == [(1.03, 1.02)]
    assert associate([2.0, 1.0], [1.001, 2.001], 0.02) == [(1.0, 1.001), (2.0, 2.001)]
    assert associate([1.0], [1.02], 0.01) == []


def test_tum_dynamic(tmp_path):
    (tmp_path / "tum_hdf5").mkdir()
    depth = np.full((6, 8), 3, np.float32)
    depth[0, 0], depth[0, 1] = 0, 12
    for name, colours in (("ab_c_000", 0.5), ("ab_c_001", 7)):
        with h5py.File(tmp_path / f"tum_hdf5/{name}.jpg.h5", "w") as file:
            file["gt/img_1"] = np.full((6, 8, 3), colours, np.float32)
            file["gt/gt_depth"] = depth
            file["gt/intrinsic"] = np.array([[400.0, 0, 250], [0, 410, 190], [0, 0, 1]])
    data = TUMDynamic(tmp_path)
    sample = data[0]
    assert (sample.image == 128).all()
    assert sample.counted().sum() == 46
    assert sample.scene == "ab_c"
    np.testing.assert_allclose(sample.intrinsics, [400, 410, 250.5, 190.5])
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        data[1]
    with pytest.raises(FileNotFoundError, match="tum_hdf5"):
        TUMDynamic(tmp_path / "elsewhere")


# SUN RGB-D


def test_sun_rgbd_decodes_rotated_bits_and_leaves_nyu_out(tmp_path):
    millimetres = np.array([[0, 1, 1234, 7999], [8000, 9000, 500, 65535]], np.uint32)
    stored = ((millimetres << 3) | (millimetres >> 13)).astype(np.uint16)
    name = "kv2/kinect2data/000002_2014-05-26_14-23-37_260595134347_rgbf000103-resize"
    root = tmp_path / "SUNRGBD" / name
    save_png(root / "image/0000103.jpg", np.full((2, 4, 3), 60, np.uint8))
    save_png(root / "depth_bfx/0000103.png", stored)
    (root / "intrinsics.txt").write_text("529.5 0 365 0 529.4 265 0 0 1 ")
    split = tmp_path / "SUNRGBDtoolbox/traintestSUNRGBD/allsplit.mat"
    split.parent.mkdir(parents=True)
    prefix = "/n/fs/sun3d/data/SUNRGBD/"
    cells = np.empty((1, 2), object)
    cells[0] = [f"{prefix}{name}/", f"{prefix}kv1/NYUdata/NYU0001"]
    savemat(split, {"alltrain": cells, "alltest": cells[:, 1:]})
    data = SUNRGBD(tmp_path, "train")
    assert len(data) == 1
    assert len(SUNRGBD(tmp_path, "train", nyu=True)) == 2
    sample = data[0]
    np.testing.assert_allclose(sample.depth, [[0, 0.001, 1.234, 7.999], [0, 0, 0.5, 0]])
    np.testing.assert_allclose(sample.intrinsics, [529.5, 529.4, 365.5, 265.5])
    with pytest.raises(FileNotFoundError, match="NYU0001"):
        SUNRGBD(tmp_path, "test", nyu=True)[0]


def test_scores_count_only_the_protocols_pixels():
    """A wrong depth outside a data set's own mask changes nothing."""
    from train.data.sample import Sample
    from train.validate import score

    depth = np.full((32, 32), 2.0, np.float32)
    depth[:4] = 9
    valid = np.ones((32, 32), bool)
    valid[:8] = False
    sample = Sample(np.zeros((32, 32, 3), np.uint8), depth, "set", "scene", valid=valid)
    assert score(np.ones((32, 32), np.float32), sample)["abs_rel"] < 1e-6
    sample.valid = None
    assert score(np.ones((32, 32), np.float32), sample)["abs_rel"] > 0.05
