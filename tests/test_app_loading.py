"""Models of the app: loaded once, told when missing."""

from depthart.app.models import Models


def test_a_missing_model_is_told_and_the_app_starts():
    from depthart.app.ui import build

    problem = Models("no-such-model").problem()
    assert "no-such-model" in problem
    values = [getattr(block, "value", None) for block in build("no-such-model").blocks.values()]
    assert any("No model yet" in str(value) for value in values)


def test_models_are_loaded_once(monkeypatch, tiny_predictor):
    import depthart.registry

    calls = []
    monkeypatch.setattr(
        depthart.registry, "load", lambda name: calls.append(name) or tiny_predictor
    )
    models = Models("depthart-small")
    assert models.get("depthart-small") is models.get("depthart-small") is tiny_predictor
    assert calls == ["depthart-small"] and models.problem() == ""
    assert models.names()[0] == "depthart-small"
