"""What the VQ-VAE sees: depth maps as pictures and, by share, photos. Letters: B batch, S side."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from depthart.normalize import depth_to_image, fill_invalid
from train.data.mixture import Mixture
from train.data.photos import PhotoFolder
from train.data.resident import ResidentMixture
from train.data.sample import Batch

KEPT_SIDE = 2  # resident photos are kept at this many times the side of the result


class VQImages:
    """Batches (B, 3, S, S) in [-1, 1]; picture i depends on the mixture's seed and i alone.

    Args:
        mixture: of depth maps (eq. 9 makes pictures of them); photos take some of their places.
        photos: if the mixture is resident, they are too.
        share: of photos, on average.
        log_offset: of the VQ-VAE, see `depthart.normalize`.
    """

    def __init__(
        self,
        mixture: Mixture | ResidentMixture,
        photos: PhotoFolder | None,
        share: float,
        log_offset: float,
    ) -> None:
        self.mixture, self.share = mixture, share if photos else 0.0
        self.log_offset = log_offset
        self.photos: Sequence = photos or ()
        if photos and isinstance(mixture, ResidentMixture):
            limit = KEPT_SIDE * mixture.size
            self.photos = [_kept(photo, limit).to(mixture.device) for photo in photos]

    def batch(self, number: int) -> Tensor:
        images = depth_images(self.mixture.batch(number), self.log_offset)
        if self.share:
            first = number * len(images)
            for row in range(len(images)):
                rng = np.random.default_rng([self.mixture.seed, first + row, 1])
                if rng.random() < self.share:
                    images[row] = self._photo(rng)
        return images

    def _photo(self, rng: np.random.Generator) -> Tensor:
        """A square crop (3, S, S) of a photo."""
        photo = torch.as_tensor(self.photos[int(rng.integers(len(self.photos)))])
        height, width = photo.shape[:2]
        side = int(min(height, width) * rng.uniform(0.6, 1))
        top = int(rng.integers(height - side + 1))
        left = int(rng.integers(width - side + 1))
        crop = photo[top : top + side, left : left + side].permute(2, 0, 1)[None].float()
        return _resized(crop, (self.mixture.size,) * 2)[0] / 127.5 - 1


def depth_images(batch: Batch, log_offset: float) -> Tensor:
    """Depth with its holes filled, normalised, as the VQ-VAE's three channels (B, 3, S, S)."""
    filled = fill_invalid(batch.depth, batch.valid)
    return depth_to_image(filled, batch.valid, log_offset).contiguous()


def filled_depth(depth: np.ndarray, size: int) -> Tensor:
    """(H, W) depth, 0 = not measured -> (1, 1, S, S) without holes."""
    resized = cv2.resize(depth, (size, size), interpolation=cv2.INTER_NEAREST)
    tensor = torch.from_numpy(resized)[None, None]
    return fill_invalid(tensor, tensor > 0)


def _kept(photo: np.ndarray, limit: int) -> Tensor:
    """(H, W, 3) uint8, its shorter side at most `limit`."""
    pixels = torch.from_numpy(np.array(photo))
    scale = limit / min(photo.shape[:2])
    if scale >= 1:
        return pixels
    size = tuple(round(side * scale) for side in photo.shape[:2])
    small = _resized(pixels.permute(2, 0, 1)[None].float(), size)
    return small[0].permute(1, 2, 0).round().byte()


def _resized(pixels: Tensor, size: tuple[int, ...]) -> Tensor:
    resized = F.interpolate(pixels, size=size, mode="bicubic", antialias=True)
    return resized.clamp(0, 255)
