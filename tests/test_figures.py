"""The pyramid behind the README's figure, and that the figure can be drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from depthart.scales import PAPER_SIDES, Scales
from train.figures import THEMES, change_rgb, main, method
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


def test_the_command_takes_a_checkpoint(tiny_predictor, tmp_path):
    tiny_predictor.save_pretrained(tmp_path / "tiny")
    main(["method", "--checkpoint", str(tmp_path / "tiny"), "-o", str(tmp_path)])
    assert {path.name for path in tmp_path.glob("*.png")} == {"method.png", "method-dark.png"}


def test_colours_of_changes():
    near, none, far = change_rgb(np.array([[-0.3, 0.0, 0.3]]))[0].astype(int)
    assert near[0] > near[2] and far[2] > far[0]
    assert none.min() > 240


def test_the_figure_is_drawn(depth, plain):
    photo = np.zeros((256, 256, 3), np.uint8)
    for theme in THEMES.values():
        figure = method(photo, depth, plain, theme)
        figure.canvas.draw()
        pixels = np.asarray(figure.canvas.buffer_rgba())
        assert pixels[2, 2, :3].tolist() == [int(theme.page[i : i + 2], 16) for i in (1, 3, 5)]
        assert len(np.unique(pixels.reshape(-1, 4), axis=0)) > 1000
