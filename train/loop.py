"""One training loop for every script: AdamW, cosine schedule, EMA, bf16, logs, atomic resume."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from depthart.registry import resolve_device

T = TypeVar("T")


@dataclass(frozen=True)
class RunConfig:
    """How long and how fast; the same for all scripts."""

    steps: int = 1000
    batch_size: int = 16
    lr: float = 1e-4
    lr_end: float = 0.05  # share of `lr` left at the end of the cosine
    warmup: int = 100  # steps
    weight_decay: float = 1e-2
    betas: tuple[float, float] = (0.9, 0.99)
    clip: float = 1.0  # gradient norm
    ema: float = 0.998
    seed: int = 0
    log_every: int = 20
    save_every: int = 200
    bf16: bool = True
    device: str = "auto"  # CUDA if there is one, else the CPU


class Ema:
    """Exponential moving average of a module's parameters, warmed up over the first steps."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.shadow = {k: v.detach().clone() for k, v in module.state_dict().items()}

    def update(self, module: nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        for key, value in module.state_dict().items():
            if value.is_floating_point():
                self.shadow[key].lerp_(value.detach(), 1 - decay)
            else:
                self.shadow[key].copy_(value)


def fit(
    module: nn.Module,
    loss_of_step: Callable[[int], tuple[Tensor, dict[str, float]]],
    config: RunConfig,
    folder: Path,
    groups: list[dict[str, Any]] | None = None,
    after_step: Callable[[int], None] | None = None,
    publish: Callable[[dict[str, Tensor], int], None] | None = None,
    evaluate: Callable[[], dict[str, float]] | None = None,
) -> dict[str, Tensor]:
    """Train until `config.steps`, resuming from `folder/state.pt` if it exists.

    Args:
        module: what is trained, saved and averaged.
        loss_of_step: forward pass of step n on batch n -> (loss, numbers to log). It must depend on
            n and the weights alone, so that a resumed run is the uninterrupted one.
        groups: parameter groups with their own `lr_scale`; default all of `module`.
        after_step: called after each optimiser step.
        publish: called with the averaged weights whenever the state is saved, and at the end.
        evaluate: called with the averaged weights in place whenever the state is saved.

    Returns:
        The averaged weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    groups = groups or [{"params": [p for p in module.parameters() if p.requires_grad]}]
    scales = [group.pop("lr_scale", 1.0) for group in groups]
    optimizer = torch.optim.AdamW(
        groups, lr=config.lr, betas=config.betas, weight_decay=config.weight_decay
    )
    ema = Ema(module, config.ema)
    first = _resume(folder / "state.pt", module, optimizer, ema)
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    log = (folder / "log.jsonl").open("a")
    sums: dict[str, float] = {}
    started = last_log = time.perf_counter()
    module.train()
    for step in range(first, config.steps):
        for group, scale in zip(optimizer.param_groups, scales, strict=True):
            group["lr"] = learning_rate(config, step) * scale
        torch.manual_seed(config.seed * 1_000_003 + step)
        loss, report = loss_of_step(step)
        if not torch.isfinite(loss):
            raise FloatingPointError(f"loss is {loss.item()} at step {step}; see {folder}")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        report["norm"] = float(nn.utils.clip_grad_norm_(parameters, config.clip))
        optimizer.step()
        ema.update(module, step)
        if after_step:
            after_step(step)
        for key, value in {"loss": loss.item(), **report}.items():
            sums[key] = sums.get(key, 0.0) + float(value)
        done = step + 1
        if done % config.log_every == 0 or done == config.steps:
            now = time.perf_counter()
            count = (done - 1) % config.log_every + 1
            line = {key: round(value / count, 5) for key, value in sums.items()}
            rate = (done - first) / (now - started)
            line |= {
                "step": done,
                "lr": learning_rate(config, step),
                "samples_per_s": round(count * config.batch_size / (now - last_log), 2),
                "minutes_left": round((config.steps - done) / rate / 60, 1),
            }
            print(json.dumps(line), file=log, flush=True)
            print(_readable(line, config.steps), file=sys.stderr, flush=True)
            sums, last_log = {}, now
        if done % config.save_every == 0 or done == config.steps:
            _save(folder / "state.pt", module, optimizer, ema, done)
            if publish:
                publish(ema.shadow, done)
            if evaluate:
                _evaluate(module, ema, evaluate, done, log)
    log.close()
    return ema.shadow


def learning_rate(config: RunConfig, step: int) -> float:
    """Linear warm-up, then half a cosine down to `lr_end`."""
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    progress = (step - config.warmup) / max(1, config.steps - config.warmup)
    cosine = (1 + math.cos(math.pi * min(progress, 1))) / 2
    return config.lr * (config.lr_end + (1 - config.lr_end) * cosine)


def prefetch(make: Callable[[int], T], first: int, last: int, ahead: int = 2) -> Iterator[T]:
    """make(first), ..., make(last - 1), the next ones prepared in a thread."""
    with ThreadPoolExecutor(1) as pool:
        waiting = [pool.submit(make, n) for n in range(first, min(first + ahead, last))]
        for n in range(first, last):
            if n + ahead < last:
                waiting.append(pool.submit(make, n + ahead))
            yield waiting.pop(0).result()


class Prefetched:
    """`prefetch` for callers that name the number they want, in order."""

    def __init__(self, make: Callable[[int], T], last: int) -> None:
        self._make, self._last = make, last
        self._iterator: Iterator[T] | None = None

    def __call__(self, number: int) -> T:
        if self._iterator is None:
            self._iterator = prefetch(self._make, number, self._last)
        return next(self._iterator)


def device_of(config: RunConfig) -> torch.device:
    """Where the run computes."""
    return torch.device(resolve_device(config.device))


def autocast(config: RunConfig) -> torch.autocast:
    """bf16 autocast, if the run wants it."""
    return torch.autocast(device_of(config).type, torch.bfloat16, enabled=config.bf16)


def describe_run(folder: Path, **parts: Any) -> None:
    """Write `run.json`: command line, git commit and resolved configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    ).stdout.strip()
    record = {"command": sys.argv, "commit": commit, "torch": torch.__version__}
    for name, part in parts.items():
        record[name] = asdict(part) if hasattr(part, "__dataclass_fields__") else part
    (folder / "run.json").write_text(json.dumps(record, indent=2, default=str) + "\n")


def _evaluate(module, ema: Ema, evaluate, step: int, log) -> None:
    trained = {key: value.clone() for key, value in module.state_dict().items()}
    module.load_state_dict(ema.shadow)
    module.eval()
    with torch.no_grad():
        line = {"step": step, **evaluate()}
    module.load_state_dict(trained)
    module.train()
    print(json.dumps(line), file=log, flush=True)
    print(json.dumps(line), file=sys.stderr, flush=True)


def _save(path: Path, module: nn.Module, optimizer, ema: Ema, step: int) -> None:
    temporary = path.with_suffix(".tmp")
    torch.save(
        {
            "step": step,
            "module": module.state_dict(),
            "optimizer": optimizer.state_dict(),
            "ema": ema.shadow,
        },
        temporary,
    )
    os.replace(temporary, path)


def _resume(path: Path, module: nn.Module, optimizer, ema: Ema) -> int:
    if not path.is_file():
        return 0
    device = next(module.parameters()).device
    state = torch.load(path, weights_only=True, map_location=device)
    module.load_state_dict(state["module"])
    optimizer.load_state_dict(state["optimizer"])
    ema.shadow = state["ema"]
    print(f"resuming {path} at step {state['step']}", file=sys.stderr)
    return state["step"]


def _readable(line: dict[str, float], steps: int) -> str:
    numbers = " ".join(
        f"{key} {value:.4g}"
        for key, value in line.items()
        if key not in ("step", "samples_per_s", "minutes_left")
    )
    return (
        f"{line['step']}/{steps} {numbers} | {line['samples_per_s']}/s, "
        f"{line['minutes_left']} min left"
    )
