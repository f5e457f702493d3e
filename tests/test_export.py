"""Every file reads back to what was written."""

import json
import os
import time

import numpy as np
import pytest
import trimesh
from PIL import Image, ImageSequence

from depthart.export import (
    DEFAULT_FORMATS,
    FORMATS,
    describe,
    read_depth_png,
    resolve_formats,
    save_prediction,
)
from depthart.export.three_d import MAX_POINTS, grid_mesh
from depthart.visualize import colorize, depth_limits
from tests.rooms import SIDES, board, make_prediction


@pytest.fixture(scope="module")
def prediction():
    return make_prediction()


@pytest.fixture(scope="module")
def saved(prediction, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "new" / "room"
    return folder, prediction.save(folder, ["all"], scales=True)


def test_the_files_that_are_written(saved):
    folder, paths = saved
    expected = ["depth.npy", "depth.png", "depth.json", "depth_color.png", "share.jpg"]
    expected += ["cloud.ply", "cloud.glb", "mesh.glb", "refinement.gif", "refinement.webp"]
    expected += [f"scale_{number:02d}.png" for number in range(1, 11)]
    assert [path.name for path in paths] == expected
    assert sorted(os.listdir(folder)) == sorted(expected)  # no temporary file is left


def test_default_files(prediction, tmp_path):
    names = {path.name for path in prediction.save(str(tmp_path))}
    assert names == {
        *("depth.npy", "depth.png", "depth.json", "depth_color.png", "share.jpg"),
        *("cloud.ply", "cloud.glb", "mesh.glb", "refinement.gif"),
    }


def test_npy(saved, prediction):
    depth = np.load(saved[0] / "depth.npy")
    assert depth.dtype == np.float32
    assert np.array_equal(depth, prediction.depth)


def test_png_uses_all_sixteen_bits_and_restores_depth(tmp_path):
    prediction = make_prediction()
    prediction.depth = np.random.default_rng(0).uniform(3, 7, (60, 80)).astype(np.float32)
    save_prediction(prediction, tmp_path, ["png"])
    with Image.open(tmp_path / "depth.png") as image:
        values, text = np.asarray(image), image.text
    assert values.dtype == np.uint16
    assert (values.min(), values.max()) == (0, 65535)
    step = (prediction.depth.max() - prediction.depth.min()) / 65535
    assert np.abs(read_depth_png(tmp_path / "depth.png") - prediction.depth).max() < 0.51 * step
    about = json.loads((tmp_path / "depth.json").read_text())
    restored = values * about["png"]["scale"] + about["png"]["offset"]
    assert np.abs(restored - prediction.depth).max() < 0.51 * step
    assert (text["kind"], text["unit"], text["near"]) == (
        "scale_invariant",
        "relative",
        "small values",
    )
    assert float(text["fov_deg"]) == pytest.approx(60)


def test_png_of_a_constant_map(tmp_path):
    prediction = make_prediction(far=0.25, near=0.25)
    prediction.save(tmp_path, ["png"])
    assert np.all(read_depth_png(tmp_path / "depth.png") == 0.25)


def test_a_foreign_png_is_refused(tmp_path):
    Image.new("L", (9, 9)).save(tmp_path / "foreign.png")
    with pytest.raises(ValueError, match="no scale and offset"):
        read_depth_png(tmp_path / "foreign.png")


def test_json_says_what_the_numbers_mean(saved, prediction):
    about = json.loads((saved[0] / "depth.json").read_text())
    assert about == describe(prediction)
    assert (about["kind"], about["unit"], about["model"]) == (
        "scale_invariant",
        "relative",
        "made-up",
    )
    assert (about["minimum"], about["maximum"]) == (0.5, 1.0)
    assert about["camera"]["fov_deg"] == pytest.approx(60)
    assert about["camera"]["fx"] == pytest.approx(prediction.intrinsics.fx)
    assert [scale["side"] for scale in about["scales"]] == list(SIDES)
    assert about["scales"][-1]["mean_entropy_nats"] == pytest.approx(4)


def test_color_png_is_colorize(saved, prediction):
    for name in ("depth_color.png", "scale_10.png"):
        picture = np.asarray(Image.open(saved[0] / name).convert("RGB"))
        assert np.array_equal(picture, colorize(prediction.depth))


def test_scale_pictures_share_the_last_one_s_colors(saved, prediction):
    first = np.asarray(Image.open(saved[0] / "scale_01.png").convert("RGB"))
    limits = depth_limits(prediction.depth)
    expected = colorize(prediction.steps[0].depth, limits=limits)
    assert np.array_equal(first, expected)
    assert len(np.unique(first.reshape(-1, 3), axis=0)) < 5  # one flat colour, not stretched


@pytest.mark.parametrize(("name", "exact"), [("refinement.gif", True), ("refinement.webp", False)])
def test_refinement(saved, prediction, name, exact):
    with Image.open(saved[0] / name) as animation:
        frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(animation)]
        assert animation.info["loop"] == 0
    assert len(frames) == 10
    assert all(frame.size == frames[0].size for frame in frames)
    pixels = np.stack([np.asarray(frame) for frame in frames]).astype(int)
    photo, depth = pixels[:, :60, :80], pixels[:, :60, 80:160]
    assert np.abs(photo[5] - prediction.photo.rgb).mean() < 12
    limits = depth_limits(prediction.depth)
    for k, step in enumerate(prediction.steps):
        error = np.abs(depth[k] - colorize(step.depth, limits=limits))
        assert error.mean() < (6 if exact else 16), k
    captions = pixels[:, 60:]
    assert (captions.min(axis=(1, 2, 3)) < 120).all()  # ink
    assert np.abs(captions[0] - captions[9]).max() > 100  # "1 of 10" is not "10 of 10"


def test_metres_reach_the_files(tmp_path):
    prediction = make_prediction()
    uncertain = make_prediction(uncertainty=np.full((60, 80), 0.1, np.float32), steps=False)
    uncertain.metres_per_unit = 4.0
    paths = uncertain.save(tmp_path, ["npy", "png", "ply", "mesh"])
    assert "uncertainty.npy" in [path.name for path in paths]
    assert np.array_equal(np.load(tmp_path / "depth.npy"), 4 * prediction.depth)
    assert np.allclose(np.load(tmp_path / "uncertainty.npy"), 0.4)
    assert np.allclose(read_depth_png(tmp_path / "depth.png"), 4 * prediction.depth, atol=1e-4)
    assert json.loads((tmp_path / "depth.json").read_text())["unit"] == "m"
    assert trimesh.load(tmp_path / "cloud.ply").vertices[:, 2].min() == -4
    (mesh,) = trimesh.load(tmp_path / "mesh.glb").geometry.values()
    assert mesh.vertices[:, 2].min() == -4


def test_disparity_stays_in_maps_and_becomes_depth_in_space(tmp_path):
    prediction = make_prediction(far=0.5, near=2.0, kind="disparity", steps=False)
    prediction.save(tmp_path)
    assert np.array_equal(np.load(tmp_path / "depth.npy"), prediction.depth)
    assert json.loads((tmp_path / "depth.json").read_text())["near"] == "large values"
    assert set(-trimesh.load(tmp_path / "cloud.ply").vertices[:, 2]) == {0.5, 2.0}
    near = np.asarray(Image.open(tmp_path / "depth_color.png").convert("RGB"))[30, 40].astype(int)
    assert near[0] > 2 * near[2]


def test_models_without_scales(tmp_path):
    prediction = make_prediction(steps=False)
    for formats in (None, ["all"]):
        names = [path.name for path in prediction.save(tmp_path, formats)]
        assert "mesh.glb" in names and not [n for n in names if n.startswith("refinement")]
    for formats in (["gif"], ["npy", "webp"]):
        with pytest.raises(ValueError, match="made-up has no scales"):
            prediction.save(tmp_path, formats)
    with pytest.raises(ValueError, match="no scales"):
        prediction.save(tmp_path, scales=True)


def test_formats():
    assert resolve_formats(None) == DEFAULT_FORMATS
    assert resolve_formats(["all"]) == resolve_formats(["gif", "all"]) == FORMATS
    assert resolve_formats(["mesh", "npy"]) == ("npy", "mesh")
    with pytest.raises(ValueError, match="unknown format 'exr'; known: npy, png"):
        resolve_formats(["npy", "exr"])


def test_a_map_of_nothing_but_steps_is_still_written(tmp_path):
    prediction = make_prediction()
    prediction.depth = np.indices((60, 80)).sum(0).astype(np.float32) % 2 + 1  # a checkerboard
    prediction.save(tmp_path, ["ply", "mesh"])
    assert len(trimesh.load(tmp_path / "cloud.ply").vertices) == 4800
    (mesh,) = trimesh.load(tmp_path / "mesh.glb").geometry.values()
    assert len(mesh.faces) == 2 * 59 * 79


@pytest.mark.parametrize("name", ["ply", "glb", "mesh"])
def test_a_map_of_zeros_has_no_surface(tmp_path, name):
    with pytest.raises(ValueError, match="zero everywhere"):
        make_prediction(far=0.0, near=0.0).save(tmp_path, [name])


def test_replacing_is_atomic(prediction, tmp_path, monkeypatch):
    prediction.save(tmp_path, ["npy"])
    before = (tmp_path / "depth.npy").read_bytes()
    assert (tmp_path / "depth.npy").stat().st_mode & 0o044  # readable by others, as usual
    changed = make_prediction(far=9.0)

    def fails(*_):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fails)
        with pytest.raises(OSError, match="disk full"):
            changed.save(tmp_path, ["npy"])
    assert (tmp_path / "depth.npy").read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["depth.json", "depth.npy"]
    changed.save(tmp_path, ["npy"])
    assert np.load(tmp_path / "depth.npy").max() == 9


def test_large_photos_are_capped(tmp_path):
    """All files of a 12-megapixel photo; took 1.5 s on two cores when it was written."""
    prediction = make_prediction(3000, 4000)
    started = time.perf_counter()
    prediction.save(tmp_path, ["all"], scales=True)
    assert time.perf_counter() - started < 15
    assert 0.9 * MAX_POINTS < len(trimesh.load(tmp_path / "cloud.ply").vertices) <= MAX_POINTS
    mesh = grid_mesh(prediction)
    assert len(mesh.xyz) <= 512 * 384
    assert Image.open(tmp_path / "scale_01.png").size == (1024, 768)
    assert Image.open(tmp_path / "depth.png").size == (4000, 3000)
    (loaded,) = trimesh.load(tmp_path / "mesh.glb").geometry.values()
    assert max(loaded.visual.material.baseColorTexture.size) == 2048
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 150e6
    # The mesh keeps the board whole and apart from the wall.
    depths = mesh.xyz[:, 2][mesh.faces]
    assert np.all(depths.max(1) == depths.min(1))
    assert (depths[:, 0] == 0.5).mean() == pytest.approx(board(3000, 4000).mean(), abs=0.01)


def test_real_model(tiny_predictor, picture, tmp_path):
    paths = tiny_predictor.predict(picture).save(tmp_path, ["all"], scales=True)
    assert len(paths) == 20 and all(path.stat().st_size > 100 for path in paths)
