"""`python -m train.depth_anything.self_supervised`: a frozen encoder from photos alone.

Where DINOv2 is not at hand: VICReg (arXiv 2105.04906) on the cells of a trunk. Two views of a photo
differ in colours, blur and mirroring; cells of the same place should agree, every channel should
vary over cells, and channels should not repeat one another. Leaves `trunk.safetensors`, for
`--frozen-encoder BACKBONE --frozen-weights FILE`, and prints how far it tells places apart.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from depthart.trunks import TRUNKS, build_trunk
from train import cost
from train.config_file import describe_run, parse_arguments
from train.data.loader import Loader
from train.data.photos import PhotoFolder
from train.data.window import Window
from train.dense import load_imagenet_trunk
from train.depth_anything.batches import CROPS
from train.depth_anything.frozen_encoder import FrozenTrunk, cell_similarity
from train.depth_anything.perturbations import Strength, perturb
from train.loop import RunConfig, autocast, device_of, fit
from train.options import add_run_arguments, run_config

DEFAULTS = RunConfig(steps=500, batch_size=16, lr=3e-4, warmup=50, ema=0.99)
# Weights of invariance, variance and covariance, as in VICReg.
WEIGHTS = (25.0, 25.0, 1.0)
CELLS = 1024  # of a batch, drawn for variance and covariance
FILE = "trunk.safetensors"


class CellEmbedding(nn.Module):
    """A trunk and the projector behind it, which is thrown away afterwards."""

    def __init__(self, name: str, width: int = 256) -> None:
        super().__init__()
        self.trunk = build_trunk(name)
        channels = self.trunk.channels[3]
        self.project = nn.Sequential(
            nn.Conv2d(channels, width, 1), nn.ReLU(), nn.Conv2d(width, width, 1)
        )

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, E, H / 32, W / 32)."""
        return self.project(self.trunk(images)[3])


def vicreg(a: Tensor, b: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Invariance, variance and covariance terms of matching rows (N, E), weighted and summed."""
    invariance = (a - b).square().mean()
    variance = (_hinge(a) + _hinge(b)) / 2
    covariance = _redundancy(a) + _redundancy(b)
    terms = (invariance, variance, covariance)
    total = sum(weight * term for weight, term in zip(WEIGHTS, terms, strict=True))
    names = ("invariance", "variance", "covariance")
    return total, {n: t.detach() for n, t in zip(names, terms, strict=True)}


def _hinge(x: Tensor) -> Tensor:
    """How far standard deviations of channels fall short of 1."""
    return (1 - (x.var(0) + 1e-4).sqrt()).clamp_min(0).mean()


def _redundancy(x: Tensor) -> Tensor:
    """Sum of squared covariances between different channels, over the number of channels."""
    centred = x - x.mean(0)
    covariance = centred.T @ centred / (len(x) - 1)
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / x.shape[1]


class PhotoCrops:
    """Batches (B, 3, S, S) in [-1, 1] of photo crops; batch n depends on seed and n alone."""

    def __init__(self, photos: PhotoFolder, size: int, batch_size: int, seed: int) -> None:
        self.photos, self.size, self.batch_size, self.seed = photos, size, batch_size, seed

    def batch(self, number: int) -> Tensor:
        first = number * self.batch_size
        crops = [self._crop(i) for i in range(first, first + self.batch_size)]
        return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float() / 127.5 - 1

    def _crop(self, number: int) -> np.ndarray:
        rng = np.random.default_rng([self.seed, number])
        photo = self.photos[int(rng.integers(len(self.photos)))]
        return Window.draw(*photo.shape[:2], CROPS, rng).cut_picture(photo, self.size)


def main(arguments: list[str] | None = None) -> None:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(description=summary, epilog=rest)
    parser.add_argument("-o", "--output", type=Path, required=True, help="run folder")
    parser.add_argument("--photos", required=True, help="folder of pictures")
    parser.add_argument("--backbone", choices=sorted(TRUNKS), default="mobilenet_v2")
    parser.add_argument("--trunk", help="weights to start from; without them, from nothing")
    parser.add_argument("--image-size", type=int, default=192)
    add_run_arguments(parser, DEFAULTS)
    options = parse_arguments(parser, arguments)
    run = run_config(options, DEFAULTS)
    if options.dry_run:
        return print(dry_run(options.backbone, options.image_size, run))
    torch.manual_seed(run.seed)
    device = device_of(run)
    model = CellEmbedding(options.backbone)
    if options.trunk:
        load_imagenet_trunk(model, options.trunk)
    model = model.to(device, memory_format=torch.channels_last)
    crops = PhotoCrops(PhotoFolder(options.photos), options.image_size, run.part, run.seed)
    batch_of = Loader(crops.batch, run)
    describe_run(options.output, run=run, options=vars(options))

    def loss_of_step(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        images = batch_of(step).to(device)
        generator = torch.Generator().manual_seed(run.seed * 1_000_003 + step)
        views = [perturb(images, generator, Strength()) for _ in range(2)]
        with autocast(run):
            a, b = model(torch.cat([views[0], views[1].flip(-1)])).float().chunk(2)
        rows = [x.flatten(2).transpose(1, 2).flatten(0, 1) for x in (a, b.flip(-1))]
        chosen = torch.randperm(len(rows[0]), generator=generator)[:CELLS].to(device)
        return vicreg(rows[0][chosen], rows[1][chosen])

    def publish(weights: dict[str, Tensor], step: int) -> None:
        from safetensors.torch import save_file

        prefix = "trunk.convolutions."
        found = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
        names = {k: f"conv{int(k.split('.')[0]):02d}.{k.split('.')[1]}" for k in found}
        tensors = {names[k]: v.half().cpu().contiguous() for k, v in found.items()}
        save_file(tensors, options.output / FILE)

    fit(model, loss_of_step, run, options.output, publish=publish)
    encoder = FrozenTrunk(options.backbone, options.output / FILE)
    similarity = cell_similarity(encoder, crops.batch(run.steps))
    print(f"{options.output / FILE}: mean cosine of two cells of one picture {similarity.same:.2f},"
          f" of two pictures {similarity.other:.2f}")  # fmt: skip


def dry_run(backbone: str, size: int, run: RunConfig) -> cost.Cost:
    """Cost of one part of a step: two views of each photo."""
    run = replace(run, device="cpu")  # where fake tensors are
    with cost.imagined(lambda: CellEmbedding(backbone)) as model:
        images = torch.zeros(2 * run.part, 3, size, size)

        def loss() -> Tensor:
            with autocast(run):
                cells = model(images).float().flatten(2).transpose(1, 2).flatten(0, 1)
            return vicreg(*cells.chunk(2))[0]

        return cost.estimate(model, loss, run.part)


if __name__ == "__main__":
    main()
