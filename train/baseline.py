"""`python -m train.baseline --model NAME`: train any baseline of `depthart.baselines.FAMILIES`.

Data, augmentation, loop and schedule are those of `train.autoregressive`; run.json records the
samples seen. OUT/model is a checkpoint that `depthart.load` opens.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from depthart.align import alignment_for
from depthart.baselines import FAMILIES
from depthart.baselines.network import DepthNetwork, build_network, network_class
from depthart.baselines.predictor import checkpoint_config
from depthart.checkpoints import write_checkpoint
from train import cost
from train.baseline_parts import load_trunk, load_vqvae
from train.loop import Loader, RunConfig, autocast, describe_run, device_of, fit
from train.options import add_run_arguments, parse_arguments, run_config
from train.shown import show
from train.sources import add_data_arguments, training_mixture, validation_sources
from train.validate import validate_sets

DEFAULTS = RunConfig(steps=2000, batch_size=16, lr=5e-4, warmup=100)
TRUNK_LR_SCALE = 0.3  # the trunk starts from ImageNet or from dense pre-training


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True, help="run folder")
    parser.add_argument("--model", required=True, choices=sorted(FAMILIES), help="family")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="of the family's configuration, such as trunk=mobilenet_v2 or kind=disparity;"
        " repeatable",
    )
    parser.add_argument(
        "--trunk",
        type=Path,
        help="weights of the trunk: train.imagenet's file, or a checkpoint that has one",
    )
    parser.add_argument(
        "--trunk-lr", type=float, default=TRUNK_LR_SCALE, help="share of --lr for the trunk"
    )
    parser.add_argument(
        "--vqvae", type=Path, help="checkpoint whose VQ-VAE gives the latents (dit)"
    )
    add_data_arguments(parser)
    add_run_arguments(parser, DEFAULTS)
    options = parse_arguments(parser, arguments)

    run, values = run_config(options, DEFAULTS), settings(options.set)
    if options.dry_run:
        return print(dry_run(options.model, values, run))
    torch.manual_seed(run.seed)
    network = initial_network(options.model, values, options.trunk, options.vqvae)
    config, device = network.config, device_of(run)
    network = network.to(device, memory_format=torch.channels_last)
    validation = validation_sources(options)
    describe_run(
        options.output,
        run=run,
        model=checkpoint_config(options.model, config),
        samples_seen=run.steps * run.batch_size,
        options=vars(options),
    )
    mixture = training_mixture(options, config.image_size, run)
    first = mixture.batch(0).to(device)
    network.begin(first.image, first.depth, first.valid)
    batch_of = Loader(mixture.batch, run, ahead=not options.resident)

    def loss_of_step(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        batch = batch_of(step).to(device)
        images = batch.image.to(memory_format=torch.channels_last)
        with autocast(run):
            return network.loss(images, batch.depth, batch.valid)

    def maps_of(images: Tensor) -> Tensor:
        return network(images.to(device))

    def evaluate() -> dict[str, float]:
        how = alignment_for(config.kind)
        return validate_sets(maps_of, validation, config.image_size, how)

    def pictures() -> dict[str, Tensor]:
        return show(validation, config.image_size, lambda images: {"prediction": maps_of(images)})

    def publish(weights: dict[str, Tensor], step: int) -> None:
        folder = options.output / "model"
        write_checkpoint(folder, checkpoint_config(options.model, config), weights)

    groups = parameter_groups(network, options.trunk_lr if options.trunk else 1.0)
    fit(
        network,
        loss_of_step,
        run,
        options.output,
        groups,
        publish=publish,
        evaluate=evaluate,
        pictures=pictures,
    )


def settings(texts: list[str]) -> dict[str, Any]:
    """`FIELD=VALUE` texts as a mapping; values are JSON where they can be, else plain words.

    Raises:
        ValueError: for a text without "=".
    """
    values: dict[str, Any] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign:
            raise ValueError(f"--set takes FIELD=VALUE, got {text!r}")
        try:
            values[name] = json.loads(value)
        except json.JSONDecodeError:
            values[name] = value
    return values


def initial_network(
    family: str,
    values: dict[str, Any],
    trunk: str | Path | None = None,
    vqvae: str | Path | None = None,
) -> DepthNetwork:
    """A network at the start of its training.

    Raises:
        ValueError: if a family on a VQ-VAE's latents got none, or another family got one.
    """
    has_vqvae = "vqvae" in network_class(family).Config.__dataclass_fields__
    if has_vqvae != (vqvae is not None):
        raise ValueError(
            f"{family} lives in a VQ-VAE's latents: name its checkpoint with --vqvae"
            if has_vqvae
            else f"{family} has no use for --vqvae"
        )
    if vqvae is None:
        network = build_network(family, values)
    else:
        frozen = load_vqvae(vqvae)
        network = build_network(family, values | {"vqvae": frozen.config})
        network.vqvae.load_state_dict(frozen.state_dict())
    if trunk is not None:
        load_trunk(network, trunk)
    return network


def parameter_groups(network: DepthNetwork, trunk_lr: float) -> list[dict[str, Any]]:
    """Trained parameters: the trunk's with their share of the rate, and the rest."""
    trunk = getattr(network, "trunk", None)
    inside = {id(p) for p in trunk.parameters()} if trunk is not None else set()
    trained = [p for p in network.parameters() if p.requires_grad]
    groups = [{"params": [p for p in trained if id(p) not in inside]}]
    if inside:
        groups.insert(
            0, {"params": [p for p in trained if id(p) in inside], "lr_scale": trunk_lr}
        )
    return groups


def dry_run(family: str, values: dict[str, Any], run: RunConfig) -> cost.Cost:
    """Cost of one part of a step."""
    with cost.imagined(lambda: build_network(family, values)) as network:
        size = network.config.image_size
        images, depth = torch.zeros(run.part, 3, size, size), torch.ones(run.part, 1, size, size)

        def loss() -> Tensor:
            with torch.autocast("cpu", torch.bfloat16, enabled=run.bf16):
                return network.loss(images, depth, depth > 0)[0]

        return cost.estimate(network, loss, run.part)


if __name__ == "__main__":
    main()
