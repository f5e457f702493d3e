"""The processes of one run: alone, nothing is imported; several are accelerate's.

`accelerate launch` (or `torchrun`) starts the same command several times and tells each copy its
rank by environment variables. B samples of a step are split evenly: with R processes and A
accumulated parts, every forward pass sees B / (R A) of them.
"""

from __future__ import annotations

import os
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from accelerate import Accelerator

PATIENCE = timedelta(hours=2)  # how long processes wait for the one that evaluates


def rank() -> int:
    """Number of this process in the run, 0 for the one that writes files."""
    return int(os.environ.get("RANK", 0))


def size() -> int:
    """How many processes the run has."""
    return int(os.environ.get("WORLD_SIZE", 1))


def is_main() -> bool:
    return rank() == 0


def wants_fsdp() -> bool:
    """Whether the launcher was told to shard (`accelerate launch --use_fsdp`, or its config)."""
    return os.environ.get("ACCELERATE_USE_FSDP", "false").lower() == "true"


@cache
def accelerator(device_type: str) -> Accelerator | None:
    """The engine that joins the processes; None in a single one."""
    if size() == 1:
        return None
    from accelerate import Accelerator
    from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs

    return Accelerator(
        cpu=device_type == "cpu",
        mixed_precision="no",  # every command has its own autocast, whose scope it knows
        kwargs_handlers=[
            InitProcessGroupKwargs(timeout=PATIENCE),
            # Steps that use the first scales only leave parameters without gradients.
            DistributedDataParallelKwargs(find_unused_parameters=True),
        ],
    )


def wait() -> None:
    """Until all processes are here."""
    if torch.distributed.is_initialized():
        torch.distributed.barrier()


def mean(values: Tensor) -> Tensor:
    """Average over processes, in place."""
    if torch.distributed.is_initialized():
        torch.distributed.all_reduce(values)
        values /= size()
    return values


def total(values: Tensor) -> Tensor:
    """Sum over processes, in place."""
    if torch.distributed.is_initialized():
        torch.distributed.all_reduce(values)
    return values


def from_main(values: Tensor) -> Tensor:
    """Every process gets the main one's values, in place."""
    if torch.distributed.is_initialized():
        torch.distributed.broadcast(values, 0)
    return values


def mean_gradients(module: torch.nn.Module) -> None:
    """Average the gradients of a small module that no engine wraps."""
    for parameter in module.parameters():
        if parameter.grad is not None:
            mean(parameter.grad)
