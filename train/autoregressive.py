"""`python -m train.autoregressive --objective depthart|var`: train the next-scale transformer."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from depthart.config import DepthARTConfig
from depthart.model import DepthART
from depthart.predictor import Predictor, save_model
from train import cost
from train.baseline_parts import load_encoder, load_vqvae
from train.decoded_depth import true_depth
from train.features import FeatureCache, encode_batch, encode_depth
from train.loop import Loader, RunConfig, autocast, describe_run, device_of, fit
from train.next_scale_step import NextScaleStep, StepConfig, add_step_arguments, step_config
from train.options import add_preset, add_run_arguments, parse_arguments, run_config
from train.shown import show
from train.sources import (
    add_data_arguments,
    training_batches,
    training_mixture,
    validation_sources,
)
from train.validate import validate_sets

DEFAULTS = RunConfig(steps=2000, batch_size=16, lr=5e-4, warmup=100, betas=(0.9, 0.95), ema=0.995)


def main(arguments: list[str] | None = None) -> None:
    parser = make_parser()
    options = parse_arguments(parser, arguments)
    if options.cache and options.train_encoder:
        parser.error("a cache freezes the encoder: drop --cache or --train-encoder")
    if options.cache and options.resident:
        parser.error("a cache is read from its files: drop --cache or --resident")
    if options.train_decoder and not options.decoded_depth:
        parser.error("only --decoded-depth teaches the decoder: give it a weight")

    run, config = run_config(options, DEFAULTS), step_config(options)
    if options.dry_run:
        return print(dry_run(model_config(options), config, run, shares(options)))
    torch.manual_seed(run.seed)
    device = device_of(run)
    model = build_model(options).to(device)
    sets = validation_sources(options, limit=16)
    describe_run(options.output, run=run, model=model.config, step=config, options=vars(options))
    groups = parameter_groups(model, shares(options))
    features_of = feature_batches(model, options, run)
    loss_on = NextScaleStep(model, config, run)

    def loss_of_step(step: int):
        return loss_on(step, *(part.to(device, non_blocking=True) for part in features_of(step)))

    def evaluate() -> dict[str, float]:
        def depth_of(images: Tensor) -> Tensor:
            return model.predict(images.to(device), config.rollout)

        return validate_sets(depth_of, sets, model.config.image_size, prefix=config.rollout)

    def pictures() -> dict[str, Tensor]:
        def maps_of(images: Tensor) -> dict[str, Tensor]:
            steps = model.refine(images.to(device), config.rollout)
            return {f"scale_{step.scale + 1:02d}": step.depth for step in steps}

        return show(sets, model.config.image_size, maps_of)

    def publish(weights: dict[str, Tensor], step: int) -> None:
        with torch.device("meta"):
            averaged = DepthART(model.config)
        averaged.load_state_dict(weights, assign=True)
        save_model(averaged, options.output / "model")

    fit(
        model,
        loss_of_step,
        run,
        options.output,
        groups,
        publish=publish,
        evaluate=evaluate,
        pictures=pictures,
    )


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True, help="run folder")
    add_preset(parser)
    parser.add_argument(
        "--vqvae", type=Path, help="of train.autoencoder, or of DepthART; whole, decoder included"
    )
    parser.add_argument("--encoder", type=Path, help="of train.image_encoder, or of DepthART")
    parser.add_argument("--start", type=Path, help="DepthART checkpoint to go on from")
    parser.add_argument("--cache", type=Path, help="folder for features that are encoded once")
    parser.add_argument("--cache-samples", type=int, default=8000)
    parser.add_argument(
        "--train-encoder", type=float, default=0.0, help="its learning rate, as a share of --lr"
    )
    parser.add_argument(
        "--train-decoder",
        type=float,
        default=0.0,
        help="learning rate of the VQ-VAE's decoder, as a share of --lr; needs --decoded-depth",
    )
    add_step_arguments(parser)
    add_data_arguments(parser)
    add_run_arguments(parser, DEFAULTS)
    return parser


def build_model(options: argparse.Namespace) -> DepthART:
    """A model from --start or of a preset, with the parts that are named put in."""
    if options.start:
        model = Predictor.from_folder(options.start).model
        return _with_encoder(_with_vqvae(model, options.vqvae), options.encoder)
    config = DepthARTConfig.preset(options.preset)
    vqvae = load_vqvae(options.vqvae) if options.vqvae else None
    if vqvae is not None:
        config = replace(config, vqvae=vqvae.config)
    model = DepthART(config)
    if vqvae is not None:
        model.vqvae = vqvae
    return _with_encoder(model, options.encoder)


def _with_vqvae(model: DepthART, folder: Path | None) -> DepthART:
    """Put in the VQ-VAE of a checkpoint, if a folder is named."""
    if folder:
        vqvae = load_vqvae(folder)
        for name in ("latent_channels", "vocab_size", "sides"):
            given, needed = getattr(vqvae.config, name), getattr(model.config.vqvae, name)
            if given != needed:
                raise ValueError(f"{folder}: {name} {given}, the model needs {needed}")
        model.vqvae = vqvae
        model.config = replace(model.config, vqvae=vqvae.config)
    return model


def _with_encoder(model: DepthART, folder: Path | None) -> DepthART:
    """Put in the image encoder of a checkpoint, if a folder is named."""
    if folder:
        encoder = load_encoder(folder)
        width = model.config.image_encoder.width if model.config.image_encoder else None
        if encoder.config.width != width:
            raise ValueError(f"{folder}: width {encoder.config.width}, the model needs {width}")
        model.image_encoder = encoder
        model.config = replace(model.config, image_encoder=encoder.config)
    return model


class Shares(NamedTuple):
    """Learning rates of the parts that came trained, as shares of the transformer's."""

    encoder: float = 0.0
    decoder: float = 0.0  # the VQ-VAE's


FROZEN = Shares()


def shares(options: argparse.Namespace) -> Shares:
    return Shares(options.train_encoder, options.train_decoder)


def parameter_groups(model: DepthART, shares: Shares = FROZEN) -> list[dict]:
    """The transformer with its embeddings, and the parts that learn along; the rest is frozen."""
    model.requires_grad_(False)
    given = ("vqvae.", "image_encoder.")  # what came trained
    own = [p for name, p in model.named_parameters() if not name.startswith(given)]
    groups: list[dict] = [{"params": own}]
    if shares.encoder and model.config.image_encoder:
        groups.append(
            {"params": list(model.image_encoder.parameters()), "lr_scale": shares.encoder}
        )
    if shares.decoder:
        parts = (model.vqvae.post_quant, model.vqvae.decoder)
        decoder = [parameter for part in parts for parameter in part.parameters()]
        groups.append({"params": decoder, "lr_scale": shares.decoder})
    for parameter in (p for group in groups for p in group["params"]):
        parameter.requires_grad_(True)
    return groups


def feature_batches(
    model: DepthART, options: argparse.Namespace, run: RunConfig
) -> Callable[[int], tuple[Tensor, ...]]:
    """Function from step number to what `NextScaleStep` is called with, cached or computed."""
    size = model.config.image_size
    if options.cache:
        mixture = training_mixture(options, size, run)
        truth = bool(options.decoded_depth)
        cache = FeatureCache.build(
            options.cache, model.eval(), mixture, options.cache_samples, truth
        )
        return Loader(lambda n: cache.batch(n, run.part, run.seed), run)
    batch_of = training_batches(options, size, run)
    device = device_of(run)
    log_offset = model.config.vqvae.log_offset

    def encode(step: int) -> tuple[Tensor, Tensor]:
        batch = batch_of(step).to(device)
        truth = (true_depth(batch, log_offset),) if options.decoded_depth else ()
        if not options.train_encoder:
            return *encode_batch(model, batch), *truth
        with autocast(run):
            images = batch.image.contiguous(memory_format=torch.channels_last)
            return model.image_features(images), encode_depth(model, batch), *truth

    return encode


def model_config(options: argparse.Namespace) -> DepthARTConfig:
    """The architecture that the options ask for."""
    if options.start or options.vqvae or options.encoder:
        return build_model(options).config
    return DepthARTConfig.preset(options.preset)


def dry_run(
    config: DepthARTConfig, step: StepConfig, run: RunConfig, shares: Shares = FROZEN
) -> cost.Cost:
    """Cost of one part of a step at the end of a run (all scales), encoding included."""
    run = replace(run, device="cpu")  # where fake tensors are
    with cost.imagined(lambda: DepthART(config)) as model:
        parameter_groups(model, shares)
        picture = torch.zeros(run.part, 3, config.image_size, config.image_size)
        last = replace(step, mix="", progressive="")  # fake numbers decide nothing

        def loss() -> Tensor:
            with torch.autocast("cpu", torch.bfloat16, enabled=run.bf16):
                with torch.set_grad_enabled(shares.encoder > 0):
                    image = model.image_features(picture)
                with torch.no_grad():
                    depth = model.vqvae.encode(picture).float()
                return NextScaleStep(model, last, run)(0, image, depth, picture[:, :1])[0]

        return cost.estimate(model, loss, run.part)


if __name__ == "__main__":
    main()
