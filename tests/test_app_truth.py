"""Ground truth in the app: reading depth maps, scores and error maps, without Gradio."""

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from depthart.app import handlers, truth
from depthart.app.inputs import example_pictures
from depthart.app.state import Session
from depthart.app.truth import Truth, read_truth
from depthart.app.truth_panel import example_truth
from depthart.images import Photo
from depthart.prediction import PredictionStep

DEPTH_M = np.linspace(1, 4, 60 * 80).reshape(60, 80).astype(np.float32)


@pytest.fixture
def photo() -> Photo:
    return Photo(np.zeros((60, 80, 3), np.uint8))


def png(path, values, **text):
    info = PngImagePlugin.PngInfo()
    for key, value in text.items():
        info.add_text(key, value)
    Image.fromarray(values).save(path, pnginfo=info)
    return path


def npz(path, **arrays):
    np.savez_compressed(path, **arrays)
    return path


def npy(path, array):
    np.save(path, array)
    return path


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".tiff"])
def test_floats_are_metres(tmp_path, photo, suffix):
    path = tmp_path / f"depth{suffix}"
    if suffix == ".tiff":
        Image.fromarray(DEPTH_M).save(path)
    else:
        (npy if suffix == ".npy" else lambda p, a: npz(p, rgb=np.ones((2, 2, 3)), depth=a))(
            path, DEPTH_M
        )
    read = read_truth(path, photo)
    np.testing.assert_array_equal(read.depth_m, DEPTH_M)
    assert read.valid.all() and read.name == path.name


@pytest.mark.parametrize(
    ("unit", "per_metre"), [("auto", 1000), ("mm", 1000), ("1/256 m", 256), ("1/5000 m", 5000)]
)
def test_whole_numbers_in_their_unit(tmp_path, photo, unit, per_metre):
    values = (DEPTH_M * per_metre).round().astype(np.uint16)
    values[0, :10], values[1, :10] = 0, 65535  # unknown, the two usual ways
    read = read_truth(png(tmp_path / "a.png", values), photo, unit)
    assert (~read.valid).sum() == 20 and not read.valid[:2, :10].any()
    np.testing.assert_allclose(read.depth_m[2:], DEPTH_M[2:], atol=0.6 / per_metre)
    assert (read.depth_m[~read.valid] == 0).all()


def test_our_own_png_says_its_unit(tmp_path, photo):
    values = ((DEPTH_M - 1) / 3 * 65535).round().astype(np.uint16)
    path = png(tmp_path / "depth.png", values, scale=repr(3 / 65535), offset="1.0")
    read = read_truth(path, photo)
    np.testing.assert_allclose(read.depth_m, DEPTH_M, atol=1e-4)
    assert read.valid.all()


def test_another_size_is_resampled_without_mixing(tmp_path, photo):
    large = np.kron(np.array([[1.0, 9.0], [3.0, 5.0]]), np.ones((60, 80)))
    read = read_truth(npy(tmp_path / "a.npy", large), photo)
    assert read.depth_m.shape == (60, 80) and set(np.unique(read.depth_m)) == {1, 3, 5, 9}
    assert read.depth_m[0, 0] == 1 and read.depth_m[0, -1] == 9 and read.depth_m[-1, 0] == 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda f: npy(f / "a.npy", np.ones((50, 80))), "does not have the shape of the photo"),
        (lambda f: npy(f / "a.npy", np.ones((80, 60))), "turned by 90"),
        (lambda f: npy(f / "a.npy", np.zeros((60, 80))), "only 0 pixels"),
        (lambda f: npy(f / "a.npy", np.ones((60, 80, 3))), "must be .height, width. numbers"),
        (lambda f: npy(f / "a.npy", np.full((60, 80), {}, object)), "no plain array"),
        (lambda f: npz(f / "a.npz", a=DEPTH_M, b=DEPTH_M), "named “depth” among several"),
        (lambda f: png(f / "a.png", np.zeros((60, 80, 3), np.uint8)), "8 bits per channel"),
        (lambda f: f / "a.jpg", "is no depth map"),
    ],
)
def test_what_is_no_truth_for_this_photo_is_refused(tmp_path, photo, make, message):
    with pytest.raises(ValueError, match=message):
        read_truth(make(tmp_path), photo)


@pytest.mark.parametrize("suffix", [".png", ".npy", ".npz"])
def test_damaged_files_are_refused(tmp_path, photo, suffix):
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=f"“broken{suffix}” (cannot be read|holds no plain)"):
        read_truth(path, photo)


def session_of(depths, kind):
    steps = [
        PredictionStep(k, 0, None, None, None, 0.1, 60, 80, lambda d=depth: d)
        for k, depth in enumerate(depths)
    ]
    photo = Photo(np.zeros((60, 80, 3), np.uint8))
    return Session(photo, "model", kind, len(depths), steps=steps)


@pytest.mark.parametrize(
    ("kind", "prediction"),
    [
        ("scale_invariant", 0.2 * DEPTH_M),
        ("affine_invariant", 0.2 * DEPTH_M + 3),
        ("disparity", 5 / DEPTH_M + 1),
        ("metric", DEPTH_M),
    ],
)
def test_what_a_kind_leaves_open_costs_nothing(kind, prediction):
    mixed = np.random.default_rng(0).permutation(prediction)
    session = session_of([prediction, mixed], kind)
    assert truth.score(session, 0) is None
    truth.give(session, Truth(DEPTH_M, DEPTH_M > 0))
    best, worse = truth.score(session, 0), truth.score(session, 1)
    assert best.abs_rel == pytest.approx(0, abs=1e-5) and best.delta1 == 1
    assert worse.abs_rel > 0.1 and worse.delta1 < 1
    truth.give(session, None)
    assert truth.score(session, 0) is None and not session.scores


def test_unknown_pixels_do_not_count_and_are_grey():
    valid = DEPTH_M > 2
    prediction = np.where(valid, DEPTH_M, 77).astype(np.float32)
    known = Truth(np.where(valid, DEPTH_M, 0), valid)
    assert truth.measure(prediction, "scale_invariant", known).abs_rel == pytest.approx(0, abs=1e-6)
    picture = truth.error_map(prediction, "scale_invariant", known)
    assert (picture[~valid] == 128).all() and (picture[valid] > 240).all()


def test_error_map_is_red_where_too_near():
    prediction = DEPTH_M.copy()
    prediction[:10], prediction[-10:] = prediction[:10] / 2, prediction[-10:] * 2
    red, _, blue = truth.error_map(
        prediction, "scale_invariant", Truth(DEPTH_M, DEPTH_M > 0)
    ).transpose(2, 0, 1)
    assert (red[:10] > blue[:10]).all() and (blue[-10:] > red[-10:]).all()


def test_examples_bring_their_truth():
    found = {}
    for path in example_pictures():
        if (file := example_truth(str(path))) is not None:
            found[path.stem] = read_truth(file, handlers.read_photo(path))
    assert found
    for read in found.values():
        assert read.valid.mean() > 0.5 and 0.2 < np.median(read.depth_m[read.valid]) < 100
    assert example_truth(None) is None and example_truth("holiday.jpg") is None
