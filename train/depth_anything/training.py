"""What the commands for teacher and student share: their options, and one run."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from depthart.baselines.dpt import DPT, DPTConfig
from depthart.baselines.predictor import save_network
from depthart.trunks import TRUNKS
from train import cost
from train.data.augment import Augmentation
from train.data.loader import Loader
from train.data.mixture import Mixture
from train.data.pseudo_labels import PseudoLabels
from train.data.rgbd_folder import RGBDFolder
from train.data.sample import Batch, Sample, Source
from train.depth_anything.batches import CROPS, FLIPS, ROBUST, Unlabeled, UnlabeledBatches
from train.depth_anything.disparity_pairs import DisparityPairs
from train.depth_anything.frozen_encoder import FrozenEncoder
from train.depth_anything.network import (
    ARCHITECTURES,
    Place,
    Student,
    architecture,
    encoder_of,
    fresh,
    model_weights,
    parameter_groups,
)
from train.depth_anything.objective import Objective, Terms
from train.depth_anything.perturbations import Strength
from train.depth_anything.scores import pictures_of_sets, scores_of_sets
from train.loop import RunConfig, autocast, device_of, fit
from train.sources import training_sources

FAMILY = "dpt"  # of `depthart.baselines`, which opens the checkpoints
MODEL = "model"  # folder of the checkpoint inside a run's folder


@dataclass(frozen=True)
class Plan:
    """How a network learns, apart from length and speed (`RunConfig`).

    Attributes:
        network: sizes, with the shorter side of pictures.
        start: pretrained weights of the encoder, see `train.depth_anything.network.start`.
        decoder_rate: learning rate of all but the encoder, in terms of the encoder's.
        labelled: augmentation of labelled pictures.
        terms: what unlabeled pictures are used for; None without any.
        ratio: unlabeled pictures for each labelled one.
        margin: tolerance of the feature alignment. place: whose features it compares.
        strength, cutmix: of the perturbations; probability of CutMix.
    """

    network: DPTConfig
    start: str | None = None
    decoder_rate: float = 10.0
    labelled: Augmentation = ROBUST
    terms: Terms | None = None
    ratio: int = 2
    margin: float = 0.15
    place: Place = "blocks"
    strength: Strength = Strength()
    cutmix: float = 0.5


def add_plan_arguments(parser: argparse.ArgumentParser) -> None:
    """Options that make a `Plan`, without those of unlabeled pictures."""
    group = parser.add_argument_group("network")
    group.add_argument("--architecture", default="small", choices=sorted(ARCHITECTURES))
    group.add_argument("--backbone", choices=sorted(TRUNKS), help="default: the architecture's")
    group.add_argument("--image-size", type=int, help="shorter side; default: the architecture's")
    group.add_argument(
        "--trunk",
        help="pretrained encoder: ImageNet weights of the backbone (train.imagenet), a checkpoint"
        " with that trunk, or a folder or hub id of a DINOv2 model",
    )
    group.add_argument("--decoder-rate", type=float, default=10.0, help="times the encoder's --lr")
    group.add_argument(
        "--augment",
        choices=("robust", "flips"),
        default="robust",
        help="of labelled pictures; flips: crops and flips alone, as in the paper",
    )


def plan_of(options: argparse.Namespace, **more: object) -> Plan:
    """The options of `add_plan_arguments` as a `Plan`."""
    return Plan(
        network=architecture(options.architecture, options.backbone, options.image_size),
        start=options.trunk,
        decoder_rate=options.decoder_rate,
        labelled=ROBUST if options.augment == "robust" else FLIPS,
        **more,
    )


def labelled_sources(options: argparse.Namespace) -> list[tuple[Source, float]]:
    """The sources of `train.sources`, and the real folder's pairs of disparity beside its depth."""
    refuse_resident(options)
    sources = training_sources(options)
    if options.real:
        try:
            pairs = DisparityPairs(options.real)
        except ValueError:  # it has none
            return sources
        real = next(i for i, (source, _) in enumerate(sources) if isinstance(source, RGBDFolder))
        depth, weight = sources[real]
        share = len(pairs) / (len(pairs) + len(depth))
        sources[real : real + 1] = [(depth, weight * (1 - share)), (pairs, weight * share)]
    return sources


def refuse_resident(options: argparse.Namespace) -> None:
    """Raises ValueError for `--resident`, which makes squares of all pictures."""
    if options.resident:
        raise ValueError("--resident makes squares, and here pictures keep their aspect ratio")


def train(
    plan: Plan,
    run: RunConfig,
    folder: Path,
    sources: list[tuple[Source, float]],
    labels: PseudoLabels | None = None,
    encoder: FrozenEncoder | None = None,
    validation: dict[str, list[Sample]] | None = None,
) -> Path:
    """Train a network, going on where `folder` stopped, and leave its checkpoint in there.

    Args:
        labels: pseudo-labels; without them `plan.terms` must be None.
        encoder: frozen, for feature alignment.

    Returns:
        The checkpoint folder, which `depthart.load` opens.

    Raises:
        ValueError: if a batch does not split into labelled and unlabeled pictures as planned, or
            terms and labels do not go together.
    """
    if (labels is None) != (plan.terms is None):
        raise ValueError("unlabeled pictures need both pseudo-labels and terms that use them")
    device = device_of(run)
    aligned = encoder if plan.terms and plan.terms.aligned else None
    model = fresh(plan.network, plan.start, run.seed)
    student = Student(model, aligned.channels if aligned else None, plan.margin, plan.place)
    student = student.to(device, memory_format=torch.channels_last)
    if aligned is not None:
        aligned = aligned.to(device)
    count = labelled_count(run.part, plan.ratio if labels is not None else 0)
    size = plan.network.image_size
    batch_of = Loader(
        _Pairs(
            Mixture(sources, size, count, run.seed, plan.labelled),
            UnlabeledBatches(labels, size, run.part - count, run.seed, CROPS) if labels else None,
        ).batch,
        run,
    )
    objective = Objective(
        student,
        plan.terms or Terms(False, False, False),
        aligned,
        plan.strength,
        plan.cutmix,
        autocast=lambda: autocast(run),
    )

    def loss_of_step(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        labelled, unlabeled = batch_of(step)
        return objective(labelled.to(device), None if unlabeled is None else unlabeled.to(device))

    def publish(weights: dict[str, Tensor], step: int) -> None:
        frozen = type(model)(plan.network)
        frozen.load_state_dict(model_weights(weights))
        save_network(FAMILY, frozen, folder / MODEL)

    fit(
        student,
        loss_of_step,
        run,
        folder,
        parameter_groups(student, encoder_of(model), plan.decoder_rate),
        publish=publish,
        evaluate=(lambda: scores_of_sets(model, validation)) if validation else None,
        pictures=(lambda: pictures_of_sets(model, validation)) if validation else None,
    )
    return folder / MODEL


def dry_run(plan: Plan, run: RunConfig) -> cost.Cost:
    """Cost of one part of a step, without perturbations and the frozen encoder's forward pass."""
    count = labelled_count(run.part, plan.ratio if plan.terms else 0)
    run = replace(run, device="cpu")  # where fake tensors are
    with cost.imagined(lambda: Student(DPT(plan.network))) as student:
        terms = Terms(plan.terms is not None, False, False)
        objective = Objective(student, terms, autocast=lambda: autocast(run))
        size = plan.network.image_size
        images, depth = torch.zeros(run.part, 3, size, size), torch.ones(run.part, 1, size, size)
        batch = Batch(images, depth, depth > 0, torch.ones(run.part, 4))
        labelled = batch.each(lambda part: part[:count])
        rest = batch.each(lambda part: part[count:])
        unlabeled = Unlabeled(rest.image, rest.depth, rest.valid, seed=0) if plan.terms else None
        return cost.estimate(student, lambda: objective(labelled, unlabeled)[0], run.part)


def labelled_count(part: int, ratio: int) -> int:
    """How many of `part` pictures are labelled if each has `ratio` unlabeled ones beside it.

    Raises:
        ValueError: if they do not come out even.
    """
    if part % (1 + ratio):
        raise ValueError(
            f"a batch of {part} pictures does not split into labelled and unlabeled ones at 1 :"
            f" {ratio}; choose a multiple of {1 + ratio}"
        )
    return part // (1 + ratio)


class _Pairs:
    """Labelled and unlabeled batches of the same number."""

    def __init__(self, labelled: Mixture, unlabeled: UnlabeledBatches | None) -> None:
        self.labelled, self.unlabeled = labelled, unlabeled

    def batch(self, number: int) -> Pair:
        unlabeled = self.unlabeled.batch(number) if self.unlabeled else None
        return self.labelled.batch(number), unlabeled


Pair = tuple[Batch, Unlabeled | None]
