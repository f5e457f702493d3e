"""What a run must not lose: averaged weights, and a state file that is either old or new.

`state.pt` holds whole tensors under their plain names, however many processes trained them, so that
a run may go on with other hardware. Random state, schedule and data position are functions of the
seed and the step, both of which are in it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from train import processes
from train.engine import Engine


class Stateful(Protocol):
    """Anything else that a resumed run needs: counts of codes, a discriminator, ..."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> object: ...


class Ema:
    """Exponential moving average of a module's parameters, warmed up over the first steps."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.shadow = {k: v.detach().clone() for k, v in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        averaged, current = [], []
        for key, value in module.state_dict().items():
            if value.is_floating_point():
                averaged.append(_local(self.shadow[key]))
                current.append(_local(value))
            else:
                self.shadow[key].copy_(value)
        torch._foreach_lerp_(averaged, current, 1 - decay)  # one kernel for many tensors


def save(
    path: Path,
    engine: Engine,
    optimizer: torch.optim.Optimizer,
    ema: Ema,
    extras: Mapping[str, Stateful],
    step: int,
    seed: int,
) -> None:
    """Write the state after `step` steps; all processes take part, the main one writes.

    A reader finds the former state or this one, whole, whenever the process dies.
    """
    state = {
        "step": step,
        "seed": seed,
        "module": engine.whole(engine.module.state_dict()),
        "optimizer": engine.optimizer_state(optimizer),
        "ema": engine.whole(ema.shadow),
        "extras": {name: part.state_dict() for name, part in extras.items()},
    }
    if processes.is_main():
        temporary = path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    processes.wait()


def resume(
    path: Path,
    engine: Engine,
    optimizer: torch.optim.Optimizer,
    ema: Ema,
    extras: Mapping[str, Stateful],
    seed: int,
) -> int:
    """Put a saved state in place, if there is one, and return the step to go on with."""
    if not path.is_file():
        return 0
    state = torch.load(path, weights_only=True, map_location=engine.device)
    engine.load_module(state["module"])
    engine.load_optimizer(optimizer, state["optimizer"])
    ema.shadow = engine.shards(state["ema"])
    for name, part in extras.items():
        if name in state.get("extras", {}):
            part.load_state_dict(state["extras"][name])
    if processes.is_main():
        print(f"resuming {path} at step {state['step']}", file=sys.stderr)
        if state.get("seed", seed) != seed:
            print(f"its seed was {state['seed']}; from here on {seed}", file=sys.stderr)
    return state["step"]


def _local(value: Tensor) -> Tensor:
    return value.to_local() if hasattr(value, "to_local") else value
