"""`RunConfig` and the preset as command-line arguments."""

from __future__ import annotations

import argparse
from dataclasses import fields, replace

from depthart.config import PRESETS
from train.config_file import parse_arguments
from train.loop import RunConfig

__all__ = ["add_preset", "add_run_arguments", "parse_arguments", "run_config"]


def add_preset(parser: argparse.ArgumentParser) -> None:
    """`--preset tiny|small|paper`; `tiny-vq`, `small-vq`: with the paper's image tokens."""
    parser.add_argument(
        "--preset", choices=sorted(PRESETS), default="small", help="sizes; default small"
    )


def add_run_arguments(parser: argparse.ArgumentParser, defaults: RunConfig) -> None:
    """One option per field of `RunConfig`, and `--dry-run`."""
    group = parser.add_argument_group("run")
    for field in fields(RunConfig):
        value = getattr(defaults, field.name)
        name = "--" + field.name.replace("_", "-")
        if isinstance(value, bool):
            group.add_argument(name, action=argparse.BooleanOptionalAction, default=value)
        elif isinstance(value, int | float | str):
            group.add_argument(name, type=type(value), default=value, help=f"default {value}")
        elif isinstance(value, tuple):
            shown = " ".join(map(str, value))
            group.add_argument(
                name, nargs=len(value), type=type(value[0]), default=value, help=f"default {shown}"
            )
    group.add_argument(
        "--dry-run",
        action="store_true",
        help="print parameters, memory and FLOPs of a step, and stop; needs no data",
    )


def run_config(options: argparse.Namespace, defaults: RunConfig) -> RunConfig:
    """The arguments back as a `RunConfig`."""
    names = [field.name for field in fields(RunConfig) if hasattr(options, field.name)]
    values = {name: getattr(options, name) for name in names}
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return replace(defaults, **values | lists)
