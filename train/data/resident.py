"""Whole data sets in the device's memory, so that no CPU holds up a GPU.

Rendered pictures take 5 bytes a pixel (uint8 colours, float16 depth): 20,000 of 256 x 256 are
6.5 GB. Letters: N samples of one source, T side they are kept at, B batch, S side of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch
from torch import Tensor

from train.data.augment import Augmentation
from train.data.device_augment import Draws, crop, crop_intrinsics, photometric
from train.data.mixture import MIN_VALID, shares
from train.data.sample import UNKNOWN, Batch, Sample, Source
from train.data.visits import Visits

SPARE = 1.25  # larger samples are kept at this many times the side of the result


class ResidentMixture:
    """Like `train.data.mixture.Mixture`: sample i depends on seed and i alone (but for the noise).

    Sources are gone through in the same way, and augmentations are of the same distributions, not
    the same draws; a crop without enough known depth becomes the whole picture.
    """

    def __init__(
        self,
        sources: Sequence[tuple[Source, float]],
        size: int,
        batch_size: int,
        seed: int = 0,
        strength: Augmentation | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.size, self.batch_size, self.seed = size, batch_size, seed
        self.strength, self.device = strength or Augmentation(), torch.device(device)
        self.sources = [Resident.load(source, size, self.device) for source, _ in sources]
        self.visits = Visits(shares(sources), [len(source) for source in self.sources], seed)

    def batch(self, number: int) -> Batch:
        """Batch `number` of the endless sequence, on the device."""
        first = number * self.batch_size
        picks, draws = [], []
        for i in range(first, first + self.batch_size):
            rng = np.random.default_rng([self.seed, i])
            picks.append(self.visits(i))
            draws.append(Draws.draw(rng, self.strength))
        draw = Draws.stack(draws)
        image = torch.empty(self.batch_size, 3, self.size, self.size, device=self.device)
        depth = torch.empty(self.batch_size, 1, self.size, self.size, device=self.device)
        cameras = torch.empty(self.batch_size, 4, device=self.device)
        chosen = np.array(picks)
        for number_of_source, source in enumerate(self.sources):
            rows = np.flatnonzero(chosen[:, 0] == number_of_source)
            if len(rows):
                at = torch.from_numpy(rows).to(self.device)
                part = source.crops(chosen[rows, 1], draw.rows(rows), self.size)
                image[at], depth[at], cameras[at] = part
        noise = torch.Generator(self.device).manual_seed(self.seed * 1_000_003 + number)
        image = photometric(image, draw, noise)
        return Batch(image * 2 - 1, depth, (depth > 0) & depth.isfinite(), cameras)


class Resident:
    """One source, on a device.

    Attributes:
        image: (N, 3, T, T) uint8. depth: (N, 1, T, T) float16.
        cameras: (N, 4) float32 fx, fy, cx, cy as shares of the picture's sides; NaN = unknown.
    """

    def __init__(self, image: Tensor, depth: Tensor, cameras: Tensor) -> None:
        self.image, self.depth, self.cameras = image, depth, cameras

    def __len__(self) -> int:
        return len(self.image)

    @classmethod
    def load(cls, source: Source, size: int, device: torch.device) -> Resident:
        """Read a whole source; samples without enough known depth are left out.

        Raises:
            ValueError: if none has enough.
        """
        side = _side(source[0], size)
        image = torch.empty(len(source), 3, side, side, dtype=torch.uint8, device=device)
        depth = torch.empty(len(source), 1, side, side, dtype=torch.float16, device=device)
        cameras = torch.empty(len(source), 4, device=device)
        kept = 0
        with ThreadPoolExecutor(8) as pool:
            for sample in pool.map(lambda i: _square(source[i], side), range(len(source))):
                if (sample.depth > 0).mean() > MIN_VALID:
                    image[kept] = torch.from_numpy(sample.image).permute(2, 0, 1)
                    depth[kept, 0] = torch.from_numpy(sample.depth)
                    cameras[kept] = torch.from_numpy(sample.intrinsics)
                    kept += 1
        if not kept:
            raise ValueError(f"no sample of {type(source).__name__} has enough known depth")
        return cls(image[:kept], depth[:kept], cameras[:kept])

    def crops(self, rows: np.ndarray, draw: Draws, size: int) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures (B, 3, S, S) in [0, 1], depth (B, 1, S, S) float32, intrinsics (B, 4)."""
        at = torch.from_numpy(rows).to(self.image.device)
        metres = self.depth[at].float()
        window = draw.window(self.image.device)
        known = (crop(metres, window, size, "nearest") > 0).float().mean((1, 2, 3))
        whole = torch.eye(2, 3, device=window.device).expand_as(window)
        window = torch.where((known > MIN_VALID)[:, None, None], window, whole)
        pixels = self.image[at].float() / 255
        return (
            crop(pixels, window, size, "bilinear"),
            crop(metres, window, size, "nearest"),
            crop_intrinsics(self.cameras[at], window, size),
        )


def _side(sample: Sample, size: int) -> int:
    height, width = sample.depth.shape
    limit = round(size * SPARE)
    return height if height == width and height <= limit else limit


def _square(sample: Sample, side: int) -> Sample:
    """The sample at side x side, its camera in shares of the sides."""
    image, depth = sample.image, np.nan_to_num(sample.depth, posinf=0)
    height, width = depth.shape
    if (height, width) != (side, side):
        shrink = cv2.INTER_AREA if min(depth.shape) > side else cv2.INTER_CUBIC
        image = cv2.resize(image, (side, side), interpolation=shrink)
        depth = cv2.resize(depth, (side, side), interpolation=cv2.INTER_NEAREST)
    camera = UNKNOWN if sample.intrinsics is None else sample.intrinsics
    return Sample(
        np.ascontiguousarray(image),
        depth,
        sample.dataset,
        sample.scene,
        np.float32(camera / [width, height, width, height]),
    )
