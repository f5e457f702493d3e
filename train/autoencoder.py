"""`python -m train.autoencoder`: train the multi-scale VQ-VAE on depth maps and photos.

VAR never published its own training; ours is reconstruction (L1 + L2), commitment, codebook loss
and re-seeding of dead codes from residuals. On a share of the steps the decoder sees only the
first k scales, so that partial sums decode to usable maps. Perceptual and adversarial terms are
there and off.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor

from depthart.checkpoints import write_checkpoint
from depthart.config import DepthARTConfig
from depthart.trunks import TRUNKS
from depthart.vqvae import VQVAE, VQVAEConfig
from train import cost, processes
from train.adversarial import Adversary
from train.baseline_parts import load_vqvae
from train.code_usage import CodeUsage
from train.data.augment import Augmentation
from train.data.photos import PhotoFolder
from train.loop import Loader, RunConfig, autocast, describe_run, device_of, fit
from train.options import add_preset, add_run_arguments, parse_arguments, run_config
from train.perceptual import PerceptualDistance
from train.sources import add_data_arguments, training_mixture, validation_sources
from train.validate import validate
from train.vq_images import VQImages, depth_images, filled_depth
from train.vqvae_loss import reconstruct

__all__ = ["depth_images", "main", "reconstruct_depth"]

DEFAULTS = RunConfig(steps=2000, batch_size=16, lr=6e-4, warmup=100, betas=(0.9, 0.95))
PARTIAL = 0.3  # share of steps that decode a partial sum
RESEED_EVERY = 50  # steps after which unused codes are replaced
RESEED_UNTIL = 0.8  # share of the run


class Lesson:
    """The loss of a step on given pictures, with all its terms.

    Args:
        perceptual, adversary: None leaves the term out.
    """

    def __init__(
        self,
        vqvae: VQVAE,
        run: RunConfig,
        usage: CodeUsage | None = None,
        perceptual: PerceptualDistance | None = None,
        perceptual_weight: float = 0.0,
        adversary: Adversary | None = None,
    ) -> None:
        self.vqvae, self.run, self.usage = vqvae, run, usage
        self.perceptual, self.perceptual_weight = perceptual, perceptual_weight
        self.adversary = adversary

    def __call__(self, step: int, images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        partial = float(torch.rand(())) < PARTIAL
        count = int(torch.randint(1, len(self.vqvae.scales), ())) if partial else None
        with autocast(self.run):
            result = reconstruct(self.vqvae, images, count)
            loss, error, report = result.loss, result.error, result.report
            if self.usage:
                self.usage.observe(result.quantized.indices, result.quantized.residuals)
            if self.perceptual:
                distance = self.perceptual(result.images, result.target)
                loss = loss + self.perceptual_weight * distance
                error = error + self.perceptual_weight * distance
                report["perceptual"] = distance.detach()
            if self.adversary and step >= self.adversary.start and not partial:
                last = self.vqvae.decoder.head.weight
                term, judged = self.adversary.judge(images, result.images, error, last)
                loss, report = loss + term, report | judged
        return loss, report


def reconstruct_depth(vqvae: VQVAE, depth: Tensor) -> Tensor:
    """(B, 1, S, S) depth without holes -> (B, S, S) as the VQ-VAE rebuilds it, up to scale."""
    return vqvae.to_depth(vqvae.reconstruct(vqvae.to_image(depth)))


def main(arguments: list[str] | None = None) -> None:
    options = parse_arguments(make_parser(), arguments)
    started = load_vqvae(options.start) if options.start else None
    config = started.config if started else DepthARTConfig.preset(options.preset).vqvae
    if options.log_offset is not None:
        config = replace(config, log_offset=options.log_offset)
    run = run_config(options, DEFAULTS)
    if options.dry_run:
        return print(dry_run(config, run))
    if run.fsdp or processes.wants_fsdp():
        raise ValueError("the VQ-VAE re-seeds its codebook in place: train it without FSDP")
    if options.perceptual and not options.trunk:
        raise ValueError("--perceptual needs the ImageNet weights of a trunk: --trunk FILE")
    torch.manual_seed(run.seed)
    device = device_of(run)
    vqvae = VQVAE(config)
    if started:
        vqvae.load_state_dict(started.state_dict())
    vqvae = vqvae.to(device, memory_format=torch.channels_last)
    mixture = training_mixture(options, config.image_size, run, Augmentation.geometric())
    photos = PhotoFolder(options.photos) if options.photos else None
    images_of = Loader(
        VQImages(mixture, photos, options.photo_share, config.log_offset).batch,
        run,
        ahead=not options.resident,
    )
    sets = validation_sources(options, limit=32)
    describe_run(options.output, run=run, model=config, options=vars(options))
    usage = CodeUsage(vqvae.quantizer)
    extras = {"usage": usage}
    perceptual = adversary = None
    if options.perceptual:
        perceptual = PerceptualDistance.from_file(options.backbone, options.trunk).to(device)
    if options.adversarial:
        start = round(options.adversarial_start * run.steps)
        adversary = Adversary(options.adversarial, start, run.lr, device)
        extras["adversary"] = adversary
    lesson = Lesson(vqvae, run, usage, perceptual, options.perceptual, adversary)

    def loss_of_step(step: int):
        return lesson(step, images_of(step).to(device, non_blocking=True))

    def after_step(step: int) -> None:
        if adversary:
            adversary.after_step()
        early = step == 4 and not started  # of random codes most are far from everything
        due = early or step % RESEED_EVERY == RESEED_EVERY - 1
        if due and step < RESEED_UNTIL * run.steps:
            alive = usage.reseed()
            if processes.is_main():
                print(f"codes alive in the last {RESEED_EVERY} steps: {alive:.1%}")

    def evaluate() -> dict[str, float]:
        scores = {}
        for name, samples in sets.items():
            depths = [filled_depth(s.depth, config.image_size) for s in samples]
            rebuilt = torch.cat([reconstruct_depth(vqvae, d.to(device)).cpu() for d in depths])
            queue = iter(rebuilt)
            part = validate(lambda images, q=queue: torch.stack([next(q) for _ in images]), samples)
            scores |= {f"{name}/{key}": value for key, value in part.items()}
        return scores

    def pictures() -> dict[str, Tensor]:
        shown = {}
        for name, samples in sets.items():
            depth = torch.cat([filled_depth(s.depth, config.image_size) for s in samples[:6]])
            truth = vqvae.to_image(depth.to(device))
            shown[f"{name}/truth"] = vqvae.to_depth(truth)
            for k, total in enumerate(vqvae.tokenize(truth)[1], start=1):
                shown[f"{name}/scale_{k:02d}"] = vqvae.to_depth(vqvae.decode(total))
        return shown

    def publish(weights: dict[str, Tensor], step: int) -> None:
        write_checkpoint(
            options.output / "vqvae", {"model": "vqvae", **asdict(config)}, weights, half=False
        )

    fit(
        vqvae,
        loss_of_step,
        run,
        options.output,
        after_step=after_step,
        publish=publish,
        evaluate=evaluate,
        pictures=pictures,
        extras=extras,
    )


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True, help="run folder")
    add_preset(parser)
    parser.add_argument("--start", type=Path, help="checkpoint whose VQ-VAE to go on from")
    parser.add_argument(
        "--log-offset",
        type=float,
        help="beyond the paper: show depth in log (depthart.normalize), 0 = linear as in eq. 9;"
        " default: the start's, or linear",
    )
    parser.add_argument("--photos", help="folder of pictures without depth")
    parser.add_argument("--photo-share", type=float, default=0.25, help="of each batch")
    terms = parser.add_argument_group("optional terms (weights; 0 = off)")
    terms.add_argument("--perceptual", type=float, default=0.0, help="distance of features")
    terms.add_argument("--backbone", choices=sorted(TRUNKS), default="mobilenet_v2")
    terms.add_argument("--trunk", help="its ImageNet weights (train.imagenet)")
    terms.add_argument("--adversarial", type=float, default=0.0, help="patch discriminator")
    terms.add_argument("--adversarial-start", type=float, default=0.5, help="share of the run")
    add_data_arguments(parser)
    add_run_arguments(parser, DEFAULTS)
    return parser


def dry_run(config: VQVAEConfig, run: RunConfig) -> cost.Cost:
    """Cost of one part of a step with all scales, without the optional terms."""
    with cost.imagined(lambda: VQVAE(config)) as vqvae:
        images = torch.zeros(run.part, 3, config.image_size, config.image_size)
        with torch.autocast("cpu", torch.bfloat16, enabled=run.bf16):
            return cost.estimate(vqvae, lambda: reconstruct(vqvae, images).loss, run.part)


if __name__ == "__main__":
    main()
