"""The pyramid behind the README's figure, and that the figure can be drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageColor

from depthart.scales import PAPER_SIDES, Scales
from train.figures import THEMES, change_rgb, main
from train.pyramid import CodedPyramid, PlainPyramid, unroll


@pytest.fixture(scope="module")
def depth() -> torch.Tensor:
    """A slope with a nearer square, 0 to 1."""
    rows = torch.linspace(0.9, 0.3, 256)[:, None].expand(256, 256).clone()
    rows[140:200, 60:120] = 0.2
    return rows


@pytest.fixture(scope="module")
def plain(depth) -> PlainPyramid:
    return PlainPyramid(depth, Scales(PAPER_SIDES))


def test_without_mistakes_the_sum_is_complete(plain):
    levels = unroll(plain)
    assert [level.side for level in levels] == list(PAPER_SIDES)
    assert [level.target.shape for level in levels] == [(s, s) for s in PAPER_SIDES]
    whole = plain.picture(plain.features).numpy()
    np.testing.assert_allclose(levels[-1].depth, whole, atol=1e-5)
    errors = [np.abs(level.depth - whole).mean() for level in levels]
    assert errors[-1] < errors[3] < errors[0]


def test_both_objectives_coincide_without_mistakes(plain):
    for a, b in zip(unroll(plain, own=True), unroll(plain, own=False), strict=True):
        np.testing.assert_array_equal(a.target, b.target)
        np.testing.assert_array_equal(a.seen, b.seen)


def test_dynamic_targets_repair_mistakes_and_static_ones_do_not(plain):
    """Only the first, coarsest answer is wrong: a quarter too near."""

    def answer(target, scale):
        return target - 0.25 if scale == 0 else target

    whole = plain.picture(plain.features).numpy()
    own, given = unroll(plain, answer, own=True), unroll(plain, answer, own=False)
    np.testing.assert_allclose(own[-1].depth, whole, atol=1e-5)
    # The second target of DepthART asks for the quarter that is missing, VAR's does not.
    assert (own[1].target - given[1].target).mean() == pytest.approx(0.25, abs=0.02)


def test_a_trained_quantiser_gives_the_same_story(depth, tiny_model):
    pyramid = CodedPyramid(depth, tiny_model.vqvae)
    features = tiny_model.vqvae.tokenize((depth * 2 - 1).expand(1, 3, -1, -1))[1]
    for level, cumulative in zip(unroll(pyramid), features, strict=True):
        expected = tiny_model.decode(cumulative)[0].numpy()
        np.testing.assert_allclose(level.depth, expected, atol=1e-4)


def test_the_command_draws_both_themes_from_a_checkpoint(tiny_predictor, tmp_path):
    tiny_predictor.save_pretrained(tmp_path / "tiny")
    main(["method", "--checkpoint", str(tmp_path / "tiny"), "-o", str(tmp_path)])
    for name, theme in {"method.png": "light", "method-dark.png": "dark"}.items():
        picture = Image.open(tmp_path / name).convert("RGB")
        assert picture.getpixel((2, 2)) == ImageColor.getrgb(THEMES[theme].page)
        assert len(picture.getcolors(maxcolors=picture.width * picture.height)) > 1000


def test_colours_of_changes():
    near, none, far = change_rgb(np.array([[-0.3, 0.0, 0.3]]))[0].astype(int)
    assert near[0] > near[2] and far[2] > far[0]
    assert none.min() > 240
