"""`python -m train.autoencoder`: train the multi-scale VQ-VAE on depth maps and photos.

VAR never published its own training; ours is reconstruction (L1 + L2), commitment, codebook loss
and re-seeding of dead codes from residuals. On a share of the steps the decoder sees only the
first k scales, so that partial sums decode to usable maps.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from depthart.checkpoints import write_checkpoint
from depthart.config import DepthARTConfig
from depthart.normalize import depth_to_image, fill_invalid, image_to_depth
from depthart.quantizer import MultiScaleQuantizer
from depthart.vqvae import VQVAE
from train.data.augment import Augmentation
from train.data.mixture import Mixture
from train.data.photos import PhotoFolder
from train.data.sample import Batch
from train.loop import Prefetched, RunConfig, autocast, describe_run, device_of, fit
from train.options import add_run_arguments, run_config
from train.sources import add_data_arguments, training_sources, validation_sources
from train.validate import validate

DEFAULTS = RunConfig(steps=2000, batch_size=16, lr=6e-4, warmup=100, betas=(0.9, 0.95))
COMMITMENT = 0.25  # weight, as in VAR
PARTIAL = 0.3  # share of steps that decode a partial sum
RESEED_EVERY = 50  # steps after which unused codes are replaced


class CodeUsage:
    """Counts how often each code is chosen and re-seeds the unused from recent residuals."""

    def __init__(self, quantizer: MultiScaleQuantizer) -> None:
        self.quantizer = quantizer
        codes = quantizer.codebook.weight
        self.counts = torch.zeros(len(codes), dtype=torch.long, device=codes.device)
        self.pool: list[Tensor] = []

    def observe(self, indices: list[Tensor], residuals: list[Tensor]) -> None:
        for k, tokens in enumerate(indices):
            self.counts += torch.bincount(tokens.flatten(), minlength=len(self.counts))
            vectors = residuals[k].flatten(0, 1)
            self.pool.append(vectors[torch.randperm(len(vectors))[:64]])
        self.pool = self.pool[-40:]

    @torch.no_grad()
    def reseed(self) -> float:
        """Replace codes never chosen since the last call; return the share that was alive."""
        dead = (self.counts == 0).nonzero().flatten()
        pool = torch.cat(self.pool)
        chosen = pool[torch.randint(len(pool), (len(dead),))]
        noise = torch.randn_like(chosen) * chosen.std() * 0.05
        self.quantizer.codebook.weight[dead] = chosen + noise
        self.counts.zero_()
        return 1 - len(dead) / len(self.counts)


class VQImages:
    """Batches (B, 3, S, S) in [-1, 1]: depth maps by eq. 9 and, by share, photos."""

    def __init__(self, mixture: Mixture, photos: PhotoFolder | None, share: float) -> None:
        self.mixture, self.photos, self.share = mixture, photos, share if photos else 0.0

    def batch(self, number: int) -> Tensor:
        images = depth_images(self.mixture.batch(number))
        rng = np.random.default_rng([self.mixture.seed, number, 1])
        for row in np.flatnonzero(rng.random(len(images)) < self.share):
            images[row] = self._photo(rng)
        return images

    def _photo(self, rng: np.random.Generator) -> Tensor:
        photo = self.photos[int(rng.integers(len(self.photos)))]
        size = self.mixture.size
        side = int(min(photo.shape[:2]) * rng.uniform(0.6, 1))
        top = int(rng.integers(photo.shape[0] - side + 1))
        left = int(rng.integers(photo.shape[1] - side + 1))
        crop = photo[top : top + side, left : left + side]
        crop = cv2.resize(crop, (size, size), interpolation=cv2.INTER_CUBIC)
        return torch.from_numpy(crop).permute(2, 0, 1).float() / 127.5 - 1


def depth_images(batch: Batch) -> Tensor:
    """Depth with its holes filled, normalised, as the VQ-VAE's three channels (B, 3, S, S)."""
    filled = fill_invalid(batch.depth, batch.valid)
    return depth_to_image(filled, batch.valid).contiguous()


def reconstruct_depth(vqvae: VQVAE, depth: Tensor) -> Tensor:
    """(B, 1, S, S) depth without holes -> (B, S, S) as the VQ-VAE rebuilds it, up to scale."""
    return image_to_depth(vqvae.reconstruct(depth_to_image(depth)))


def nearness(images: Tensor) -> Tensor:
    """Weight of each pixel: about 1 / depth on depth maps, 1 on photos.

    Depth is judged relative to itself, so an error close by counts more than the same far away.

    Args:
        images: (B, 3, S, S) in [-1, 1]; depth maps are those with equal channels.

    Returns:
        (B, 1, S, S).
    """
    is_depth = (images[:, 0] == images[:, 1]).flatten(1).all(1).view(-1, 1, 1, 1)
    depth = (images[:, :1] + 1) / 2
    return torch.where(is_depth, 0.5 / (depth + 0.05), torch.ones_like(depth))


def vqvae_loss(
    vqvae: VQVAE, images: Tensor, count: int | None, usage: CodeUsage | None = None
) -> tuple[Tensor, dict[str, float]]:
    """Reconstruction and quantiser losses of one batch (B, 3, S, S)."""
    rebuilt, quantized = vqvae(images.contiguous(memory_format=torch.channels_last), count)
    error = (rebuilt.float() - images) * nearness(images)
    l1, l2 = error.abs().mean(), error.square().mean()
    if usage:
        usage.observe(quantized.indices, quantized.residuals)
    loss = l1 + l2 + COMMITMENT * quantized.commitment + quantized.codebook
    return loss, {
        "partial_l1" if count else "l1": l1.item(),
        "commitment": quantized.commitment.item(),
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True, help="run folder")
    parser.add_argument("--preset", default="small", help="tiny, small or paper")
    parser.add_argument("--photos", help="folder of pictures without depth")
    parser.add_argument("--photo-share", type=float, default=0.25, help="of each batch")
    add_data_arguments(parser)
    add_run_arguments(parser, DEFAULTS)
    options = parser.parse_args(arguments)

    config, run = DepthARTConfig.preset(options.preset).vqvae, run_config(options, DEFAULTS)
    torch.manual_seed(run.seed)
    device = device_of(run)
    vqvae = VQVAE(config).to(device, memory_format=torch.channels_last)
    sources = training_sources(options)
    geometry = Augmentation.geometric()
    mixture = Mixture(sources, config.image_size, run.batch_size, run.seed, geometry)
    photos = PhotoFolder(options.photos) if options.photos else None
    images_of = Prefetched(VQImages(mixture, photos, options.photo_share).batch, run.steps)
    validation = validation_sources(options, limit=32)
    describe_run(options.output, run=run, model=config, options=vars(options))
    usage = CodeUsage(vqvae.quantizer)

    def loss_of_step(step: int):
        images = images_of(step).to(device)
        partial = float(torch.rand(())) < PARTIAL
        count = int(torch.randint(1, len(config.scales), ())) if partial else None
        with autocast(run):
            return vqvae_loss(vqvae, images, count, usage)

    def after_step(step: int) -> None:
        if step == 4 or step % RESEED_EVERY == RESEED_EVERY - 1:
            alive = usage.reseed() if step < 0.8 * run.steps else None
            if alive is not None:
                print(f"codes alive in the last {RESEED_EVERY} steps: {alive:.1%}")

    def evaluate() -> dict[str, float]:
        scores = {}
        for name, samples in validation.items():
            depths = [fill_invalid(*_as_tensors(s.depth, config.image_size)) for s in samples]
            rebuilt = torch.cat([reconstruct_depth(vqvae, d.to(device)).cpu() for d in depths])
            queue = iter(rebuilt)
            part = validate(lambda images, q=queue: torch.stack([next(q) for _ in images]), samples)
            scores |= {f"{name}/{key}": value for key, value in part.items()}
        return scores

    def publish(weights: dict[str, Tensor], step: int) -> None:
        from dataclasses import asdict

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
    )


def _as_tensors(depth: np.ndarray, size: int) -> tuple[Tensor, Tensor]:
    resized = cv2.resize(depth, (size, size), interpolation=cv2.INTER_NEAREST)
    tensor = torch.from_numpy(resized)[None, None]
    return tensor, tensor > 0


if __name__ == "__main__":
    main()
