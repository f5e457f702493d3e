"""Runs as files: `--config FILE` before the flags, and what a run was, written into its folder."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from train import processes

CONFIG_FILE = "config.yaml"  # in the run folder; `--config` reads it again


def parse_arguments(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None
) -> argparse.Namespace:
    """Parse flags, with defaults from `--config FILE` if it is given; flags win.

    Args:
        parser: gets the option `--config`. Keys of the file are its flags' names, with `-` or `_`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is no mapping, or names what is no flag of this command.
    """
    parser.add_argument("--config", type=Path, help="YAML or JSON: values of the flags by name")
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--config", type=Path)
    path = first.parse_known_args(arguments)[0].config
    if path:
        _set_defaults(parser, _values_of(parser, path))
    return parser.parse_args(arguments)


def _set_defaults(parser: argparse.ArgumentParser, values: dict[str, Any]) -> None:
    parser.set_defaults(**values)
    for action in parser._actions:
        if action.dest in values:
            action.required = False


def _values_of(parser: argparse.ArgumentParser, path: Path) -> dict[str, Any]:
    """The file's values, converted and checked as if they had been typed."""
    if not path.is_file():
        raise FileNotFoundError(f"no configuration file at {path}")
    values = _read(path)
    if not isinstance(values, dict):
        raise ValueError(f"{path} must map names of flags to values")
    values = {str(key).replace("-", "_"): value for key, value in values.items()}
    actions = {a.dest: a for a in parser._actions if a.dest not in ("help", "config")}
    if unknown := sorted(set(values) - set(actions)):
        raise ValueError(
            f"{path} has unknown keys: {', '.join(unknown)}; known: {', '.join(sorted(actions))}"
        )
    return {key: _converted(actions[key], value, path) for key, value in values.items()}


def _converted(action: argparse.Action, value: Any, path: Path) -> Any:
    if value is None or isinstance(value, bool):
        if isinstance(value, bool) and action.nargs != 0:
            raise ValueError(f"{path}: {action.dest} is a value, not a switch; got {value}")
        return value
    if action.nargs == 0:
        raise ValueError(f"{path}: {action.dest} is a switch: true or false; got {value!r}")
    several = isinstance(value, list)
    if several and action.nargs is None and not isinstance(action, argparse._AppendAction):
        raise ValueError(f"{path}: {action.dest} takes one value, got {value!r}")
    converted = []
    for item in value if several else [value]:
        try:
            item = action.type(str(item)) if action.type else str(item)
        except ValueError as error:
            raise ValueError(f"{path}: {action.dest} cannot be {item!r}") from error
        if action.choices is not None and item not in action.choices:
            known = ", ".join(map(str, action.choices))
            raise ValueError(f"{path}: {action.dest} is {item!r}; choose one of: {known}")
        converted.append(item)
    return converted if several else converted[0]


def _read(path: Path) -> Any:
    text = path.read_text("utf-8")
    if path.suffix == ".json":
        return json.loads(text)
    import yaml

    return yaml.safe_load(text)


def describe_run(folder: Path, **parts: Any) -> None:
    """Leave in a run folder what made it, if this is the process that writes.

    `run.json` holds the command line, git commit, torch version and all `parts`; `config.yaml` the
    resolved flags (of the part `options`), as `--config` accepts them, with the commit on top.
    """
    if not processes.is_main():
        return
    folder.mkdir(parents=True, exist_ok=True)
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    import torch

    record = {"command": sys.argv, "commit": commit, "torch": torch.__version__}
    for name, part in parts.items():
        record[name] = asdict(part) if is_dataclass(part) else part
    (folder / "run.json").write_text(json.dumps(record, indent=2, default=str) + "\n")
    if "options" in parts:
        import yaml

        flags = {k: v for k, v in parts["options"].items() if k != "config" and v is not None}
        plain = json.loads(json.dumps(flags, default=str))
        head = f"# commit {commit or 'unknown'}, torch {torch.__version__}\n"
        (folder / CONFIG_FILE).write_text(head + yaml.safe_dump(plain, sort_keys=True))
