"""`python -m train.depth_anything.metric`: fine-tune a relative network to metres (section 4.3).

A metric head in the manner of ZoeDepth on the relative network; the encoder learns at a fiftieth of
the rate. The data must be in metres; of a folder with a manifest only pairs that are take part.
Crops keep the shorter side whole, since enlarging a picture would make it look nearer.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor

from depthart.baselines.dpt import DPT
from depthart.baselines.metric_bins import MetricDPT, MetricDPTConfig
from depthart.baselines.predictor import BaselinePredictor, save_network
from train import cost
from train.config_file import describe_run, parse_arguments
from train.data.loader import Loader
from train.data.mixture import Mixture
from train.depth_anything.batches import ROBUST
from train.depth_anything.network import encoder_of, parameter_groups
from train.depth_anything.scores import pictures_of_sets, scores_of_sets
from train.depth_anything.training import MODEL, refuse_resident
from train.loop import RunConfig, autocast, device_of, fit
from train.options import add_run_arguments, run_config
from train.sources import add_data_arguments, training_sources, validation_sources

FAMILY = "dpt_metric"  # of `depthart.baselines`
WHOLE = replace(ROBUST, min_crop=1, max_aspect=1)
# The paper follows ZoeDepth: 1.6e-4 for all but the encoder.
DEFAULTS = RunConfig(
    steps=500, batch_size=12, lr=1.6e-4, lr_end=0.0, warmup=20, schedule="linear", ema=0.99
)


def metric_network(start: str | Path, **sizes: object) -> MetricDPT:
    """A metric network whose relative part is filled from a checkpoint.

    Args:
        start: checkpoint folder of a DPT. sizes: fields of the head, see `MetricDPTConfig`.

    Raises:
        CheckpointError: if there is no such checkpoint, or of another family.
        ValueError: if it does not hold a DPT.
    """
    relative = BaselinePredictor.from_folder(start).model
    if type(relative) is not DPT:
        raise ValueError(f"{start} holds a {type(relative).__name__}, a DPT is needed")
    model = MetricDPT(MetricDPTConfig(**{**asdict(relative.config), "kind": "metric", **sizes}))
    missing = model.load_state_dict(relative.state_dict(), strict=False)
    if missing.unexpected_keys:
        raise ValueError(f"{start} does not fit: {', '.join(missing.unexpected_keys)}")
    return model


def main(arguments: list[str] | None = None) -> None:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(description=summary, epilog=rest)
    parser.add_argument("-o", "--output", type=Path, required=True, help="run folder")
    parser.add_argument("--start", required=True, help="checkpoint folder of a relative network")
    parser.add_argument("--bins", type=int, default=32)
    parser.add_argument("--encoder-rate", type=float, default=0.02, help="times --lr")
    add_data_arguments(parser)
    add_run_arguments(parser, DEFAULTS)
    options = parse_arguments(parser, arguments)
    run = run_config(options, DEFAULTS)
    if options.dry_run:
        return print(dry_run(metric_network(options.start, bins=options.bins).config, run))
    torch.manual_seed(run.seed)
    device = device_of(run)
    model = metric_network(options.start, bins=options.bins)
    model = model.to(device, memory_format=torch.channels_last)
    size = model.config.image_size
    refuse_resident(options)
    batches = Mixture(training_sources(options, metric=True), size, run.part, run.seed, WHOLE)
    batch_of, validation = Loader(batches.batch, run), validation_sources(options, metric=True)
    describe_run(options.output, run=run, model=model.config, options=vars(options))

    def loss_of_step(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        batch = batch_of(step).to(device)
        with autocast(run):
            return model.loss(batch.image, batch.depth, batch.valid)

    def publish(weights: dict[str, Tensor], step: int) -> None:
        averaged = MetricDPT(model.config)
        averaged.load_state_dict(weights)
        save_network(FAMILY, averaged, options.output / MODEL)

    groups = parameter_groups(model, encoder_of(model), 1.0)
    groups[0]["lr_scale"] = options.encoder_rate
    fit(
        model,
        loss_of_step,
        run,
        options.output,
        groups,
        publish=publish,
        evaluate=(lambda: scores_of_sets(model, validation)) if validation else None,
        pictures=(lambda: pictures_of_sets(model, validation)) if validation else None,
    )
    print(options.output / MODEL)


def dry_run(config: MetricDPTConfig, run: RunConfig) -> cost.Cost:
    """Cost of one part of a step."""
    run = replace(run, device="cpu")  # where fake tensors are
    with cost.imagined(lambda: MetricDPT(config)) as model:
        size = config.image_size
        images, depth = torch.zeros(run.part, 3, size, size), torch.ones(run.part, 1, size, size)

        def loss() -> Tensor:
            with autocast(run):
                return model.loss(images, depth, depth > 0)[0]

        return cost.estimate(model, loss, run.part)


if __name__ == "__main__":
    main()
