"""`python -m train.image_encoder`: pre-train the image encoder by dense depth regression."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from depthart.checkpoints import read_config
from depthart.config import DepthARTConfig
from depthart.encoder import ImageEncoderConfig
from depthart.trunks import TRUNKS
from train import cost
from train.baseline_parts import load_encoder
from train.dense import (
    DENSE,
    DenseDepth,
    dense_loss,
    load_dense,
    load_imagenet_trunk,
    save_dense,
)
from train.loop import RunConfig, autocast, describe_run, device_of, fit
from train.options import add_preset, add_run_arguments, parse_arguments, run_config
from train.shown import show
from train.sources import add_data_arguments, training_batches, validation_sources
from train.validate import validate_sets

DEFAULTS = RunConfig(steps=1500, batch_size=16, lr=5e-4, warmup=100)
TRUNK_LR_SCALE = 0.3  # the trunk starts from ImageNet
STARTED_LR_SCALE = 0.25  # the encoder comes trained, its head is nearly new
HEAD_STEPS = 60  # before, for the new head alone: it would unmake what the encoder has learned


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True, help="run folder")
    add_preset(parser)
    parser.add_argument("--backbone", choices=sorted(TRUNKS), help="default: the preset's")
    parser.add_argument("--trunk", help="ImageNet weights of the backbone (train.imagenet)")
    parser.add_argument(
        "--start",
        type=Path,
        help="go on from the image encoder of a checkpoint; a new head, unless it has one",
    )
    add_data_arguments(parser)
    add_run_arguments(parser, DEFAULTS)
    options = parse_arguments(parser, arguments)

    config, run = DepthARTConfig.preset(options.preset), run_config(options, DEFAULTS)
    if config.image_encoder is None:
        parser.error(f"preset {options.preset} has no image encoder")
    if options.start and (options.trunk or options.backbone):
        parser.error("--start brings its own trunk: drop --trunk and --backbone")
    given = started = None  # a model with its head; an encoder
    if options.start and read_config(options.start).get("model") == DENSE:
        given = load_dense(options.start)
        started = given.encoder
    elif options.start:
        started = load_encoder(options.start)
    encoder = started.config if started else config.image_encoder
    if options.backbone:
        encoder = replace(encoder, trunk=options.backbone)
    if options.dry_run:
        return print(dry_run(encoder, run, config.image_size))
    torch.manual_seed(run.seed)
    model = given or DenseDepth(encoder)
    if started:
        model.encoder = started
    if options.trunk:
        load_imagenet_trunk(model.encoder, options.trunk)
    device = device_of(run)
    model = model.to(device, memory_format=torch.channels_last)
    validation = validation_sources(options)
    describe_run(options.output, run=run, model=encoder, options=vars(options))

    def loss_on(run: RunConfig):
        batch_of = training_batches(options, config.image_size, run)

        def loss_of_step(step: int):
            batch = batch_of(step).to(device)
            with autocast(run):
                log_depth = model(batch.image.to(memory_format=torch.channels_last))
            return dense_loss(log_depth, batch.depth, batch.valid)

        return loss_of_step

    def depth_of(images: torch.Tensor) -> torch.Tensor:
        return model.depth(images.to(device))

    def evaluate() -> dict[str, float]:
        return validate_sets(depth_of, validation, config.image_size)

    def pictures() -> dict[str, torch.Tensor]:
        return show(validation, config.image_size, lambda images: {"prediction": depth_of(images)})

    trunk = list(model.encoder.trunk.parameters())
    inside = {id(p) for p in trunk}
    rest = [p for p in model.encoder.parameters() if id(p) not in inside]
    head = [p for part in (model.head, model.smooth, model.out) for p in part.parameters()]
    share = STARTED_LR_SCALE if started else 1.0
    groups = [
        {"params": trunk, "lr_scale": TRUNK_LR_SCALE * share},
        {"params": rest, "lr_scale": share},
        {"params": head},
    ]

    def publish(weights: dict[str, torch.Tensor], step: int) -> None:
        save_dense(encoder, weights, options.output / "model")

    if started and not given:
        only_head = replace(run, steps=HEAD_STEPS, save_every=HEAD_STEPS)
        model.encoder.requires_grad_(False)
        fit(model, loss_on(only_head), only_head, options.output / "head", [{"params": head}])
        model.encoder.requires_grad_(True)
    fit(
        model,
        loss_on(run),
        run,
        options.output,
        groups,
        publish=publish,
        evaluate=evaluate,
        pictures=pictures,
    )


def dry_run(config: ImageEncoderConfig, run: RunConfig, size: int) -> cost.Cost:
    """Cost of one part of a step."""
    with cost.imagined(lambda: DenseDepth(config)) as model:
        images, depth = torch.zeros(run.part, 3, size, size), torch.ones(run.part, 1, size, size)

        def loss() -> torch.Tensor:
            with torch.autocast("cpu", torch.bfloat16, enabled=run.bf16):
                log_depth = model(images)
            return dense_loss(log_depth, depth, depth > 0)[0]

        return cost.estimate(model, loss, run.part)


if __name__ == "__main__":
    main()
