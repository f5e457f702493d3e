"""One step of the transformer's training: who produces the lesson, and what is lost on it.

Letters: B batch, z latent channels, S side of the latent grid, E image features.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass, field

import torch
from torch import Tensor

from depthart.model import DepthART
from depthart.sampling import Sampler
from train.decoded_depth import decoded_depth_error
from train.loop import RunConfig, autocast
from train.next_scale_loss import LossConfig, next_scale_loss
from train.objectives import OBJECTIVES, Lesson
from train.schedules import depthart_share, progressive_scales


@dataclass(frozen=True)
class StepConfig:
    """Defaults are the paper's; everything else goes beyond it."""

    objective: str = "depthart"
    mix: str = ""  # share of steps that are `depthart`'s in the course of the run
    rollout: str = "argmax"  # what the roll-out feeds on: argmax, sample or expected codes
    progressive: str = ""  # how many scales are in training in the course of the run
    decoded_depth: float = 0.0  # weight of the error of the decoded depth
    loss: LossConfig = field(default_factory=LossConfig)


class NextScaleStep:
    """Loss of one step on image features and depth features.

    All random choices come from torch's global generator, which the loop seeds alike in all
    processes before every step.

    Raises:
        ValueError: for a schedule that does not read.
    """

    def __init__(self, model: DepthART, config: StepConfig, run: RunConfig) -> None:
        self.model, self.config, self.run = model, config, run
        self._scales_at = progressive_scales(config.progressive, len(model.scales))
        self._share_at = depthart_share(config.mix) if config.mix else None

    def __call__(
        self, step: int, image: Tensor, depth: Tensor, truth: Tensor | None = None
    ) -> tuple[Tensor, dict[str, float | Tensor]]:
        """Loss, and numbers to log.

        Args:
            image: features, see `DepthART.image_features`.
            depth: features (B, z, S, S) of the true depth before quantisation.
            truth: the depth itself, see `decoded_depth.true_depth`; for `decoded_depth` only.
        """
        lesson = self.lesson(step, image, depth)
        loss, report = self.loss(lesson, self.logits(lesson, image), truth)
        if self._share_at:
            report["depthart_share"] = self._share_at(step / self.run.steps)
        return loss, report

    def lesson(self, step: int, image: Tensor, depth: Tensor) -> Lesson:
        """Inputs and targets, without gradient."""
        progress = step / self.run.steps
        name = self.config.objective
        if self._share_at:
            name = "depthart" if float(torch.rand(())) < self._share_at(progress) else "var"
        sampler: Sampler | str = self.config.rollout
        if sampler == "sample":
            sampler = Sampler("sample", seed=int(torch.randint(2**31, ())))
        count = self._scales_at(progress)
        with autocast(self.run):
            return OBJECTIVES[name](self.model, image.detach(), depth, count, sampler)

    def logits(self, lesson: Lesson, image: Tensor) -> Tensor:
        """The masked pass."""
        with autocast(self.run):
            return self.model(image, lesson.inputs, len(lesson.targets))

    def loss(
        self, lesson: Lesson, logits: Tensor, truth: Tensor | None = None
    ) -> tuple[Tensor, dict[str, float | Tensor]]:
        model, config = self.model, self.config
        codebook = model.vqvae.quantizer.codebook.weight
        loss, report = next_scale_loss(logits, lesson, codebook, model.scales, config.loss)
        if config.decoded_depth:
            if truth is None:
                raise ValueError("the error of the decoded depth needs the true depth")
            scale = decoded_scale(len(lesson.targets))
            with autocast(self.run):
                error = decoded_depth_error(model, logits, lesson, truth, scale)
            loss = loss + config.decoded_depth * error
            report["decoded_depth"] = error.detach()
        return loss, report


def decoded_scale(count: int) -> int:
    """Which of `count` scales a step decodes: every other time the last, which people look at."""
    draw = random.Random(torch.initial_seed())  # the loop seeds every step
    return count - 1 if draw.random() < 0.5 else draw.randrange(count)


def add_step_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--objective", choices=sorted(OBJECTIVES), default="depthart")
    beyond = parser.add_argument_group("beyond the paper")
    beyond.add_argument("--rollout", choices=["argmax", "sample", "expected"], default="argmax")
    beyond.add_argument(
        "--mix", default="", help='both objectives: "0:var,0.5:depthart" or, in steps, "0:0,0.5:1"'
    )
    beyond.add_argument(
        "--progressive",
        default="",
        help='first scales only, e.g. "0.3:6,0.7:8" = 6 scales for the first 30 %% of the steps',
    )
    beyond.add_argument("--average", choices=["token", "scale"], default="token")
    beyond.add_argument("--code-error", type=float, default=0.0, help="weight")
    beyond.add_argument("--soft-targets", type=float, default=0.0, help="temperature")
    beyond.add_argument("--decoded-depth", type=float, default=0.0, help="weight")


def step_config(options: argparse.Namespace) -> StepConfig:
    return StepConfig(
        options.objective,
        options.mix,
        options.rollout,
        options.progressive,
        options.decoded_depth,
        LossConfig(options.average, options.code_error, options.soft_targets),
    )
