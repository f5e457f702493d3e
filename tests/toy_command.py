"""A training command on numbers, which the tests start in processes of its own.

A small model with a frozen part and a part that some steps do not use; row i of its data depends on
i alone.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from train.loop import Loader, RunConfig, device_of, fit
from train.options import add_run_arguments, parse_arguments, run_config

DEFAULTS = RunConfig(
    steps=12, batch_size=8, lr=0.05, warmup=2, log_every=1, save_every=4, device="cpu"
)


def main(arguments: list[str], environment: dict[str, str]) -> None:
    """Args: environment: what a launcher would have set for this process."""
    os.environ.update(environment)
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--pause", type=float, default=0, help="seconds of each step")
    add_run_arguments(parser, DEFAULTS)
    options = parse_arguments(parser, arguments)
    run = run_config(options, DEFAULTS)
    device_of(run)
    torch.manual_seed(run.seed)
    module = nn.ModuleDict({
        "first": nn.Linear(5, 7),
        "second": nn.Linear(7, 3),
        "sometimes": nn.Linear(7, 3),
        "frozen": nn.Linear(3, 3).requires_grad_(False),
    })  # fmt: skip

    def rows(number: int) -> Tensor:
        numbers = range(number * run.part, (number + 1) * run.part)
        seeds = [torch.Generator().manual_seed(i) for i in numbers]
        return torch.stack([torch.randn(5, generator=seed) for seed in seeds])

    loader = Loader(rows, run)

    def loss_of_step(step: int) -> tuple[Tensor, dict[str, float]]:
        x = loader(step)
        hidden = torch.tanh(module["first"](x))
        y = module["second"](hidden)
        if torch.rand(()) < 0.5:
            y = y + module["sometimes"](hidden)
        time.sleep(options.pause)
        return (module["frozen"](y) - x[:, :3]).square().mean(), {"rows": float(len(x))}

    def publish(weights: dict[str, Tensor], step: int) -> None:
        torch.save(weights, options.output / "weights.pt")

    def evaluate() -> dict[str, float]:
        return {"bias": module["second"].bias.sum().item()}

    fit(module, loss_of_step, run, options.output, publish=publish, evaluate=evaluate)


def transformer(arguments: list[str], environment: dict[str, str]) -> None:
    """The real command instead."""
    os.environ.update(environment)
    torch.set_num_threads(1)
    from train import autoregressive

    autoregressive.main(arguments)
