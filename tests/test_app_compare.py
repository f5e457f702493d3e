"""Comparison of models without a browser: plain functions, and `/compare`."""

import numpy as np
import pytest
from PIL import Image

from depthart.app import compare, compare_pictures, compare_tab, compare_view, handlers
from depthart.app.compare import TRUTH, Failure, Result
from depthart.app.models import Models
from depthart.app.state import Look
from depthart.app.truth import Truth, measure
from depthart.images import Photo
from depthart.visualize import INVALID_RGB
from tests.app_models import MadeUp, info, offer, scene_depth

OWN = MadeUp("own", "scale_invariant", 0.5, steps=10)
OTHERS = [
    MadeUp("scaled", "scale_invariant", 3.0),
    MadeUp("shifted", "affine_invariant", 0.2, 0.4),
    MadeUp("inverse", "disparity", 2.0, 0.3, steps=3),
    MadeUp("metres", "metric", 4.0),
]
NAMES = [model.name for model in OTHERS]


@pytest.fixture
def models(monkeypatch):
    offer(monkeypatch, [OWN, *OTHERS], info("far-away", available=False, reason="not downloaded"))
    return Models("own")


@pytest.fixture
def session():
    rgb = np.random.default_rng(0).integers(0, 255, (120, 160, 3)).astype(np.uint8)
    session = handlers.new_session(OWN, Photo(rgb, name="room"))
    for _ in handlers.refine(session, lambda p, s: handlers.predictor_steps(OWN, p, s), None):
        pass
    return session


def ask(session, models, names=NAMES):
    return list(compare.run(session, names, models, answers_of(models)))


def answers_of(models):
    return lambda name, photo: compare.answer(models.get(name), photo)


# ---- who answers ---------------------------------------------------------------------------------


def test_models_answer_one_after_the_other(session, models):
    news = ask(session, models)
    assert [(n.model, n.step) for n in news if n.model == "inverse"] == [
        ("inverse", step) for step in range(4)
    ]
    assert [n.place for n in news if n.step == 0] == [1, 2, 3, 4] and news[-1].count == 4
    results = compare.results_of(session)
    assert list(results) == ["own", *NAMES]
    assert results["inverse"].steps == 3 and results["own"].steps == 10
    assert results["inverse"].seconds >= 0.03  # the steps' own time, decoding on top
    assert ask(session, models) == []  # all is kept


def test_a_failing_model_does_not_stop_the_others(session, models):
    ask(session, models, ["no-such", "scaled"])
    assert session.results["no-such"] == Failure("no-such", "no-such is not downloaded")
    assert isinstance(session.results["scaled"], Result)
    reference, shown = compare.compared(session, ["no-such", "scaled"])
    card = compare_view.grid(session, reference, shown, ["no-such", "scaled"], Look())
    assert "no-such is not downloaded" in card and 'alt="Depth by scaled"' in card
    asked_again = ask(session, models, ["no-such"])
    assert [n.model for n in asked_again] == ["no-such"]


def test_only_the_depth_of_the_last_step_is_decoded(tiny_predictor, picture, monkeypatch):
    decoded = []
    decode = tiny_predictor.model.decode
    monkeypatch.setattr(tiny_predictor.model, "decode", lambda f: decoded.append(1) or decode(f))
    *counts, result = compare.answer(tiny_predictor, Photo(np.asarray(picture)))
    assert counts == list(range(1, 11)) and len(decoded) == 1
    assert result.depth.shape == (256, 256) and result.steps == 10


def test_a_handful_is_chosen_at_the_start():
    infos = [info(f"m{k}", available=k != 1) for k in range(9)]
    infos.insert(0, info("large", family="pretrained"))
    assert compare.preselected("default", infos) == ["default", "m0", "m2", "m3", "m4"]


def test_models_make_room(monkeypatch):
    predictors = [MadeUp(f"m{k}", "metric") for k in range(4)]
    infos = offer(monkeypatch, predictors)
    infos[:] = [info(f"m{k}", size_mb=1000.0) for k in range(4)]
    models = Models("m0")
    for name in ("m0", "m1", "m2"):
        models.get(name)
    assert list(models._loaded) == ["m0", "m2"]  # 2500 MB: the chosen one, and the newest
    models.get("m3")
    assert list(models._loaded) == ["m0", "m3"]


# ---- one reference for all -----------------------------------------------------------------------


def test_every_kind_is_brought_to_the_reference(session, models):
    ask(session, models)
    reference, shown = compare.compared(session, NAMES)
    assert reference.name == "own" and not reference.metric
    expected = ["scale", "scale+shift", "disparity", "scale"]  # metres mean nothing to a factor
    assert [shown[name].how for name in NAMES] == expected
    for name in NAMES:  # all see the same scene, so that nothing but enlarging differs
        assert shown[name].abs_rel < 0.03, name
        assert shown[name].delta1 > 0.97, name
    assert shown["own"].how is None


def test_ground_truth_is_the_reference_once_it_is_there(session, models):
    ask(session, models)
    depth = np.repeat(np.linspace(1, 3, 120, dtype=np.float32)[:, None], 160, axis=1)
    valid = np.ones(depth.shape, bool)
    valid[:10] = False
    session.truth = Truth(np.where(valid, depth, 0), valid)
    reference, shown = compare.compared(session, NAMES)
    assert reference.name == TRUTH and reference.metric
    assert [shown[name].how for name in ("own", *NAMES)] == [
        *["scale", "scale", "scale+shift", "disparity", "none"]
    ]
    scores = measure(session.preview_depth(9), "scale_invariant", session.truth)
    assert shown["own"].abs_rel == pytest.approx(scores.abs_rel, rel=1e-5)
    table = compare_view.table(reference, shown, {})
    best = min(shown.values(), key=lambda row: row.abs_rel)
    first = table.split("<tbody>")[1].split("</tr>")[0]
    assert best.result.model in first and "nobody knows" not in table
    picture = np.asarray(Image.open(compare_pictures.truth_picture(session, reference, Look())))
    assert np.abs(picture[2, 5].astype(int) - INVALID_RGB).max() < 12  # unknown, packed with losses


def test_without_linear_depth_of_its_own_another_model_is_the_reference(session, models):
    ask(session, models)
    session.kind = "disparity"
    assert compare.reference_of(session, ["inverse", "scaled"]).name == "scaled"
    alone = compare.reference_of(session, ["inverse"])  # better than nothing
    assert alone.name == "own" and (alone.depth > 0).all()


def test_a_known_length_makes_the_comparison_metric(session, models):
    ask(session, models)
    session.marks = ((30, 100), (130, 100))
    from depthart.app import scene

    scene.know_length(session, 2.0, 9)
    reference, shown = compare.compared(session, ["scaled"])
    assert reference.metric
    clouds = [compare.prediction_of(session, row, reference) for row in shown.values()]
    assert [cloud.distance(*session.marks) for cloud in clouds] == pytest.approx([2, 2], rel=0.03)


# ---- pictures and words --------------------------------------------------------------------------


def test_the_difference_is_white_where_models_agree_and_red_where_nearer(session, models):
    ask(session, models, ["scaled"])
    near = MadeUp("near", "metric")
    depth = scene_depth().copy()
    depth[32:] *= 0.8
    session.results["near"] = Result(near.name, "scale_invariant", depth * 5, 0.1, 1)
    reference, shown = compare.compared(session, ["scaled", "near"])
    same, nearer = (
        np.asarray(
            Image.open(compare_pictures.difference_picture(session, shown[name], reference))
        ).astype(int)
        for name in ("scaled", "near")
    )
    assert same[100, 20].min() > 235
    assert nearer[100, 20, 0] - nearer[100, 20, 2] > 40


def test_pictures_are_drawn_once(session, models, monkeypatch):
    ask(session, models)
    drawn = compare_tab.draw(session, "compare", NAMES, "own", "scaled", "spectral", False)

    def forbidden(*args, **kwargs):
        raise AssertionError("drawn again")

    for name in ("colorize", "difference_map"):
        monkeypatch.setattr(compare_pictures, name, forbidden)
    again = compare_tab.draw(session, "compare", NAMES, "own", "scaled", "spectral", False)
    assert again[0] == drawn[0] and again[-1] == drawn[-1]


def test_cards_say_what_was_done(session, models):
    ask(session, models)
    cards = compare_tab.draw(session, "compare", NAMES, "", "", "spectral", False)[0]
    assert cards.count('<figure class="card">') == 5 and cards.count(">reference<") == 1
    assert "Factor and offset fitted to the inverse depth of own, then inverted." in cards
    assert "Depth in metres. Scaled by one factor to fit own." in cards


def test_sides_of_the_slider():
    choices = ["Photo", "own", "other"]
    assert compare_tab.pair_of(choices, "", "") == ("own", "other")
    assert compare_tab.pair_of(choices, "other", "Photo") == ("other", "Photo")
    assert compare_tab.pair_of(["Photo", "own"], "own", "gone") == ("own", "own")
    assert compare_tab.pair_of(["Photo", "own"], "Photo", "Photo") == ("Photo", "own")


def test_models_that_are_not_here_say_why():
    line = compare_view.absent(info("far", "disparity", False, "not downloaded; run: x", 99.2))
    assert "Not downloaded, 99 MB" in line and "Licence: MIT" in line
    assert "Inverse depth up to a factor and an offset" in line
    untrained = info("twin", available=False, reason="not downloaded; it has not been trained yet")
    assert "It has not been trained yet" in compare_view.absent(
        untrained.__class__(**{**untrained.__dict__, "size_mb": 0.0})
    )


# ---- the endpoint --------------------------------------------------------------------------------


@pytest.fixture
def client(models):
    from gradio_client import Client

    from depthart.app.ui import build, launch_options

    demo = build("own")
    options = {"prevent_thread_lock": True, "quiet": True, "ssr_mode": False}
    _, url, _ = demo.launch(**launch_options(), **options)
    yield Client(url, verbose=False)
    demo.close()


def test_compare_needs_only_a_picture(client, tmp_path):
    from gradio_client import handle_file

    path = tmp_path / "wide.png"
    Image.fromarray(np.zeros((60, 90, 3), np.uint8)).save(path)
    picture, arrays, about = client.predict(handle_file(path), api_name="/compare")
    assert [row["model"] for row in about["models"]] == ["own", *NAMES]
    assert about["reference"] == "own" and about["failed"] == {}
    with np.load(arrays) as maps:
        assert set(maps.files) == {"own", *NAMES} and maps["own"].shape == (60, 90)
    assert Image.open(picture).width > 4 * 320
    _, _, about = client.predict(handle_file(path), ["metres", "gone"], api_name="/compare")
    assert about["unit"] == "m" and about["failed"] == {"gone": "gone is not downloaded"}
    endpoint = client.view_api(return_format="dict")["named_endpoints"]["/compare"]
    required = [p["label"] for p in endpoint["parameters"] if not p["parameter_has_default"]]
    assert required == ["image"] and "one reference" in endpoint["description"]
