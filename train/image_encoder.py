"""`python -m train.image_encoder`: pre-train the image encoder by dense depth regression."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from depthart.config import DepthARTConfig
from depthart.trunks import TRUNKS
from train.data.mixture import Mixture
from train.dense import DenseDepth, dense_loss, load_imagenet_trunk, save_dense
from train.loop import Prefetched, RunConfig, autocast, describe_run, device_of, fit
from train.options import add_run_arguments, run_config
from train.sources import add_data_arguments, training_sources, validation_sources
from train.validate import validate

DEFAULTS = RunConfig(steps=1500, batch_size=16, lr=5e-4, warmup=100)
TRUNK_LR_SCALE = 0.3  # the trunk starts from ImageNet


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True, help="run folder")
    parser.add_argument("--preset", default="small", help="tiny or small")
    parser.add_argument("--backbone", choices=sorted(TRUNKS), help="default: the preset's")
    parser.add_argument("--trunk", help="ImageNet weights of the backbone (train.imagenet)")
    add_data_arguments(parser)
    add_run_arguments(parser, DEFAULTS)
    options = parser.parse_args(arguments)

    config, run = DepthARTConfig.preset(options.preset), run_config(options, DEFAULTS)
    if config.image_encoder is None:
        parser.error(f"preset {options.preset} has no image encoder")
    torch.manual_seed(run.seed)
    encoder = config.image_encoder
    if options.backbone:
        encoder = replace(encoder, trunk=options.backbone)
    model = DenseDepth(encoder)
    if options.trunk:
        load_imagenet_trunk(model.encoder, options.trunk)
    device = device_of(run)
    model = model.to(device, memory_format=torch.channels_last)
    mixture = Mixture(training_sources(options), config.image_size, run.batch_size, run.seed)
    validation = validation_sources(options)
    describe_run(options.output, run=run, model=encoder, options=vars(options))
    batch_of = Prefetched(mixture.batch, run.steps)

    def loss_of_step(step: int):
        batch = batch_of(step).to(device)
        with autocast(run):
            log_depth = model(batch.image.to(memory_format=torch.channels_last))
        return dense_loss(log_depth, batch.depth, batch.valid)

    def depth_of(images: torch.Tensor) -> torch.Tensor:
        return model.depth(images.to(device)).cpu()

    def evaluate() -> dict[str, float]:
        scores = {name: validate(depth_of, samples) for name, samples in validation.items()}
        return {f"{name}/{key}": v for name, part in scores.items() for key, v in part.items()}

    trunk = list(model.encoder.trunk.parameters())
    inside = {id(p) for p in trunk}
    rest = [p for p in model.parameters() if id(p) not in inside]
    groups = [{"params": trunk, "lr_scale": TRUNK_LR_SCALE}, {"params": rest}]

    def publish(weights: dict[str, torch.Tensor], step: int) -> None:
        save_dense(encoder, weights, options.output / "model")

    fit(model, loss_of_step, run, options.output, groups, publish=publish, evaluate=evaluate)


if __name__ == "__main__":
    main()
