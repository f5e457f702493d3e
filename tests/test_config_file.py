"""`--config FILE`: flags win, wrong keys are named, and what a run saved is accepted again."""

import argparse
import json

import pytest
import yaml

from train.config_file import describe_run, parse_arguments
from train.loop import RunConfig
from train.options import add_preset, add_run_arguments, run_config

DEFAULTS = RunConfig(steps=7)


def parser():
    made = argparse.ArgumentParser()
    made.add_argument("-o", "--output", required=True)
    made.add_argument("--objective", choices=["var", "depthart"], default="var")
    made.add_argument("--data", action="append")
    made.add_argument("--samplers", nargs="+", default=["a"])
    made.add_argument("--trunk")
    add_preset(made)
    add_run_arguments(made, DEFAULTS)
    return made


def parse(*arguments):
    return parse_arguments(parser(), [str(a) for a in arguments])


@pytest.mark.parametrize("kind", ["yaml", "json"])
def test_flags_win_over_the_file_and_the_file_over_defaults(kind, tmp_path):
    values = {"batch-size": 4, "lr": "1e-3", "bf16": False, "samplers": ["x", "y"], "data": ["r=1"]}
    path = tmp_path / f"run.{kind}"
    path.write_text(json.dumps(values) if kind == "json" else yaml.safe_dump(values))
    options = parse("-o", "there", "--batch-size", 2, "--config", path, "--bf16")
    run = run_config(options, DEFAULTS)
    assert (run.batch_size, run.lr, run.bf16, run.steps) == (2, 1e-3, True, 7)
    assert options.samplers == ["x", "y"] and options.data == ["r=1"]


def test_a_required_flag_may_stand_in_the_file(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("output: there\n")
    assert parse("--config", path).output == "there"
    with pytest.raises(SystemExit):
        parse()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stepz: 3\nlr: 1\n", "unknown keys: stepz"),
        ("steps: many", "steps cannot be 'many'"),
        ("objective: vae", "choose one of: var, depthart"),
        ("bf16: 3", "bf16 is a switch"),
        ("steps: true", "steps is a value"),
        ("steps: [1, 2]", "steps takes one value"),
        ("- 1", "must map names"),
    ],
)
def test_mistakes_are_named(text, message, tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        parse("-o", "x", "--config", path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.yaml"):
        parse("-o", "x", "--config", tmp_path / "nowhere.yaml")


def test_what_a_run_saved_is_accepted_again(tmp_path):
    options = parse("-o", tmp_path, "--lr", "0.003", "--no-bf16", "--data", "a=1", "--data", "b=2")
    run = run_config(options, DEFAULTS)
    describe_run(tmp_path, run=run, options=vars(options))
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["run"]["seed"] == 0 and record["commit"]
    again = parse("--config", tmp_path / "config.yaml", "-o", "elsewhere")
    assert run_config(again, DEFAULTS) == run
    assert again.data == ["a=1", "b=2"] and again.output == "elsewhere"
    assert record["commit"] in (tmp_path / "config.yaml").read_text()


def test_presets_are_known():
    assert parse("-o", "x", "--preset", "paper").preset == "paper"
    with pytest.raises(SystemExit):
        parse("-o", "x", "--preset", "huge")


def test_a_batch_splits_evenly_or_not_at_all(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert RunConfig(batch_size=8, accumulate=2).part == 2
    with pytest.raises(ValueError, match="batch of 9 does not split into 2 processes"):
        RunConfig(batch_size=9)
    with pytest.raises(ValueError, match="unknown schedule"):
        RunConfig(schedule="triangle")
