"""`RunConfig` as command-line arguments."""

from __future__ import annotations

import argparse
from dataclasses import fields, replace

from train.loop import RunConfig


def add_run_arguments(parser: argparse.ArgumentParser, defaults: RunConfig) -> None:
    """One option per scalar field of `RunConfig`."""
    group = parser.add_argument_group("run")
    for field in fields(RunConfig):
        value = getattr(defaults, field.name)
        name = "--" + field.name.replace("_", "-")
        if isinstance(value, bool):
            group.add_argument(name, action=argparse.BooleanOptionalAction, default=value)
        elif isinstance(value, int | float | str):
            group.add_argument(name, type=type(value), default=value, help=f"default {value}")


def run_config(options: argparse.Namespace, defaults: RunConfig) -> RunConfig:
    """The arguments back as a `RunConfig`."""
    names = [field.name for field in fields(RunConfig) if hasattr(options, field.name)]
    return replace(defaults, **{name: getattr(options, name) for name in names})
