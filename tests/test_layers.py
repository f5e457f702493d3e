"""Which file may import which: arrows point one way, and importing changes nothing.

The rules are read from the source with `ast`, so that they hold for imports inside functions too.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]

# From the leaves up. A module may import from its own layer and from those before it; within a
# layer, imports at the top of the file must not form a circle.
LAYERS: tuple[frozenset[str], ...] = tuple(
    frozenset(names.split())
    for names in (
        "attention scales images normalize geometry sampling checkpoints visualize fetch trunks"
        " space sharpen",
        "quantizer transformer pointcloud prediction export align metrics plane_metrics"
        " boundary_metrics official_files",
        "vqvae encoder config base_predictor",
        "model",
        "predictor official download baselines",
        "registry tokens checkpoint_info",
        "__init__",  # the front: what `depthart.load` and the other public names come from
        "cli app",
        "__main__",
    )
)
# What a network is made of: tensors in, tensors out.
MODEL_FILES = frozenset(
    "attention scales normalize sampling quantizer transformer vqvae trunks encoder config"
    " model".split()
)
FORBIDDEN_IN_MODEL_FILES = frozenset(
    "gradio argparse PIL cv2 pathlib os plotly trimesh transformers huggingface_hub".split()
)
# Slow to import or absent on a server: only inside the function that uses them.
HEAVY = frozenset("gradio plotly trimesh transformers cv2 matplotlib spaces".split())
MAX_LINES = 320


class Import(NamedTuple):
    """One imported module, e.g. `depthart.model`, and whether importing the file triggers it."""

    module: str
    at_top: bool


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def is_file(module: str) -> bool:
    path = ROOT.joinpath(*module.split("."))
    return path.with_suffix(".py").exists() or path.is_dir()


def imports_of(path: Path) -> list[Import]:
    """All imports of a file, without those for type checkers alone; relative ones resolved."""
    package = path.relative_to(ROOT).parent.parts

    def walk(node: ast.AST, at_top: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            if isinstance(child, ast.Import):
                yield from (Import(alias.name, at_top) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = package[: len(package) - child.level + 1] if child.level else ()
                module = ".".join([*base, *filter(None, [child.module])])
                for name in (f"{module}.{alias.name}" for alias in child.names):
                    # `from depthart import model` is of a file, `from depthart import load` not.
                    yield Import(name if is_file(name) else module, at_top)
            else:
                inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                yield from walk(child, at_top and not inside)

    return list(walk(ast.parse(path.read_text("utf-8")), True))


def part_of(module: str) -> str | None:
    """The part of the package that a module belongs to: `depthart.app.ui` is of `app`."""
    names = module.split(".")
    if names[0] != "depthart":
        return None
    return names[1] if len(names) > 1 else "__init__"


def part_of_file(path: Path) -> str:
    return path.relative_to(ROOT / "depthart").parts[0].removesuffix(".py")


def parts() -> dict[str, list[Path]]:
    """Files of the package by part; a subpackage is one part."""
    found: dict[str, list[Path]] = {}
    for path in python_files("depthart"):
        found.setdefault(part_of_file(path), []).append(path)
    return found


def layer_of(part: str) -> int:
    return next(index for index, names in enumerate(LAYERS) if part in names)


@pytest.mark.parametrize("part", parts())
def test_every_part_has_its_layer(part):
    assert any(part in names for names in LAYERS), (
        f"depthart/{part} is new: give it a layer in {Path(__file__).name}"
    )


@pytest.mark.parametrize("part", parts())
def test_imports_point_down(part):
    for path in parts()[part]:
        for module, _ in imports_of(path):
            other = part_of(module)
            if other is not None:
                assert layer_of(other) <= layer_of(part), f"{path.name} imports {module} from above"


def test_no_circles_at_import():
    """Python would raise on some of them, depending on which file is imported first."""
    arrows = {
        part: {
            other
            for path in files
            for module, at_top in imports_of(path)
            if at_top and (other := part_of(module)) in parts() and other != part
        }
        for part, files in parts().items()
    }
    while arrows:
        free = [part for part, others in arrows.items() if not others & arrows.keys()]
        assert free, f"a circle among {sorted(arrows)}"
        for part in free:
            del arrows[part]


@pytest.mark.parametrize("path", python_files("depthart"), ids=lambda path: path.stem)
def test_the_package_knows_nothing_of_training_or_tests(path):
    for module, _ in imports_of(path):
        assert module.split(".")[0] not in {"train", "tests", "app", "benchmarks"}, module


@pytest.mark.parametrize("path", python_files("train"), ids=lambda path: path.stem)
def test_training_knows_nothing_of_the_interface(path):
    for module, _ in imports_of(path):
        assert part_of(module) not in {"app", "cli"} and module.split(".")[0] != "gradio", module


@pytest.mark.parametrize("name", sorted(MODEL_FILES & parts().keys()))
def test_model_files_are_about_tensors(name):
    for module, _ in imports_of(ROOT / "depthart" / f"{name}.py"):
        assert module.split(".")[0] not in FORBIDDEN_IN_MODEL_FILES, module


@pytest.mark.parametrize("path", python_files("depthart"), ids=lambda path: path.stem)
def test_heavy_imports_wait(path):
    if part_of_file(path) == "app":
        pytest.skip("the interface is imported only to be shown")
    for module, at_top in imports_of(path):
        assert not (at_top and module.split(".")[0] in HEAVY), f"{module} at the top of the file"


@pytest.mark.parametrize("path", python_files("depthart", "train"), ids=lambda path: path.stem)
def test_files_stay_short(path):
    lines = path.read_text("utf-8").count("\n")
    assert lines <= MAX_LINES, f"{path.relative_to(ROOT)} has {lines} lines: one concept per file?"


def run_python(code: str, cwd: Path) -> str:
    """Run code in a fresh interpreter with the repository importable; return what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_importing_the_package_is_light(tmp_path):
    heavy = HEAVY | {"torch", "numpy", "PIL", "huggingface_hub", "safetensors"}
    code = f"import sys, depthart; print([m for m in {sorted(heavy)} if m in sys.modules])"
    assert run_python(code, tmp_path).strip() == "[]"


@pytest.mark.skipif("cli" not in parts(), reason="there is no command line yet")
def test_help_is_light(tmp_path):
    code = (
        "import runpy, sys\n"
        "sys.argv = ['depthart', '--help']\n"
        "try: runpy.run_module('depthart', run_name='__main__')\n"
        "except SystemExit as done: assert not done.code, done.code\n"
        "print('torch' in sys.modules, 'gradio' in sys.modules)"
    )
    assert run_python(code, tmp_path).splitlines()[-1] == "False False"


def test_importing_has_no_effects(tmp_path):
    """No file written, nothing printed, no switch of torch or of random state turned."""
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in python_files("depthart")
        if path.name != "__main__.py" and part_of_file(path) != "app"
    ]
    code = (
        "import importlib, random, torch, numpy as np\n"
        "def state():\n"
        "    return (torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_num_threads(),\n"
        "            torch.initial_seed(), torch.backends.cudnn.benchmark,\n"
        "            torch.nn.Linear.reset_parameters, torch.get_float32_matmul_precision(),\n"
        "            random.getstate(), np.random.get_state()[1].tolist())\n"
        "before = state()\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "assert state() == before"
    )
    assert run_python(code, tmp_path) == ""
    assert list(tmp_path.iterdir()) == []
