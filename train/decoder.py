"""`python -m train.decoder --start CHECKPOINT`: teach the VQ-VAE's decoder to draw every scale.

A VQ-VAE is trained on sums of codes that end where the truth is; in a refinement people look at
partial sums, and at those that a transformer predicts. Here the decoder alone learns from both:
each picture is drawn from the first k maps, k at random, of the truth's tokens or of the model's
own roll-out. Encoder, codes and transformer stay as they are, so that the new VQ-VAE fits every
model on the same codes (`train.autoregressive --vqvae`, or `--also` here). Beyond the paper.

Letters: B batch, K scales, z latent channels, S side of the latent grid.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from depthart.config import DepthARTConfig
from depthart.model import DepthART
from depthart.predictor import Predictor, save_model
from train import cost
from train.data.sample import Batch
from train.loop import RunConfig, autocast, describe_run, device_of, fit
from train.options import add_run_arguments, parse_arguments, run_config
from train.shown import show
from train.sources import add_data_arguments, training_batches, validation_sources
from train.validate import validate_sets
from train.vq_images import depth_images
from train.vqvae_loss import drawing_error

DEFAULTS = RunConfig(steps=300, batch_size=16, lr=2e-4, warmup=20, betas=(0.9, 0.95), ema=0.99)
LAST = 0.35  # share of pictures that are drawn from all scales; the others have any k alike
OWN = 0.5  # share of pictures that are drawn from the model's own sums


class DrawingStep:
    """Loss of one step: what the decoder makes of sums of codes, against the true depth."""

    def __init__(self, model: DepthART, run: RunConfig, sampler: str) -> None:
        self.model, self.run, self.sampler = model, run, sampler

    def __call__(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        offset = self.model.config.vqvae.log_offset
        truth = depth_images(batch, offset)
        features = self.sums(batch.image, truth)
        with autocast(self.run):
            drawn = self.model.vqvae.decode(features.contiguous(memory_format=torch.channels_last))
        error, l1 = drawing_error(drawn.float(), truth, offset)
        return error, {"l1": l1.detach()}

    @torch.no_grad()
    def sums(self, images: Tensor, truth: Tensor) -> Tensor:
        """One sum of codes for each picture, (B, z, S, S): whose, and of how many scales, is drawn.

        Args:
            images, truth: (B, 3, H, H) photo and depth, as the VQ-VAE sees them.
        """
        count = len(self.model.scales)
        last = torch.rand(len(images)) < LAST
        scale = torch.where(last, count - 1, torch.randint(count, (len(images),)))
        own = torch.rand(len(images)) < OWN
        with autocast(self.run):
            totals = torch.stack(self.model.vqvae.tokenize(truth)[1])  # (K, B, z, S, S)
            if own.any():
                seen = self.model.image_features(images[own])
                steps = self.model.rollout(seen, self.sampler, int(scale[own].max()) + 1)
                for step in steps:
                    totals[step.scale, own] = step.features.to(totals.dtype)
        return totals[scale, torch.arange(len(images))]


def decoder_parameters(model: DepthART) -> list[torch.nn.Parameter]:
    """What learns here; everything else is frozen."""
    model.requires_grad_(False)
    learning = [*model.vqvae.post_quant.parameters(), *model.vqvae.decoder.parameters()]
    for parameter in learning:
        parameter.requires_grad_(True)
    return learning


def take_decoder(model: DepthART, other: DepthART) -> None:
    """Give `other` the decoder of `model`.

    Raises:
        ValueError: if they are not on the same codes.
    """
    given, mine = model.vqvae.state_dict(), other.vqvae.state_dict()
    drawing = ("decoder.", "post_quant.")
    if model.config.vqvae != other.config.vqvae or any(
        not torch.equal(value, given[name])
        for name, value in mine.items()
        if not name.startswith(drawing)
    ):
        raise ValueError("the models are on different codes: a decoder fits its own alone")
    other.vqvae.load_state_dict(given)


def main(arguments: list[str] | None = None) -> None:
    options = parse_arguments(make_parser(), arguments)
    run = run_config(options, DEFAULTS)
    model = Predictor.from_folder(options.start).model
    parameters = decoder_parameters(model)
    if options.dry_run:
        return print(dry_run(model.config, run))
    others = [Predictor.from_folder(folder).model for folder in options.also]
    for other in others:
        take_decoder(model, other)
    torch.manual_seed(run.seed)
    device, size = device_of(run), model.config.image_size
    model = model.to(device)
    model.vqvae = model.vqvae.to(memory_format=torch.channels_last)
    sets = validation_sources(options, limit=16)
    describe_run(options.output, run=run, model=model.config, options=vars(options))
    batch_of = training_batches(options, size, run)
    loss_on = DrawingStep(model, run, options.sampler)

    def maps_of(images: Tensor) -> dict[str, Tensor]:
        steps = model.refine(images.to(device), options.sampler)
        return {f"scale_{step.scale + 1:02d}": step.depth for step in steps}

    def evaluate() -> dict[str, float]:
        scores = {}
        for scale in (0, len(model.scales) - 1):

            @torch.no_grad()
            def depth_of(images: Tensor, scale: int = scale) -> Tensor:
                seen = model.image_features(images.to(device))
                *_, step = model.rollout(seen, options.sampler, scale + 1)
                return model.decode(step.features)

            scores |= validate_sets(depth_of, sets, size, prefix=f"scale_{scale + 1:02d}")
        return scores

    def publish(weights: dict[str, Tensor], step: int) -> None:
        with torch.device("meta"):
            averaged = DepthART(model.config)
        averaged.load_state_dict(weights, assign=True)
        save_model(averaged, options.output / "model")
        for folder, other in zip(options.also, others, strict=True):
            other.vqvae.load_state_dict(averaged.vqvae.state_dict())
            save_model(other, options.output / Path(folder).name)

    fit(
        model,
        lambda step: loss_on(batch_of(step).to(device)),
        run,
        options.output,
        [{"params": parameters}],
        publish=publish,
        evaluate=evaluate,
        pictures=lambda: show(sets, size, maps_of),
    )


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True, help="run folder")
    parser.add_argument("--start", type=Path, required=True, help="DepthART checkpoint")
    parser.add_argument(
        "--also",
        type=Path,
        action="append",
        default=[],
        help="another checkpoint on the same codes, written with the new decoder; repeatable",
    )
    parser.add_argument("--sampler", choices=["argmax", "sample", "expected"], default="expected")
    add_data_arguments(parser)
    add_run_arguments(parser, DEFAULTS)
    return parser


def dry_run(config: DepthARTConfig, run: RunConfig) -> cost.Cost:
    """Cost of drawing one part of a step, with gradients; the sums are not counted."""
    with cost.imagined(lambda: DepthART(config)) as model:
        decoder_parameters(model)
        features = torch.zeros(run.part, config.latent_channels, *[config.scales.finest] * 2)
        truth = torch.zeros(run.part, 3, config.image_size, config.image_size)

        def loss() -> Tensor:
            with torch.autocast("cpu", torch.bfloat16, enabled=run.bf16):
                drawn = model.vqvae.decode(features)
            return drawing_error(drawn.float(), truth, config.vqvae.log_offset)[0]

        return cost.estimate(model, loss, run.part)


if __name__ == "__main__":
    main()
