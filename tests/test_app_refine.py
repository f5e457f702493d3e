"""A photo in, scales out, and looking at one of them: handlers as plain functions."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from depthart.app import handlers, outputs, scene, text
from depthart.app.kept_examples import keep_examples
from depthart.app.scene import CloudSettings
from depthart.app.state import Look, portable
from depthart.app.stopping import Stop
from depthart.sampling import Sampler
from tests.app_sessions import SIDES, photo, refined, session, stream_of

__all__ = ["photo", "session"]  # fixtures


def test_read_photo_speaks_of_the_file_not_of_our_folder(tmp_path):
    path = tmp_path / "holiday.jpg"
    path.write_bytes(b"this is text")
    with pytest.raises(ValueError, match="“holiday.jpg” is not an image") as caught:
        handlers.read_photo(path)
    assert str(tmp_path) not in str(caught.value)


def test_read_photo_without_a_photo():
    with pytest.raises(ValueError, match="Choose a photo first"):
        handlers.read_photo(None)


def test_samplers():
    assert handlers.make_sampler("default", seed=3) is None
    chosen = handlers.make_sampler("sample", 3, 0.5, 2, 10, 0.7)
    assert chosen == Sampler("sample", top_k=10, top_p=0.7, temperature=0.5, draws=2, seed=3)
    with pytest.raises(ValueError, match="unknown sampler 'best'"):
        handlers.make_sampler("best")


def test_refine_is_the_predictors_own_path(session, tiny_predictor, photo):
    assert [step.side for step in session.steps] == SIDES
    assert session.total == 10 and session.elapsed > 0
    for step, expected in zip(session.steps, tiny_predictor.refine(photo), strict=True):
        np.testing.assert_array_equal(step.indices, expected.indices)
        np.testing.assert_array_equal(step.depth, expected.depth)


def test_the_samplers_seed_counts(tiny_predictor, photo):
    depths = [
        refined(tiny_predictor, photo, Sampler("sample", seed=seed)).steps[-1].model_depth
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(depths[0], depths[1])
    assert not np.array_equal(depths[0], depths[2])


def test_a_stopped_refinement_keeps_its_scales(tiny_predictor, photo):
    session = handlers.new_session(tiny_predictor, photo)
    scales = handlers.refine(session, stream_of(tiny_predictor), None)
    assert [next(scales) for _ in range(3)] == [0, 1, 2]
    scales.close()
    assert "Stopped after scale 3 of 10" in handlers.progress(session)
    assert "Scale 3 of 10" in handlers.view(session, 9, Look()).ladder


def test_a_wish_to_stop_is_heeded_after_the_step_in_the_making():
    stop, seen = Stop(), []
    for step in stop.heed(range(10)):
        seen.append(step)
        stop.asked = step == 3
    assert seen == [0, 1, 2, 3]


def test_steps_travel_without_the_model(tiny_predictor, photo):
    step = portable(next(tiny_predictor.refine(photo)))
    copy = pickle.loads(pickle.dumps(step))
    np.testing.assert_array_equal(copy.model_depth, step.model_depth)
    np.testing.assert_array_equal(copy.features, step.features)


def test_nothing_runs_the_network_again(session, monkeypatch, tiny_predictor):
    def forbidden(*args, **kwargs):
        raise AssertionError("the network ran again")

    for name in ("refine", "decode", "rollout"):
        monkeypatch.setattr(tiny_predictor.model, name, forbidden)
    for scale in (9, 0, 4):
        handlers.view(session, scale, Look("turbo", True))
        scene.cloud(session, scale, CloudSettings(max_points=500))
    outputs.export(session, 4)


def test_view_pictures(session):
    view = handlers.view(session, 4, Look())
    for path in (view.depth, view.difference, view.entropy):
        assert Image.open(path).size == (768, 614)
    assert "scale 5 changed" in view.difference_caption
    assert "5 × 5 = 25 tokens" in view.ladder and "on top of 30" in view.ladder
    mean = session.steps[4].entropy.mean()
    assert f"{mean:.2f} nats on average" in view.entropy_caption
    assert handlers.view(session, 4, Look()).depth == view.depth  # drawn once
    assert handlers.view(session, 4, Look("gray")).depth != view.depth


def test_scales_share_one_range_of_colours(session):
    low, high = handlers.limits_of(session)
    captions = {handlers.view(session, scale, Look()).depth_caption for scale in range(10)}
    assert len(captions) == 1
    assert f"near {text.number(low)}" in captions.pop()


def test_difference_is_white_where_nothing_changed(session):
    first = np.asarray(Image.open(handlers.view(session, 0, Look()).difference))
    assert (first == first[0, 0]).all() and first.min() > 240
    assert handlers.mean_change(session, 0) is None
    change = np.abs(session.steps[3].model_depth - session.steps[2].model_depth).mean()
    assert handlers.mean_change(session, 3) == pytest.approx(change)


def test_before_after(session):
    photo, depth = handlers.before_after(session, 9, 0, Look())
    shown = np.asarray(Image.open(photo)).astype(int)
    assert np.abs(shown - session.preview.rgb).mean() < 8  # a JPEG
    third, same = handlers.before_after(session, 9, 3, Look())
    assert same == depth and third == handlers.view(session, 2, Look()).depth


def test_drawn_files_tell_what_they_are(session):
    view = handlers.view(session, 4, Look())
    assert Path(view.depth).name == "my_photo-depth-scale_05.png"
    assert Path(view.difference).name == "my_photo-difference-scale_05.png"
    assert Path(handlers.photo_picture(session)).name == "my_photo-photo.jpg"


def test_examples_are_kept_after_their_first_run(tiny_predictor, tmp_path, photo):
    path = tmp_path / "room.png"
    Image.fromarray(photo.rgb).save(path)
    runs = []

    def stream(name, photo, sampler):
        runs.append(name)
        return handlers.predictor_steps(tiny_predictor, photo, sampler)

    kept = keep_examples(stream, [path])
    example = handlers.read_photo(path)
    assert next(kept("a", example, None)).scale == 0  # stopped: not kept
    first, again = (list(kept("a", example, None)) for _ in range(2))
    assert runs == ["a", "a"] and first == again and len(first) == 10
    for other in (("b", example, None), ("a", example, Sampler("argmax"))):
        assert len(list(kept(*other))) == 10
    assert len(list(kept("a", replace(photo, rgb=255 - photo.rgb, name="room"), None))) == 10
    assert runs == ["a", "a", "b", "a", "a"]


def test_sharpening_is_for_showing_and_no_part_of_the_scales(session):
    """Depth pictures, 3D and files follow the photo; changes, entropies and steps do not."""
    look, scale = Look(), 5
    own, before = session.prediction(scale), handlers.view(session, scale, look)
    files = outputs.export(session, scale)
    mesh = scene.mesh(session, scale)
    session.sharp = True
    try:
        after, sharp = handlers.view(session, scale, look), session.prediction(scale)
        assert sharp.sharpened and session.prediction(scale, full_size=True).sharpened
        assert np.abs(sharp.depth - own.depth).max() > 0
        np.testing.assert_array_equal(sharp.steps[-1].depth, own.depth)
        shown, soft = (np.asarray(Image.open(v.depth)) for v in (after, before))
        assert shown.shape == soft.shape and (shown != soft).any()
        same = ("difference", "entropy", "entropy_curve", "second_curve", "ladder")
        assert all(getattr(after, name) == getattr(before, name) for name in same)
        assert text.SHARPENED in after.depth_caption
        assert text.SHARPENED not in before.depth_caption
        assert outputs.export(session, scale) != files and scene.mesh(session, scale) != mesh
    finally:
        session.sharp = False
    assert handlers.view(session, scale, look) == before
    assert outputs.export(session, scale) == files
