"""What README.md says is true: commands, files, front matter and the five lines of Python."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

import depthart
from depthart.cli import build_parser

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
_, FRONT, BODY = README.split("---\n", 2)


def between(marker: str) -> str:
    """The text between <!-- marker --> and <!-- /marker -->, each of which occurs once."""
    found = re.findall(rf"<!-- {marker} -->\n(.*?)<!-- /{marker} -->", BODY, re.DOTALL)
    assert len(found) == 1, f"README.md has {len(found)} parts marked {marker}"
    return found[0]


def code(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def requirements(path: Path) -> list[str]:
    """Requirement lines of a file and of the files it includes."""
    lines = []
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("-r "):
            lines += requirements(path.parent / line[3:].strip())
        elif line and not line.startswith("#"):
            lines.append(line)
    return lines


def test_front_matter_is_what_spaces_expect():
    front = yaml.safe_load(FRONT)
    assert front["sdk"] == "gradio"
    assert (ROOT / front["app_file"]).is_file()
    assert len(front["short_description"]) <= 60
    assert front["license"] == "mit" and (ROOT / "LICENSE").read_text().startswith("MIT License")
    colours = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {front["colorFrom"], front["colorTo"]} <= colours
    known = {"title", "emoji", "colorFrom", "colorTo", "sdk", "sdk_version", "python_version"}
    known |= {"app_file", "short_description", "license", "tags", "models", "datasets", "pinned"}
    known |= {"thumbnail", "suggested_hardware", "fullWidth", "header", "preload_from_hub"}
    assert front.keys() <= known


def test_space_versions_fit_the_requirements():
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    front = yaml.safe_load(FRONT)
    wanted = {r.name: r for r in map(Requirement, requirements(ROOT / "requirements.txt"))}
    assert wanted["gradio"].specifier.contains(str(front["sdk_version"]))
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    python = re.search(r'^requires-python = "(.+)"$', project, re.MULTILINE)[1]
    assert isinstance(front["python_version"], str), "3.10 without quotes is the number 3.1"
    assert SpecifierSet(python).contains(front["python_version"])
    # ZeroGPU Spaces offer these and no others.
    assert front["python_version"] in {"3.10", "3.12", "3.10.13", "3.12.12"}
    assert f'version = "{depthart.__version__}"' in project


@pytest.mark.parametrize("marker", ["app-command", "test-command"])
def test_both_commands_are_one_line_and_their_files_exist(marker):
    (block,) = code(between(marker), "bash")
    (command,) = block.splitlines()
    steps = [shlex.split(step) for step in command.split("&&")]
    assert steps[0] == ["python3", "-m", "venv", ".venv"]
    for step in steps[1:]:
        assert step[0].startswith(".venv/bin/")
        for name in step[1:]:
            if name.endswith((".txt", ".py")):
                assert (ROOT / name).is_file(), name


def test_ci_runs_the_test_command():
    """The extraction in .ci/run finds what this file finds."""
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    extraction = re.search(r"^command=\$\((.*?)\)$", script, re.DOTALL | re.MULTILINE)[1]
    done = subprocess.run(
        ["bash", "-c", extraction], cwd=ROOT, capture_output=True, text=True, check=True
    )
    (block,) = code(between("test-command"), "bash")
    assert done.stdout.strip() == block.strip()
    assert block.strip().endswith("pytest")


def test_requirements_cover_what_the_user_fixed():
    names = {re.split(r"[<>=!~\[ ]", line)[0] for line in requirements(ROOT / "requirements.txt")}
    assert names == set(
        "torch gradio plotly numpy pillow trimesh opencv-python huggingface-hub safetensors "
        "pytest".split()
    )


def mentioned_files() -> set[str]:
    """Local targets of links and pictures, and paths in code spans that name a file or folder."""
    text = re.sub(r"^```.*?^```$", "", BODY, flags=re.DOTALL | re.MULTILINE)
    targets = re.findall(r"\]\(([^)#]+?)\)", text)
    targets += re.findall(r'(?:src|srcset)="([^"]+)"', text)
    spans = re.findall(r"`([\w.-]+/[\w./-]*)`", text)
    targets += [span for span in spans if (ROOT / span.split("/")[0]).is_dir()]
    return {target for target in targets if "://" not in target}


def test_mentioned_files_exist():
    downloaded = "checkpoints/depthart-paper/"  # not bundled
    targets = mentioned_files() - {downloaded}
    assert {"LICENSE", "assets/figures/method.png"} <= targets
    assert not [target for target in targets if not (ROOT / target).exists()]


def test_mentioned_modules_exist():
    modules = set(re.findall(r"python -m ([\w.]+)", BODY)) - {"venv", "pytest"}
    assert "depthart" in modules
    assert not [name for name in modules if importlib.util.find_spec(name) is None]


def test_mentioned_commands_parse():
    lines = [line for block in code(BODY, "bash") for line in block.splitlines()]
    commands = [line for line in lines if line.startswith("python -m depthart")]
    assert len(commands) >= 5
    for command in commands:
        build_parser().parse_args(shlex.split(command, comments=True)[3:])


def test_the_five_lines_run(tiny_predictor, picture, monkeypatch, tmp_path):
    """With the bundled model where it is, else with a tiny one of random weights."""
    (block,) = code(between("api"), "python")
    assert len([line for line in block.splitlines() if line]) == 5
    monkeypatch.chdir(tmp_path)
    picture.save("photo.jpg")
    if not (ROOT / "checkpoints" / "depthart-small").is_dir():
        monkeypatch.setattr(depthart, "load", lambda name: tiny_predictor, raising=False)
    names: dict = {}
    exec(compile(block, "README.md", "exec"), names)
    size = (picture.height, picture.width)
    assert [depth.shape for depth in names["depths"]] == [size] * 10
    assert names["prediction"].depth.shape == size
    written = {path.name for path in (tmp_path / "out").rglob("*") if path.is_file()}
    for name in re.findall(r"^\| (`.*?) \|", BODY, re.MULTILINE):
        assert set(re.findall(r"`([\w.]+)`", name)) <= written, name


def test_it_says_which_depthart_this_is():
    assert "2409.15010" in BODY and "Scaling Foundation Monocular Depth to Tiny Models" in BODY


def test_results_have_their_place():
    assert between("results").strip()
