"""Colour maps and pictures."""

import numpy as np
import pytest
from PIL import Image

from depthart.visualize import (
    COLOR_MAPS,
    INVALID_RGB,
    color_index,
    color_table,
    colorbar,
    colorize,
    depth_limits,
    difference_map,
    entropy_map,
    strip,
    write,
)

RAMP = np.linspace(1, 3, 256, dtype=np.float32).reshape(16, 16)


@pytest.mark.parametrize("name", COLOR_MAPS)
def test_tables_are_smooth(name):
    table = color_table(name)
    assert table.shape == (256, 3) and table.dtype == np.uint8
    assert np.abs(np.diff(table.astype(int), axis=0)).max() <= 12
    assert len(np.unique(table, axis=0)) > 150
    assert np.array_equal(color_table(name, invert=True), table[::-1])


def test_near_is_warm_or_bright():
    red = color_table("spectral")[-1].astype(int)
    assert red[0] > 2 * red[2] and color_table("spectral")[0][2] > color_table("spectral")[0][0]
    for name in ("viridis", "inferno", "magma", "gray"):
        table = color_table(name).astype(int).sum(1)
        assert table[-1] > table[0] + 300


def test_published_anchors():
    """Spectral's middle is pale yellow #ffffbf, viridis' fourth of ten anchors is #31688e."""
    assert np.abs(color_table("spectral")[127].astype(int) - (255, 255, 191)).max() <= 2
    assert color_table("viridis")[85].tolist() == [0x31, 0x68, 0x8E]


@pytest.mark.parametrize("name", ["turbo", "viridis", "inferno", "magma"])
def test_tables_agree_with_opencv(name):
    cv2 = pytest.importorskip("cv2")
    ramp = np.arange(256, dtype=np.uint8)[:, None]
    theirs = cv2.applyColorMap(ramp, getattr(cv2, f"COLORMAP_{name.upper()}"))[:, 0, ::-1]
    assert np.abs(color_table(name).astype(int) - theirs).max() <= 16


def test_unknown_map():
    with pytest.raises(ValueError, match="known: spectral, turbo"):
        colorize(RAMP, cmap="jet")


def test_colorize_runs_from_near_to_far():
    picture = colorize(RAMP, limits=(1, 3))
    assert picture[0, 0].tolist() == color_table()[255].tolist()
    assert picture[-1, -1].tolist() == color_table()[0].tolist()
    assert np.array_equal(color_index(RAMP, limits=(1, 3)).ravel(), np.arange(255, -1, -1))


def test_disparity_and_invert_turn_it_round():
    near_first = colorize(RAMP, limits=(1, 3))
    assert np.array_equal(colorize(RAMP, "disparity", limits=(1, 3)), near_first[::-1, ::-1])
    assert np.array_equal(colorize(RAMP, invert=True, limits=(1, 3)), near_first[::-1, ::-1])
    twice = colorize(RAMP, "disparity", invert=True, limits=(1, 3))
    assert np.array_equal(twice, near_first)


@pytest.mark.parametrize("kind", ["scale_invariant", "disparity"])
def test_limits_clip_and_invalid_is_grey(kind):
    depth = np.array([[-9, 1, 2, 9], [np.nan, np.inf, -np.inf, 2]], np.float32)
    picture = colorize(depth, kind, limits=(1, 2))
    assert np.array_equal(picture[0, 0], picture[0, 1])
    assert np.array_equal(picture[0, 2], picture[0, 3])
    assert not np.array_equal(picture[0, 1], picture[0, 2])
    assert np.all(picture[1, :3] == INVALID_RGB)
    assert not np.array_equal(picture[1, 3], INVALID_RGB)


def test_depth_is_not_changed():
    depth = RAMP.copy()
    depth[0, 0] = np.nan
    before = depth.copy()
    colorize(depth)
    assert np.array_equal(depth, before, equal_nan=True)


def test_robust_limits_ignore_outliers():
    depth = np.full((100, 100), 2.0)
    depth[:, :50] = 1.0
    depth[0, :20] = 1000
    depth[1, 0] = np.nan
    assert depth_limits(depth) == (1, 2)
    assert depth_limits(np.full((4, 4), np.nan)) == (0, 1)
    large = np.tile(np.linspace(0, 1, 3000), (2000, 1))
    assert depth_limits(large) == pytest.approx((0.01, 0.99), abs=0.003)


def test_constant_map():
    assert len(np.unique(colorize(np.ones((9, 9))).reshape(-1, 3), axis=0)) == 1
    with pytest.raises(ValueError, match=r"\(H, W\)"):
        colorize(np.ones((9, 9, 3)))


def test_difference_map():
    before = np.ones((10, 10))
    after = before.copy()
    after[:, :3], after[:, 7:] = 0.5, 1.5
    picture = difference_map(before, after).astype(int)
    assert picture[0, 0, 0] > picture[0, 0, 2]  # nearer is red
    assert picture[0, 9, 2] > picture[0, 9, 0]  # farther is blue
    assert picture[0, 5].min() > 240
    assert np.array_equal(picture, difference_map(after, before, "disparity"))
    weak = difference_map(before, after, limit=50).astype(int)
    assert weak.min() > 235
    after[0, 0] = np.nan
    assert difference_map(before, after)[0, 0].tolist() == list(INVALID_RGB)
    assert difference_map(before, before).min() > 240
    with pytest.raises(ValueError, match="differ in shape"):
        difference_map(before, before[:5])


def test_entropy_map_shows_tokens_as_blocks():
    picture = entropy_map(np.array([[0.0, 1.0], [2.0, 4.0]]), 20, 10, limit=4)
    assert picture.shape == (10, 20, 3)
    assert np.array_equal(picture[0, 0], color_table("magma")[0])
    assert np.array_equal(picture[-1, -1], color_table("magma")[255])
    assert np.all(picture[:5, :10] == picture[0, 0])
    assert np.array_equal(picture[-1, 0], color_table("magma")[128])
    assert entropy_map(np.zeros((3, 3)), 6, 6).max() == color_table("magma")[0].max()


def test_strip():
    left, right = np.zeros((40, 80, 3), np.uint8), np.full((10, 10, 3), 200, np.uint8)
    plain = strip([left, right], height=20, gap=4)
    assert plain.shape == (20, 40 + 4 + 20, 3)
    assert plain[10, 10].tolist() == [0] * 3 and plain[10, -5].tolist() == [200] * 3
    assert plain[10, 41].tolist() == [255] * 3
    captioned = strip([left, right], ["a photo", "depth"], height=40)
    assert captioned.shape[0] > 40
    assert captioned[40:, :80].min() < 100  # some ink
    with pytest.raises(ValueError, match="2 pictures but 1 captions"):
        strip([left, right], ["one"])
    with pytest.raises(ValueError, match="at least one"):
        strip([])


def test_colorbar_has_near_on_the_left():
    bar = colorbar((1, 3), width=200, unit="m")
    assert bar.shape[1] == 200
    assert bar[0, 0].tolist() == color_table()[255].tolist()
    assert bar[0, -1].tolist() == color_table()[0].tolist()
    text = bar[12:]
    assert text[:, :80].min() < 100 and text[:, -80:].min() < 100
    # The numbers differ between the two ways of counting, the colours do not.
    disparity = colorbar((1, 3), "disparity", width=200, unit="m")
    assert np.array_equal(disparity[0], bar[0]) and not np.array_equal(disparity, bar)


def test_text_shrinks_to_its_place():
    image = Image.new("RGB", (300, 30), "white")
    write(image, (150, 15), "a long line of words that does not fit", 24, max_width=100)
    ink = (np.asarray(image).min(axis=(0, 2)) < 200).nonzero()[0]
    assert len(ink) and ink.max() - ink.min() < 180
