"""One training loop for every command: AdamW, schedule, EMA, bf16, accumulation, atomic resume."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from depthart.registry import resolve_device
from train import processes, state
from train.config_file import describe_run
from train.data.loader import Loader
from train.depthwise import faster_depthwise
from train.engine import Engine
from train.progress import Progress
from train.state import Ema, Stateful

__all__ = [
    "Ema", "Loader", "RunConfig", "autocast", "describe_run", "device_of", "fit", "learning_rate",
]  # fmt: skip

SCHEDULES = ("cosine", "linear", "step")
Report = dict[str, float | Tensor]


@dataclass(frozen=True)
class RunConfig:
    """How long, how fast and on what; the same for all commands.

    Raises:
        ValueError: for an unknown schedule, or a batch that does not split evenly.
    """

    steps: int = 1000
    batch_size: int = 16  # samples of one step, over all processes
    accumulate: int = 1  # parts in which each process works off its share of them
    lr: float = 1e-4
    lr_end: float = 0.05  # share of `lr` left at the end of the cosine
    warmup: int = 100  # steps
    schedule: str = "cosine"  # "linear", or "step": every `lr_every` steps times `lr_gamma`
    lr_every: int = 10_000
    lr_gamma: float = 0.8
    weight_decay: float = 1e-2
    betas: tuple[float, float] = (0.9, 0.99)
    clip: float = 1.0  # gradient norm
    ema: float = 0.998
    seed: int = 0
    log_every: int = 20
    save_every: int = 200
    bf16: bool = True
    compile: bool = False  # torch.compile of the module's forward pass
    fsdp: bool = False  # shard over the processes instead of replicating
    workers: int = 0  # processes that load data; 0 = one thread
    tensorboard: bool = False  # curves and pictures in the run folder
    device: str = "auto"  # CUDA if there is one, else the CPU

    def __post_init__(self) -> None:
        if self.schedule not in SCHEDULES:
            raise ValueError(f"unknown schedule {self.schedule!r}; known: {', '.join(SCHEDULES)}")
        parts = processes.size() * self.accumulate
        if self.accumulate < 1 or self.batch_size % parts:
            raise ValueError(
                f"a batch of {self.batch_size} does not split into {processes.size()} processes "
                f"times {self.accumulate} accumulated parts"
            )

    @property
    def part(self) -> int:
        """Samples in one forward pass of one process."""
        return self.batch_size // (processes.size() * self.accumulate)

    def parts_of(self, step: int) -> Iterator[int]:
        """Numbers of this process's parts of a step in the endless sequence of all parts.

        Part n holds the samples n * part, n * part + 1, ... of the sequence, so the batch of a
        step is the same however it is split.
        """
        first = step * self.accumulate * processes.size()
        for number in range(self.accumulate):
            yield first + number * processes.size() + processes.rank()


def fit(
    module: nn.Module,
    loss_of_step: Callable[[int], tuple[Tensor, Report]],
    config: RunConfig,
    folder: Path,
    groups: list[dict[str, Any]] | None = None,
    after_step: Callable[[int], None] | None = None,
    publish: Callable[[dict[str, Tensor], int], None] | None = None,
    evaluate: Callable[[], dict[str, float]] | None = None,
    pictures: Callable[[], dict[str, Tensor]] | None = None,
    extras: Mapping[str, Stateful] | None = None,
) -> dict[str, Tensor]:
    """Train until `config.steps`, resuming from `folder/state.pt` if it exists.

    Args:
        module: what is trained, saved and averaged.
        loss_of_step: forward pass of (a part of) step n on its samples -> (loss, numbers to log).
            It must depend on n, the weights and `extras` alone, so that a resumed run is the
            uninterrupted one. Called `config.accumulate` times for each step.
        groups: parameter groups with their own `lr_scale`; default all of `module`.
        after_step: called after each optimiser step.
        publish: called with the averaged weights whenever the state is saved, and at the end; in
            the main process.
        evaluate: called with the averaged weights in place whenever the state is saved.
        pictures: like `evaluate`, for TensorBoard: maps (B, H, W) or (B, 3, H, W) in [0, 1].
        extras: further parts of the state.

    Returns:
        The averaged weights, whole, on the module's device.

    Raises:
        FloatingPointError: when the loss is no longer finite; the last checkpoint is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    groups = groups or [{"params": [p for p in module.parameters() if p.requires_grad]}]
    scales = [group.pop("lr_scale", 1.0) for group in groups]
    faster_depthwise(module)
    engine, extras = Engine(module, groups, config.fsdp), extras or {}
    optimizer = torch.optim.AdamW(
        groups, lr=config.lr, betas=config.betas, weight_decay=config.weight_decay
    )
    ema = Ema(module, config.ema)
    path = folder / "state.pt"
    first = state.resume(path, engine, optimizer, ema, extras, config.seed)
    if config.compile:
        module.compile()
    progress = Progress(folder, config, first)
    module.train()
    for step in range(first, config.steps):
        lr = learning_rate(config, step)
        for group, scale in zip(optimizer.param_groups, scales, strict=True):
            group["lr"] = lr * scale
        optimizer.zero_grad(set_to_none=True)
        for part in range(config.accumulate):
            # The same for all parts and processes: they share every decision about a step.
            torch.manual_seed(config.seed * 1_000_003 + step)
            loss, report = engine.backward(
                lambda step=step: loss_of_step(step),
                share=1 / config.accumulate,
                last=part == config.accumulate - 1,
            )
            progress.add({"loss": loss, **report}, share=1 / config.accumulate)
        progress.add({"norm": engine.clip(config.clip)})
        optimizer.step()
        ema.update(module, step)
        if after_step:
            after_step(step)
        done = step + 1
        progress.after(done, lr)
        if done % config.save_every == 0 or done == config.steps:
            state.save(path, engine, optimizer, ema, extras, done, config.seed)
            weights = engine.whole(ema.shadow)
            if publish and processes.is_main():
                publish(weights, done)
            _look(engine, ema, progress, done, evaluate, pictures if config.tensorboard else None)
    progress.close()
    return engine.whole(ema.shadow)


def learning_rate(config: RunConfig, step: int) -> float:
    """Linear warm-up, then half a cosine or a line to `lr_end`, or steps (paper, section 4)."""
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    if config.schedule == "step":
        return config.lr * config.lr_gamma ** (step // config.lr_every)
    progress = (step - config.warmup) / max(1, config.steps - config.warmup)
    left = 1 - min(progress, 1)
    if config.schedule == "cosine":
        left = (1 - math.cos(math.pi * left)) / 2
    return config.lr * (config.lr_end + (1 - config.lr_end) * left)


def device_of(config: RunConfig) -> torch.device:
    """Where this process computes."""
    device = torch.device(resolve_device(config.device))
    joined = processes.accelerator(device.type)
    return device if joined is None else joined.device


def autocast(config: RunConfig) -> torch.autocast:
    """bf16 autocast, if the run wants it."""
    return torch.autocast(device_of(config).type, torch.bfloat16, enabled=config.bf16)


def _look(engine: Engine, ema: Ema, progress: Progress, step: int, evaluate, pictures) -> None:
    """Evaluate the averaged weights: in the main process, or in all if they share the weights."""
    if engine.sharded or processes.is_main():
        module = engine.module
        run = engine.run if engine.sharded else lambda function: function()
        trained = {key: value.clone() for key, value in module.state_dict().items()}
        module.load_state_dict(ema.shadow)
        module.eval()
        with torch.no_grad():
            if evaluate:
                progress.scores(run(evaluate), step)
            if pictures:
                progress.pictures(run(pictures), step)
        module.load_state_dict(trained)
        module.train()
    processes.wait()
