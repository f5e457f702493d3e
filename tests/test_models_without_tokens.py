"""Models without tokens behind the interface of `Predictor`: steps, exports, command line."""

import json

import numpy as np
import pytest
import torch

from depthart import cli
from depthart.base_predictor import BasePredictor
from depthart.export.animation import caption_of
from depthart.prediction import PredictionStep


class Steps(BasePredictor):
    """Gives maps of growing slope, one per step; the seed shifts them."""

    def __init__(self, count: int, stochastic: bool = False):
        self.name, self.kind, self.device = "steps", "scale_invariant", torch.device("cpu")
        self.count, self.stochastic, self.runs = count, stochastic, 0

    def _refine(self, photo, sampler):
        self.runs += 1
        for number in range(self.count):
            depth = torch.linspace(1, 2 + number, 32).expand(32, 32) + sampler.seed
            yield PredictionStep.without_tokens(number, depth, 0.1, photo.height, photo.width)


def test_one_step_is_a_prediction(picture):
    predictor = Steps(1)
    (step,) = predictor.refine(picture)
    assert (step.scale, step.side) == (0, 0)
    assert step.indices is step.entropy is step.features is None
    assert step.depth.shape == (64, 96)
    prediction = predictor.predict(picture)
    assert not prediction.refined and len(prediction.steps) == 1
    assert np.array_equal(prediction.at(0).depth, prediction.depth)


def test_an_ensemble_needs_something_random(picture):
    fixed, random = Steps(2), Steps(2, stochastic=True)
    assert fixed.predict(picture, ensemble=3).uncertainty is None and fixed.runs == 1
    prediction = random.predict(picture, ensemble=3)  # seeds 0, 1, 2 shift the map by as much
    np.testing.assert_allclose(prediction.uncertainty, np.std([0, 1, 2]), atol=1e-5)
    np.testing.assert_allclose(prediction.depth, Steps(2).predict(picture).depth + 1, atol=1e-5)


def test_files_of_one_step(picture, tmp_path):
    prediction = Steps(1).predict(picture)
    names = {path.name for path in prediction.save(tmp_path)}
    assert {"depth.npy", "depth_color.png", "cloud.ply", "mesh.glb"} <= names
    assert "refinement.gif" not in names
    assert json.loads((tmp_path / "depth.json").read_text())["scales"] == [
        {"side": 0, "seconds": 0.1, "mean_entropy_nats": None}
    ]
    with pytest.raises(ValueError, match="steps has no scales"):
        prediction.save(tmp_path, ["gif"])
    with pytest.raises(ValueError, match="steps has no scales"):
        prediction.save(tmp_path, scales=True)


def test_files_of_several_steps(picture, tmp_path):
    prediction = Steps(3).predict(picture)
    names = {path.name for path in prediction.save(tmp_path, scales=True)}
    assert {"refinement.gif", "scale_01.png", "scale_03.png"} <= names
    assert caption_of(prediction.steps[1], 3) == "step 2 of 3"


def test_command_line(picture, tmp_path, monkeypatch, capsys):
    picture.save(tmp_path / "photo.png")
    monkeypatch.setattr("depthart.registry.load", lambda name, device: Steps(1))
    arguments = ["predict", str(tmp_path / "photo.png"), "-o", str(tmp_path / "out"), "--seed", "3"]
    assert cli.main(arguments) == 0
    assert "steps has nothing to sample" in capsys.readouterr().err
    assert (tmp_path / "out/photo/depth.npy").is_file()
