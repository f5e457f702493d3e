"""The recipes' commands exist, their flags are known, and the paper's configuration fits 4 GPUs."""

import importlib
import os
import re
import subprocess
from pathlib import Path

import pytest

from depthart.baselines import FAMILIES
from train import autoregressive
from train.options import parse_arguments, run_config

RECIPES = Path(__file__).resolve().parents[1] / "train/recipes"
SCRIPTS = sorted(RECIPES.glob("*.sh"))


def commands(script: Path) -> list[tuple[str, set[str]]]:
    """(module, flags) of every `-m train.X` in a script, arrays of flags expanded."""
    text = script.read_text().replace("\\\n", " ")
    arrays = dict(re.findall(r"^(\w+)=\((.*)\)", text, re.M))
    arrays |= dict(re.findall(r"&& (\w+)=\((.*)\)", text))
    found = []
    for line in text.splitlines():
        for module, rest in re.findall(r"-m (train(?:\.\w+)+)(.*)", line):
            for _ in range(2):  # data holds real
                rest = re.sub(r'"\$\{(\w+)\[@\]\}"', lambda m: arrays.get(m[1], ""), rest)
            found.append((module, set(re.findall(r"(?<![\w\"-])--[a-z][a-z-]*", rest))))
    return found


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_flags_of_recipes_are_known(script, capsys):
    found = commands(script)
    assert len(found) >= 2
    for module, flags in found:
        command = importlib.import_module(module)
        if hasattr(command, "__path__"):
            command = importlib.import_module(f"{module}.__main__")
        with pytest.raises(SystemExit):
            command.main(["--help"])
        known = set(re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out))
        assert flags <= known, f"{script.name}: {module} has no {flags - known}"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_recipes_are_bash(script):
    subprocess.run(["bash", "-n", script], check=True)


def test_the_laptop_recipe_starts_every_baseline(tmp_path):
    """With a Python that only notes what it is told: the VQ-VAE goes to DiT-depth alone."""
    told = tmp_path / "told"
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "$@" >> {told}\n')
    python.chmod(0o755)
    families = [name for name in FAMILIES if name != "dpt_metric"]
    environment = {"OUT": str(tmp_path), "PYTHON": str(python), "BASELINES": " ".join(families)}
    script = RECIPES / "laptop.sh"
    subprocess.run(["bash", script], check=True, env={**os.environ, **environment})
    lines = [text.split() for text in told.read_text().splitlines() if "train.baseline" in text]
    assert [line[line.index("--model") + 1] for line in lines] == families
    assert [name for name, line in zip(families, lines, strict=True) if "--vqvae" in line] == [
        "dit"
    ]


def test_the_papers_configuration(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    flags = ["-o", "x", "--config", str(RECIPES / "paper.yaml")]
    run = run_config(
        parse_arguments(autoregressive.make_parser(), flags), autoregressive.DEFAULTS
    )
    assert run.part == 4 and run.lr == 1e-4 and run.betas == (0.9, 0.999)
    assert run.weight_decay == 0.01 and (run.schedule, run.lr_every, run.lr_gamma) == (
        "step",
        10_000,
        0.8,
    )
