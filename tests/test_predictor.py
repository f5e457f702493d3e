"""Predictors take photos of any size and refine them step by step."""


import numpy as np
import pytest
import torch
from PIL import Image

from depthart.images import open_photo, resize_depth, to_model_input
from depthart.predictor import Predictor
from depthart.sampling import Sampler


def test_refine_gives_ten_steps_at_the_photos_size(tiny_predictor, picture):
    steps = list(tiny_predictor.refine(picture))
    assert [step.scale for step in steps] == list(range(10))
    for step in steps:
        assert step.indices.shape == step.entropy.shape == (step.side, step.side)
        assert step.depth.shape == (64, 96) and step.depth.dtype == np.float32
        assert step.depth.min() >= 0 and step.depth.max() <= 1
        assert step.features.shape[0] == 1


def test_refine_is_the_models(tiny_predictor, picture):
    pixels = to_model_input(open_photo(picture))
    sampler = Sampler("sample", seed=3)
    expected = list(tiny_predictor.model.refine(pixels, sampler))
    for mine, step in zip(tiny_predictor.refine(picture, sampler), expected, strict=True):
        assert torch.equal(mine.features, step.features)
        assert mine.indices.ravel().tolist() == step.indices[0].tolist()
        assert np.array_equal(mine.depth, resize_depth(step.depth[0], 64, 96))


def test_predict_is_the_last_step(tiny_predictor, picture):
    steps = list(tiny_predictor.refine(picture))
    prediction = tiny_predictor.predict(picture)
    assert np.array_equal(prediction.depth, steps[-1].depth)
    assert len(prediction.steps) == 10 and prediction.uncertainty is None
    assert (prediction.model, prediction.kind) == ("tiny-random", "scale_invariant")
    assert prediction.seconds >= sum(step.seconds for step in prediction.steps) > 0


def test_default_sampler_is_the_checkpoints(tiny_predictor, picture):
    assert tiny_predictor.model.config.default_sampler == "expected"
    default, named, other = (
        tiny_predictor.predict(picture, sampler).depth for sampler in (None, "expected", "argmax")
    )
    assert np.array_equal(default, named) and not np.array_equal(default, other)


def test_ensemble_is_the_mean_of_its_seeds(tiny_predictor, picture):
    sampler = Sampler("sample", seed=4)
    prediction = tiny_predictor.predict(picture, sampler, ensemble=3)
    alone = [tiny_predictor.predict(picture, sampler.with_seed(seed)) for seed in (4, 5, 6)]
    depths = np.stack([p.depth for p in alone])
    np.testing.assert_allclose(prediction.depth, depths.mean(0), atol=1e-6)
    np.testing.assert_allclose(prediction.uncertainty, depths.std(0), atol=1e-6)
    assert prediction.uncertainty.max() > 0
    assert np.array_equal(prediction.steps[-1].indices, alone[0].steps[-1].indices)


@pytest.mark.parametrize("ensemble", [0, -1])
def test_ensemble_of_nothing(tiny_predictor, picture, ensemble):
    with pytest.raises(ValueError, match=f"at least one roll-out, got {ensemble}"):
        tiny_predictor.predict(picture, ensemble=ensemble)


def test_progress_is_told_step_by_step(tiny_predictor, picture):
    seen = []
    prediction = tiny_predictor.predict(picture, "sample", ensemble=2, on_step=seen.append)
    assert [step.scale for step in seen] == list(range(10))
    assert tuple(seen) == prediction.steps


def test_progress_is_told_while_it_happens(tiny_predictor, picture):
    def stop(step):
        if step.scale == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiny_predictor.predict(picture, on_step=stop)


def test_field_of_view(tiny_predictor, picture):
    assert tiny_predictor.predict(picture).intrinsics.fov_deg == pytest.approx(55)
    assert tiny_predictor.predict(picture, fov_deg=80).intrinsics.fov_deg == pytest.approx(80)


def test_photos_from_paths_and_arrays(tiny_predictor, picture, tmp_path):
    picture.save(tmp_path / "photo.png")
    expected = tiny_predictor.predict(picture).depth
    assert np.array_equal(tiny_predictor.predict(tmp_path / "photo.png").depth, expected)
    assert np.array_equal(tiny_predictor.predict(np.asarray(picture)).depth, expected)


@pytest.mark.parametrize("size", [(16, 16), (17, 400)])
def test_odd_sizes(tiny_predictor, size):
    prediction = tiny_predictor.predict(Image.new("RGB", size, (200, 100, 50)))
    assert prediction.depth.shape == size[::-1] and np.isfinite(prediction.depth).all()


def test_bad_arguments_are_refused_at_once(tiny_predictor, picture, tmp_path):
    """When `refine` is called, not when its first step is asked for."""
    with pytest.raises(FileNotFoundError):
        tiny_predictor.refine(tmp_path / "nowhere.jpg")
    with pytest.raises(ValueError, match="unknown sampler 'beam'"):
        tiny_predictor.refine(picture, "beam")
    with pytest.raises(ValueError, match="1 x 1 pixels"):
        tiny_predictor.refine(Image.new("RGB", (1, 1)))


def test_the_model_is_in_evaluation_mode(tiny_model):
    tiny_model.train()
    assert not Predictor(tiny_model).model.training
