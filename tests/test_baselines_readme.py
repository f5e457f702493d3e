"""The README's example of a new baseline is all that it takes: one file, one line."""

import re
import sys
import types
from pathlib import Path

import pytest

import depthart
from depthart import baselines, registry
from tests.floors import write_floors
from train import baseline, evaluate

README = Path(baselines.__file__).with_name("README.md").read_text("utf-8")


def block(name):
    """What stands in the code block after a marker."""
    return re.search(rf"<!-- {name}.*?-->\n```python\n(.*?)```", README, re.DOTALL).group(1)


@pytest.fixture
def family(monkeypatch):
    """The example, installed as the README says; without touching the repository."""
    module = types.ModuleType("depthart.baselines.tiny_unet")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(block("example"), module.__dict__)
    line = eval("{" + block("line") + "}")  # a dictionary's line
    monkeypatch.setitem(baselines.FAMILIES, *next(iter(line.items())))
    opener = "depthart.baselines.predictor:BaselinePredictor"
    monkeypatch.setitem(registry.OPENERS, next(iter(line)), opener)  # made of FAMILIES on import
    return next(iter(line))


def test_the_example_is_short():
    assert block("example").strip().count("\n") < 36
    assert block("line").strip().count("\n") == 0


def test_it_trains_opens_and_is_compared(family, tmp_path, monkeypatch, picture):
    data = str(write_floors(tmp_path / "data", count=3))
    run = ["--steps", "2", "--batch-size", "2", "--warmup", "1", "--set", "image_size=64"]
    folder = tmp_path / "run"
    baseline.main(["-o", str(folder), "--model", family, "--rendered", data, *run])
    predictor = depthart.load(folder / "model", device="cpu")
    prediction = predictor.predict(picture)
    assert prediction.depth.shape == (64, 96) and prediction.kind == "scale_invariant"
    (tmp_path / "checkpoints").mkdir()
    (folder / "model").rename(tmp_path / "checkpoints/tiny-unet")
    monkeypatch.setattr(registry, "CHECKPOINTS", tmp_path / "checkpoints")
    assert [info.name for info in depthart.list_models() if info.available] == ["tiny-unet"]
    evaluate.main(["-o", str(tmp_path), "--models", "all", "--held-out", data, "--limit", "2"])
    assert '"method": "tiny-unet"' in (tmp_path / "results.jsonl").read_text()


def test_families_of_the_readme_are_those_of_the_table():
    for name, where in baselines.FAMILIES.items():
        module = where.partition(":")[0].rpartition(".")[2]
        assert f"`{module}.py`" in README, name
