"""`python -m train.autoregressive --objective depthart|var`: train the next-scale transformer."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from depthart.checkpoints import load_weights, read_config
from depthart.config import DepthARTConfig, from_fields
from depthart.model import DepthART
from depthart.predictor import Predictor, save_model
from depthart.vqvae import VQVAEConfig
from train.data.mixture import Mixture
from train.dense import load_dense
from train.features import FeatureCache, encode_batch
from train.loop import Prefetched, RunConfig, autocast, describe_run, device_of, fit
from train.next_scale_loss import LossConfig, next_scale_loss
from train.objectives import OBJECTIVES
from train.options import add_run_arguments, run_config
from train.sources import add_data_arguments, training_sources, validation_sources
from train.validate import validate

DEFAULTS = RunConfig(steps=2000, batch_size=16, lr=5e-4, warmup=100, betas=(0.9, 0.95), ema=0.995)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True, help="run folder")
    parser.add_argument("--objective", choices=sorted(OBJECTIVES), default="depthart")
    parser.add_argument("--preset", default="small", help="tiny, tiny-vq, small or paper")
    parser.add_argument("--vqvae", type=Path, help="checkpoint of train.autoencoder")
    parser.add_argument("--encoder", type=Path, help="checkpoint of train.image_encoder")
    parser.add_argument("--start", type=Path, help="DepthART checkpoint to go on from")
    parser.add_argument("--cache", type=Path, help="folder for features that are encoded once")
    parser.add_argument("--cache-samples", type=int, default=8000)
    parser.add_argument(
        "--train-encoder", type=float, default=0.0, help="its learning rate, as a share of --lr"
    )
    beyond = parser.add_argument_group("beyond the paper (for both objectives alike)")
    beyond.add_argument("--average", choices=["token", "scale"], default="token")
    beyond.add_argument("--code-error", type=float, default=0.0)
    beyond.add_argument("--soft-targets", type=float, default=0.0)
    beyond.add_argument("--rollout", choices=["argmax", "expected"], default="argmax")
    beyond.add_argument(
        "--progressive",
        default="",
        help='first scales only, e.g. "0.3:6,0.7:8" = 6 scales for the first 30 %% of the steps',
    )
    add_data_arguments(parser)
    add_run_arguments(parser, DEFAULTS)
    options = parser.parse_args(arguments)
    if options.cache and options.train_encoder:
        parser.error("a cache freezes the encoder: drop --cache or --train-encoder")

    run = run_config(options, DEFAULTS)
    torch.manual_seed(run.seed)
    device = device_of(run)
    model = build_model(options).to(device)
    validation = validation_sources(options, limit=16)
    loss_config = LossConfig(options.average, options.code_error, options.soft_targets)
    describe_run(
        options.output, run=run, model=model.config, loss=loss_config, options=vars(options)
    )
    features_of = feature_batches(model, options, run)
    objective = OBJECTIVES[options.objective]
    scales_at = progressive_scales(options.progressive, len(model.scales))

    def loss_of_step(step: int):
        count = scales_at(step / run.steps)
        image, depth = (part.to(device) for part in features_of(step))
        with autocast(run):
            lesson = objective(model, image.detach(), depth, count, options.rollout)
            logits = model(image, lesson.inputs, count)
        codebook = model.vqvae.quantizer.codebook.weight
        return next_scale_loss(logits, lesson, codebook, model.scales, loss_config)

    def depth_of(images: Tensor) -> Tensor:
        return model.predict(images.to(device), options.rollout).cpu()

    def evaluate() -> dict[str, float]:
        scores = {}
        for name, samples in validation.items():
            part = validate(depth_of, samples)
            scores |= {f"{name}/{options.rollout}/{key}": v for key, v in part.items()}
        return scores

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
        parameter_groups(model, options.train_encoder),
        publish=publish,
        evaluate=evaluate,
    )


def build_model(options: argparse.Namespace) -> DepthART:
    """A model from --start or of a preset, with the parts that are named put in."""
    if options.start:
        model = Predictor.from_folder(options.start).model
        if options.vqvae:
            raise ValueError("--start brings its own VQ-VAE: drop --vqvae")
        return _with_encoder(model, options.encoder)
    config = DepthARTConfig.preset(options.preset)
    if options.vqvae:
        values = read_config(options.vqvae)
        values.pop("model")
        config = replace(config, vqvae=from_fields(VQVAEConfig, values))
    model = DepthART(config)
    if options.vqvae:
        load_weights(model.vqvae, options.vqvae)
    return _with_encoder(model, options.encoder)


def _with_encoder(model: DepthART, folder: Path | None) -> DepthART:
    """Put in the image encoder that `train.image_encoder` left, if a folder is named."""
    if folder:
        encoder = load_dense(folder).encoder
        width = model.config.image_encoder.width if model.config.image_encoder else None
        if encoder.config.width != width:
            raise ValueError(f"{folder}: width {encoder.config.width}, the model needs {width}")
        model.image_encoder = encoder
        model.config = replace(model.config, image_encoder=encoder.config)
    return model


def parameter_groups(model: DepthART, encoder_share: float) -> list[dict]:
    """The VQ-VAE is frozen; the image encoder too unless it has a share of the learning rate."""
    model.vqvae.requires_grad_(False)
    encoder = list(model.image_encoder.parameters()) if model.config.image_encoder else []
    for parameter in encoder:
        parameter.requires_grad_(encoder_share > 0)
    frozen = {id(p) for p in [*model.vqvae.parameters(), *encoder]}
    groups: list[dict] = [{"params": [p for p in model.parameters() if id(p) not in frozen]}]
    if encoder_share > 0:
        groups.append({"params": encoder, "lr_scale": encoder_share})
    return groups


def feature_batches(
    model: DepthART, options: argparse.Namespace, run: RunConfig
) -> Callable[[int], tuple[Tensor, Tensor]]:
    """Function from step number to image features and depth features, cached or computed."""
    size = model.config.image_size
    mixture = Mixture(training_sources(options), size, run.batch_size, run.seed)
    if options.cache:
        cache = FeatureCache.build(options.cache, model.eval(), mixture, options.cache_samples)
        return Prefetched(lambda n: cache.batch(n, run.batch_size, run.seed), run.steps)
    batch_of = Prefetched(mixture.batch, run.steps)

    def encode(step: int) -> tuple[Tensor, Tensor]:
        batch = batch_of(step)
        image_features, depth_features = encode_batch(model, batch)
        if options.train_encoder:
            with autocast(run):
                images = batch.image.to(depth_features.device, memory_format=torch.channels_last)
                image_features = model.image_features(images)
        return image_features, depth_features

    return encode


def progressive_scales(schedule: str, total: int) -> Callable[[float], int]:
    """Read "0.3:6,0.7:8": 6 scales up to 30 % of the run, 8 up to 70 %, then all `total`.

    Returns:
        Function from progress in [0, 1) to the number of scales in training.

    Raises:
        ValueError: if the schedule does not read so or names more scales than there are.
    """
    try:
        steps = [
            (float(share), int(count))
            for share, count in (part.split(":") for part in schedule.split(",") if part)
        ]
    except ValueError as error:
        raise ValueError(f'expected a schedule like "0.3:6,0.7:8", got {schedule!r}') from error
    if any(not 1 <= count <= total for _, count in steps):
        raise ValueError(f"the schedule {schedule!r} must name 1 to {total} scales")
    return lambda progress: next((count for end, count in steps if progress < end), total)


if __name__ == "__main__":
    main()
