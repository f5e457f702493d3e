"""A model without tokens goes through every tab."""

from types import SimpleNamespace

import numpy as np
import pytest

from depthart.app import ensemble, handlers, outputs, pyramid_tab, scene, truth
from depthart.app.scene import CloudSettings
from depthart.app.state import Look
from depthart.app.truth import Truth
from tests.app_models import MadeUp
from tests.app_sessions import photo, session

__all__ = ["photo", "session"]  # fixtures
PHOTO_SIZE = 120, 90  # maps of the session have it, too


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
    (panel,) = pyramid_tab.panels(ui)
    note, row, *_ = panel.draw(session, "pyramid", 1, "spectral", False)
    assert "predicts depth directly" in note["value"] and row["visible"] is False
    same = ensemble.gather(session, lambda *a: iter([np.ones((4, 4), np.float32)] * 2), [])
    assert [e.spread.max() for e in same] == [0, 0]
