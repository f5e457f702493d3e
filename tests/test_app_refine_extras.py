"""Ensembles and the token pyramid of the app, as plain functions."""

import re
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from depthart import tokens
from depthart.app import (
    ensemble,
    handlers,
    outputs,
    pyramid,
    pyramid_tab,
    pyramid_text,
    scene,
    truth,
)
from depthart.app.scene import CloudSettings
from depthart.app.state import Look
from depthart.app.truth import Truth
from depthart.images import Photo
from depthart.sampling import Sampler
from tests.app_models import MadeUp


@pytest.fixture(scope="module")
def photo() -> Photo:
    rows, columns = np.mgrid[:90, :120]
    return Photo(np.stack([columns, rows, rows + columns], -1).astype(np.uint8))


@pytest.fixture
def session(tiny_predictor, photo):
    session = handlers.new_session(tiny_predictor, photo)
    for _ in handlers.refine(
        session, lambda *a: handlers.predictor_steps(tiny_predictor, *a), None
    ):
        pass
    return session


# ---- many draws ----------------------------------------------------------------------------------


def roll_outs(predictor):
    def run(name, photo, samplers):
        for sampler in samplers:
            yield list(predictor.refine(photo, sampler))[-1].model_depth

    return run


def test_ensemble_is_the_predictors_own(session, tiny_predictor, photo):
    chosen = ensemble.samplers(Sampler("sample", seed=5, draws=1), 4)
    assert [s.seed for s in chosen] == [5, 6, 7, 8]
    counts = []
    for so_far in ensemble.gather(session, roll_outs(tiny_predictor), chosen):
        counts.append(so_far.count)
    assert counts == [1, 2, 3, 4] and session.ensemble is so_far
    expected = tiny_predictor.predict(photo, chosen[0], ensemble=4)
    made = ensemble.prediction(session, so_far)
    np.testing.assert_allclose(made.depth, expected.depth, atol=2e-3)
    maps = list(roll_outs(tiny_predictor)("", photo, chosen))
    np.testing.assert_allclose(so_far.spread, np.std(maps, axis=0), atol=1e-5)
    assert made.uncertainty.shape == (90, 120) and made.uncertainty.max() > 0


def test_ensemble_stopped_half_way_stays(session, tiny_predictor):
    running = ensemble.gather(session, roll_outs(tiny_predictor), ensemble.samplers(None, 9))
    next(running), next(running)
    running.close()
    assert session.ensemble.count == 2


@pytest.mark.parametrize("count", [1, 33])
def test_ensemble_of_impossible_size(count):
    with pytest.raises(ValueError, match="2 to 32 draws"):
        ensemble.samplers(None, count)


def test_uncertainty_is_bright_where_draws_differ(session):
    def two(name, photo, samplers):
        low = np.ones((256, 256), np.float32)
        high = low.copy()
        high[:, 128:] = 2
        yield from (low, high)

    *_, so_far = ensemble.gather(session, two, [None, None])
    assert so_far.spread[0, 0] == 0 and so_far.spread[0, -1] == pytest.approx(0.5)
    picture = np.asarray(Image.open(ensemble.spread_picture(session, so_far))).astype(int).sum(-1)
    assert picture[:, :40].max() < 60 and picture[:, 80:].min() > 600
    assert Image.open(ensemble.mean_picture(session, so_far, Look())).size == (120, 90)


# ---- how it works --------------------------------------------------------------------------------


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


# ---- files ---------------------------------------------------------------------------------------


def test_files_are_in_the_chosen_colours_and_hold_the_mean(session, tiny_predictor):
    for _ in ensemble.gather(session, roll_outs(tiny_predictor), ensemble.samplers(None, 2)):
        pass
    archive, files = outputs.export(session, 9, look=Look("gray"))
    color = next(f for f in files if f.endswith("depth_color.png"))
    assert (np.ptp(np.asarray(Image.open(color).convert("RGB")), axis=-1) == 0).all()
    with zipfile.ZipFile(archive) as packed:
        spread = np.load(packed.open("image/mean/uncertainty.npy"))
        assert "image/share.jpg" in packed.namelist()
    assert spread.shape == (90, 120) and spread.max() > 0
    assert outputs.export(session, 9, look=Look("gray"))[0] == archive  # not made again
    assert outputs.export(session, 9, look=Look("turbo"))[0] != archive


def test_files_of_the_first_scale(session):
    _, files = outputs.export(session, 0, scales=True)
    assert not any(f.endswith((".gif", "scale_01.png")) for f in files)


# ---- 3D ------------------------------------------------------------------------------------------


def test_points_have_the_chosen_colours_of_depth(session):
    settings = CloudSettings(500, False, color="depth", look=Look("gray"))
    trace = scene.cloud(session, 9, settings)[0].data[0]
    palette = {color for _, color in trace.marker.colorscale}
    assert all(len(set(re.findall(r"\d+", color))) == 1 for color in palette)


def test_mesh_for_the_viewer(session):
    path = scene.mesh(session, 9)
    assert open(path, "rb").read(4) == b"glTF" and scene.mesh(session, 9) == path
    near = scene.mesh(session, 9, keep_nearest=0.5)
    assert Path(near).stat().st_size < Path(path).stat().st_size
    session.fov_deg = 90
    assert scene.mesh(session, 9) not in (path, near)


def test_cut_is_a_share_of_the_range():
    depth = np.array([[0.0, 2.0], [4.0, 10.0]])
    assert scene.cut(depth, 1.0) is None and scene.cut(depth, 0.5) == 6


# ---- models without tokens -----------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "steps"), [("disparity", 1), ("metric", 3)])
def test_a_model_without_tokens_goes_through_every_tab(photo, kind, steps):
    predictor = MadeUp("other", kind, 2.0, 0.1, steps)
    session = handlers.new_session(predictor, photo)
    stream = handlers.refine(session, lambda *a: handlers.predictor_steps(predictor, *a), None)
    assert list(stream) == list(range(steps)) and session.total == steps
    view = handlers.view(session, steps - 1, Look())
    assert "no tokens" in view.entropy_caption
    assert ("no tokens" if steps == 1 else "Step 3 of 3") in view.ladder
    truth.give(session, Truth(np.full((90, 120), 2, np.float32), np.ones((90, 120), bool)))
    assert handlers.view(session, 0, Look()).second_curve.count("<circle") == steps
    assert scene.cloud(session, 0, CloudSettings(500))[1] > 100
    assert outputs.step_summary(session, 0)["mean_entropy_nats"] is None
    _, files = outputs.export(session, steps - 1, scales=True)
    assert any(f.endswith("depth.npy") for f in files)
    assert any(f.endswith(".gif") for f in files) == (steps > 1)
    parts = "session active scale cmap invert pyramid pyramid_outputs".split()
    ui = SimpleNamespace(**dict.fromkeys(parts))
    drawn = []
    pyramid_tab.refresh(ui, lambda function, *args, **options: drawn.append(function))
    note, row, *_ = drawn[0](session, "pyramid", 1, "spectral", False)
    assert "predicts depth directly" in note["value"] and row["visible"] is False
    same = ensemble.gather(session, lambda *a: iter([np.ones((4, 4), np.float32)] * 2), [])
    assert [e.spread.max() for e in same] == [0, 0]
