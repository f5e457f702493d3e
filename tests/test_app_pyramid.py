"""The token pyramid of the app, as plain functions."""

import numpy as np
import pytest
from PIL import Image

from depthart import tokens
from depthart.app import pyramid, pyramid_text, truth
from depthart.app.state import Look
from depthart.app.truth import Truth
from tests.app_sessions import photo, session

__all__ = ["photo", "session"]  # fixtures
PHOTO_SIZE = 120, 90  # maps of the session have it, too


@pytest.fixture
def explain(tiny_predictor):
    calls = []

    def explain(name, depth, valid):
        calls.append(depth.shape)
        made = tokens.reconstruct(tiny_predictor, depth, valid)
        return pyramid.Explanation(tokens.code_colors(tiny_predictor), made)

    explain.calls = calls
    return explain


def test_rows_have_a_picture_per_scale(session, explain):
    explained = pyramid.explanation(session, explain)
    html = pyramid.rows(session, 3, Look(), explained)
    assert html.count("<section") == 4 and html.count("<img") == 40
    assert html.count('aria-current="true" class="chosen"') == 4
    assert html.count('data-scale="10"') == 4 and "256 of them" in html
    assert f"{session.vocabulary:,} codes" in html and "predicted depth, handed" in html
    pyramid.explanation(session, explain)
    assert explain.calls == [(256, 256)]  # once


def test_the_limit_is_of_the_truth_where_there_is_one(session, explain):
    depth = np.linspace(1, 3, 90 * 120, dtype=np.float32).reshape(90, 120)
    pyramid.explanation(session, explain)
    truth.give(session, Truth(depth, depth > 0))
    words = pyramid.limit_words(session, pyramid.explanation(session, explain))
    assert explain.calls[-1] == (90, 120)
    assert f"<b>{truth.score(session, 9).abs_rel:.3f}</b>" in words


def test_a_tile_is_its_token(session, explain):
    colors = pyramid.explanation(session, explain).colors
    picture = np.asarray(Image.open(pyramid.token_picture(session, 4, colors)))
    assert picture.shape == (90, 120, 3)
    for pixel in ((0, 0), (119, 89), (60, 45)):
        token = pyramid.token_at(session, 4, pixel)
        step = session.steps[4]
        assert token.code == step.indices[token.row, token.column]
        assert token.entropy == pytest.approx(step.entropy[token.row, token.column])
        centre = round((token.row + 0.5) * 18), round((token.column + 0.5) * 24)
        np.testing.assert_array_equal(picture[centre], colors[token.code])
    assert (pyramid.token_at(session, 4, (119, 0)).row, token.column) == (0, 2)


def test_a_code_alone_is_drawn_once(session, tiny_predictor):
    calls = []

    def draw(name, code, scale):
        calls.append((name, code, scale))
        return tokens.code_depth(tiny_predictor, code, scale)

    first = pyramid.code_picture(session, 7, 2, Look(), draw)
    assert pyramid.code_picture(session, 7, 2, Look(), draw) == first
    assert calls == [("tiny-random", 7, 2)]


def test_token_in_words():
    line = pyramid_text.token(0, 2, 41, 512, np.log(20), 5)
    assert "Code 41" in line and "row 1 and column 3 of 5 × 5" in line
    assert "<b>20</b> equally likely codes" in line
