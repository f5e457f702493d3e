"""Models for the app's tests: made-up ones of every kind, offered beside the real list."""

import numpy as np
import torch

import depthart.registry
from depthart.base_predictor import BasePredictor
from depthart.checkpoints import CheckpointError
from depthart.prediction import PredictionStep
from depthart.registry import ModelInfo


class MadeUp(BasePredictor):
    """A slanted scene with a box, as seen by a model of some kind; several steps if wished.

    After its first step it waits for `gate`, so that a visitor can press Stop.
    """

    def __init__(self, name, kind, factor=1.0, shift=0.0, steps=1, gate=None):
        self.name, self.kind, self.device = name, kind, torch.device("cpu")
        self.factor, self.shift, self.steps, self.gate = factor, shift, steps, gate

    def _refine(self, photo, sampler):
        for step in range(self.steps):
            if step and self.gate is not None:
                self.gate.wait(timeout=60)
            depth = scene_depth()
            values = 1 / depth if self.kind == "disparity" else depth
            values = np.float32(self.factor) * values + np.float32(self.shift)
            yield PredictionStep.without_tokens(step, values, 0.01, photo.height, photo.width)


class Seeing:
    """A predictor with all its tokens, whose scales show the made-up scene ever less slanted."""

    def __init__(self, predictor):
        self._predictor = predictor

    def __getattr__(self, name):
        return getattr(self._predictor, name)

    def refine(self, *args, **kwargs):
        for step in self._predictor.refine(*args, **kwargs):
            slant = np.linspace(1, 1 + 0.5 / (1 + step.scale), 64, dtype=np.float32)
            step.decode = lambda slant=slant: scene_depth() * slant
            yield step


def scene_depth(side=64):
    """(side, side) float32: a floor that rises to a wall, and a box before it."""
    rows = np.linspace(0, 1, side, dtype=np.float32)[:, None]
    depth = np.repeat(np.minimum(1.0, 0.5 / np.maximum(rows, 0.5) + 0.1), side, axis=1)
    depth[side // 4 : side // 2, side // 4 : side // 2] = 0.6
    return depth


def info(name, kind="scale_invariant", available=True, reason="", size_mb=3.0, family="baseline"):
    return ModelInfo(name, kind, available, reason, size_mb, "MIT", f"{name} for tests", family)


def offer(monkeypatch, predictors, *others):
    """Let `depthart.list_models` and `depthart.load` know these predictors and `others`."""
    by_name = {predictor.name: predictor for predictor in predictors}
    infos = [info(name, predictor.kind) for name, predictor in by_name.items()] + list(others)

    def load(name, *args, **kwargs):
        if name not in by_name:
            raise CheckpointError(f"{name} is not downloaded")
        return by_name[name]

    # The package's front looks names up in the registry each time.
    monkeypatch.setattr(depthart.registry, "list_models", lambda: infos)
    monkeypatch.setattr(depthart.registry, "load", load)
    return infos
