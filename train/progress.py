"""What a run tells while it runs: `log.jsonl`, a progress bar or plain lines, TensorBoard."""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from train import processes

if TYPE_CHECKING:
    from train.loop import RunConfig

QUIET = frozenset({"step", "samples_per_s", "minutes_left"})  # shown in their own way


class Progress:
    """Gathers the numbers of each step and writes their means every `config.log_every` steps.

    Args:
        folder: of the run; gets `log.jsonl` and, if asked for, `tensorboard/`.
        first: the step the run starts with. Lines beyond it, of a run that died after its last
            checkpoint, are dropped.
    """

    def __init__(self, folder: Path, config: RunConfig, first: int) -> None:
        self.config, self.first = config, first
        self._sums: dict[str, Tensor] = {}
        self._shares: dict[str, float] = {}  # steps in which each number was reported
        self._count = 0
        self._started = self._last = time.perf_counter()
        self._writer: Any = None
        self._bar: Any = None
        if not processes.is_main():
            return
        self._log = _continued(folder / "log.jsonl", first)
        if config.tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=first or None)
        if sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=config.steps, initial=first, unit="step", dynamic_ncols=True)

    def add(self, report: dict[str, float | Tensor], share: float = 1.0) -> None:
        """One step's numbers, or the numbers of a `share` of it; tensors are not waited for."""
        for key, value in report.items():
            value = torch.as_tensor(value, dtype=torch.float32).detach() * share
            self._sums[key] = self._sums[key] + value if key in self._sums else value
            self._shares[key] = self._shares.get(key, 0.0) + share

    def after(self, done: int, lr: float) -> None:
        """`done` steps are done.

        Raises:
            FloatingPointError: if the loss has not been finite since the last line.
        """
        self._count += 1
        if self._bar is not None:
            self._bar.update()
        if done % self.config.log_every and done != self.config.steps:
            return
        line = self._means()
        if not math.isfinite(line["loss"]):
            raise FloatingPointError(
                f"loss became {line['loss']} between steps {done - self._count} and {done}"
            )
        now = time.perf_counter()
        rate = (done - self.first) / (now - self._started)
        samples = self._count * self.config.batch_size
        line |= {
            "step": done,
            "lr": lr,
            "samples_per_s": round(samples / (now - self._last), 2),
            "minutes_left": round((self.config.steps - done) / rate / 60, 1),
        }
        self._sums, self._shares, self._count, self._last = {}, {}, 0, now
        self._tell(line, _readable(line, self.config.steps))

    def scores(self, scores: dict[str, float], step: int) -> None:
        """Results of an evaluation."""
        line = {"step": step, **scores}
        self._tell(line, json.dumps(line))

    def pictures(self, pictures: dict[str, Tensor], step: int) -> None:
        """TensorBoard only: (B, H, W) or (B, 3, H, W) in [0, 1] by name, side by side."""
        if self._writer is not None:
            for name, picture in pictures.items():
                if picture.ndim == 3:
                    picture = picture.unsqueeze(1)
                row = torch.cat(list(picture.float().cpu().clamp(0, 1)), dim=-1)
                self._writer.add_image(name, row, step)

    def close(self) -> None:
        for part in (self._bar, self._writer, getattr(self, "_log", None)):
            if part is not None:
                part.close()

    def _means(self) -> dict[str, float]:
        """Over the steps since the last line that reported a number, and over all processes."""
        sums = torch.stack([value.cpu() for value in self._sums.values()])
        if processes.size() > 1:
            sums = processes.mean(sums.to(next(iter(self._sums.values())).device)).cpu()
        return {
            key: round(value / self._shares[key], 5)
            for key, value in zip(self._sums, sums.tolist(), strict=True)
        }

    def _tell(self, line: dict[str, float], text: str) -> None:
        if not processes.is_main():
            return
        print(json.dumps(line), file=self._log, flush=True)
        if self._bar is None:
            print(text, file=sys.stderr, flush=True)
        else:
            self._bar.set_postfix_str(f"{line.get('samples_per_s', 0):.3g} samples/s", False)
            self._bar.write(text, file=sys.stderr)
        if self._writer is not None:
            for key, value in line.items():
                if key != "step":
                    self._writer.add_scalar(key, value, line["step"])


def _continued(path: Path, first: int):
    """The log, open for appending, without what lies beyond step `first`."""
    if path.is_file():
        kept = []
        for text in path.read_text().splitlines():
            try:
                if json.loads(text)["step"] <= first:
                    kept.append(text + "\n")
            except ValueError:  # the line that was being written
                continue
        path.write_text("".join(kept))
    return path.open("a")


def _readable(line: dict[str, float], steps: int) -> str:
    numbers = " ".join(f"{key} {value:.4g}" for key, value in line.items() if key not in QUIET)
    return (
        f"{line['step']}/{steps} {numbers} | {line['samples_per_s']}/s, "
        f"{line['minutes_left']} min left"
    )
