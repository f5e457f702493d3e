"""`python -m train.benchmark`: what one training step of the transformer costs, here.

Both objectives take turns on the same batches, so that whatever else the machine does hits both.
Times are medians over the repetitions; the ratio is that of the steps without data, which the
loader makes ahead. Parts of a step:

    data       one batch read and augmented on one core (synthetic pictures unless --rendered)
    encode     frozen image encoder and VQ-VAE encoder; not needed with a cache of features
    rollout    who produces inputs and targets: the roll-out, or the true token maps for `var`
    forward    masked pass and loss
    backward
    optimizer  clipping, AdamW, averaging
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from depthart.config import DepthARTConfig
from depthart.model import DepthART
from train.autoregressive import DEFAULTS, parameter_groups
from train.data.mixture import Mixture
from train.data.rendered import RenderedScenes
from train.data.sample import Sample
from train.decoded_depth import true_depth
from train.features import encode_batch
from train.loop import RunConfig, device_of
from train.next_scale_step import NextScaleStep, add_step_arguments, step_config
from train.options import add_preset, parse_arguments
from train.state import Ema

PARTS = ("data", "encode", "rollout", "forward", "backward", "optimizer")
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
Times = dict[str, float]  # seconds of each part


class Synthetic:
    """Ramps with noise, 256 x 256: the cost of reading from memory, and of all augmentation."""

    def __len__(self) -> int:
        return 16

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng(index)
        image = rng.integers(0, 256, (256, 256, 3), np.uint8)
        depth = np.linspace(1, 5, 256, dtype=np.float32)[:, None] + rng.random((256, 256))
        return Sample(image, depth.astype(np.float32), "synthetic", str(index))


class Bench:
    """A model with its optimiser, ready for steps of either objective."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.clock = CLOCKS[options.clock]
        self.run = RunConfig(
            steps=10**6, batch_size=options.batch_size, device=options.device, bf16=options.bf16
        )
        self.device = device_of(self.run)
        torch.manual_seed(0)
        self.model = DepthART(DepthARTConfig.preset(options.preset)).to(self.device)
        source = RenderedScenes(options.rendered) if options.rendered else Synthetic()
        size = self.model.config.image_size
        self.mixture = Mixture([(source, 1)], size, options.batch_size)
        groups = parameter_groups(self.model)
        self.parameters = [p for group in groups for p in group["params"]]
        self.optimizer = torch.optim.AdamW(groups, lr=DEFAULTS.lr, betas=DEFAULTS.betas)
        self.ema = Ema(self.model, DEFAULTS.ema)
        config = step_config(options)
        self.steps = {
            name: NextScaleStep(self.model, replace(config, objective=name, mix=""), self.run)
            for name in ("var", "depthart")
        }

    def step(self, objective: str, number: int) -> Times:
        """One step on batch `number`, with the seconds of its parts."""
        step, times = self.steps[objective], {}
        torch.manual_seed(number)

        def timed(part: str, function: Callable[[], Any]) -> Any:
            self._wait()
            started = self.clock()
            result = function()
            self._wait()
            times[part] = self.clock() - started
            return result

        batch = timed("data", lambda: self.mixture.batch(number))
        image, depth = timed("encode", lambda: encode_batch(self.model, batch))
        lesson = timed("rollout", lambda: step.lesson(0, image, depth))
        truth = (
            true_depth(batch.to(self.device), self.model.config.vqvae.log_offset)
            if step.config.decoded_depth
            else None
        )
        loss = timed("forward", lambda: step.loss(lesson, step.logits(lesson, image), truth)[0])
        timed("backward", loss.backward)
        timed("optimizer", self._update)
        return times

    def _update(self) -> None:
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.ema.update(self.model, 100)

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def summarize(times: dict[str, list[Times]], batch_size: int) -> dict[str, Any]:
    """Medians of each objective, and the ratio of the steps (without data) that were neighbours."""
    found: dict[str, Any] = {}
    steps: dict[str, list[float]] = {}
    for name, runs in times.items():
        seconds = {part: statistics.median(run[part] for run in runs) for part in PARTS}
        steps[name] = [sum(run[p] for p in PARTS if p != "data") for run in runs]
        step = statistics.median(steps[name])
        found[name] = {
            "step_s": step,
            "fastest_step_s": min(steps[name]),
            "samples_per_s": batch_size / step,
            "seconds": seconds,
            "share": {part: seconds[part] / step for part in PARTS if part != "data"},
        }
    pairs = zip(steps["depthart"], steps["var"], strict=True)
    found["ratio"] = statistics.median(a / b for a, b in pairs)
    found["ratio_of_fastest"] = min(steps["depthart"]) / min(steps["var"])
    return found


def peak_memory(device: torch.device) -> float:
    """MiB: of the GPU, or of the whole process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    import resource

    unit = 2**20 if platform.system() == "Darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def machine(device: torch.device) -> dict[str, Any]:
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    return {
        "device": gpu or device.type,
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": [round(value, 2) for value in os.getloadavg()],
        "torch": torch.__version__,
    }


def readable(result: dict[str, Any]) -> str:
    lines = [f"{'':10}" + "".join(f"{part:>11}" for part in ("step s", "samples/s", *PARTS))]
    for name in ("var", "depthart"):
        row, share = result[name], result[name]["share"]
        cells = [f"{row['step_s']:11.3f}{row['samples_per_s']:11.2f}"]
        cells += [f"{row['seconds']['data']:10.3f}s"]
        cells += [f"{share[part]:11.1%}" for part in PARTS if part != "data"]
        lines.append(f"{name:10}" + "".join(cells))
    lines.append(
        f"depthart / var {result['ratio']:.2f} (fastest steps {result['ratio_of_fastest']:.2f}), "
        f"peak memory {result['peak_mib']:.0f} MiB, load {result['machine']['load'][0]}"
    )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, help="JSON file for the result")
    add_preset(parser)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--repeat", type=int, default=8, help="steps of each objective")
    parser.add_argument("--device", default="auto")
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="cpu: of all threads, on a busy machine"
    )
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--rendered", help="folder of rendered shards; default synthetic pictures")
    add_step_arguments(parser)
    options = parse_arguments(parser, arguments)
    bench = Bench(options)
    bench.model.train()
    times: dict[str, list[Times]] = {"var": [], "depthart": []}
    for number in range(options.repeat + 1):
        order = ("var", "depthart") if number % 2 else ("depthart", "var")
        for name in order:
            measured = bench.step(name, number)
            if number:  # the first warms up
                times[name].append(measured)
    result = {
        "preset": options.preset,
        "batch_size": options.batch_size,
        "bf16": options.bf16,
        "rollout": options.rollout,
        "repeat": options.repeat,
        "clock": options.clock,
        **summarize(times, options.batch_size),
        "peak_mib": peak_memory(bench.device),
        "machine": machine(bench.device),
    }
    print(readable(result))
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
