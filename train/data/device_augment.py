"""The augmentation of `train.data.augment` for whole batches on a device.

Random numbers are drawn on the CPU, a few for each sample, so that which rows are blurred or
compressed is known without asking the device. Letters: B batch, S side, T side of the source.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from train.data.augment import Augmentation

# Annex K of the JPEG standard: quantisation at quality 50, of brightness and of colour.
_LUMA = (
    "16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 14 17 22 29 51 87 "
    "80 62 18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 49 64 78 87 103 121 120 101 "
    "72 92 95 98 112 100 103 99"
)
_CHROMA = (
    "17 18 24 47 99 99 99 99 18 21 26 66 99 99 99 99 24 26 56 99 99 99 99 99 47 66" + " 99" * 38
)
_TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


@dataclass
class Draws:
    """One number for each sample, (B,); where a part is left out its number is 0."""

    height: np.ndarray  # of the crop, as a share of the side
    width: np.ndarray
    top: np.ndarray
    left: np.ndarray
    flip: np.ndarray  # 1 or -1
    gamma: np.ndarray
    saturation: np.ndarray
    contrast: np.ndarray
    gain_r: np.ndarray
    gain_g: np.ndarray
    gain_b: np.ndarray
    grey: np.ndarray
    blur: np.ndarray  # sigma in pixels
    noise: np.ndarray  # sigma, of a range of 1
    quality: np.ndarray  # of JPEG

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: Augmentation) -> Draws:
        """The numbers of one sample, from the distributions of `train.data.augment`."""
        share = rng.uniform(strength.min_crop, 1)
        aspect = strength.max_aspect ** rng.uniform(-0.5, 0.5)
        height, width = min(1, share * aspect), min(1, share / aspect)
        c = strength.colour
        brightness = 1 + rng.uniform(-c, c)
        return cls(
            height,
            width,
            rng.uniform(0, 1 - height),
            rng.uniform(0, 1 - width),
            -1 if rng.random() < strength.flip else 1,
            np.exp(rng.uniform(-c, c)),
            1 + rng.uniform(-2 * c, c),
            1 + rng.uniform(-c, c),
            *(brightness + rng.uniform(-c / 3, c / 3, 3)),
            rng.random() < strength.grey,
            rng.uniform(0.4, 1.6) * (rng.random() < strength.blur),
            rng.uniform(0.005, 0.04) * (rng.random() < strength.noise),
            rng.integers(35, 92) * (rng.random() < strength.jpeg),
        )

    @classmethod
    def stack(cls, draws: list[Draws]) -> Draws:
        return cls(*(np.array([getattr(d, f.name) for d in draws], float) for f in fields(cls)))

    def rows(self, rows: np.ndarray) -> Draws:
        return Draws(*(getattr(self, f.name)[rows] for f in fields(self)))

    def window(self, device: torch.device) -> Tensor:
        """Affine maps (B, 2, 3) from the result's coordinates to the source's, both in [-1, 1]."""
        zero = np.zeros_like(self.flip)
        rows = [
            [self.flip * self.width, zero, 2 * self.left + self.width - 1],
            [zero, self.height, 2 * self.top + self.height - 1],
        ]
        return torch.from_numpy(np.float32(rows)).permute(2, 0, 1).to(device)


def crop(maps: Tensor, window: Tensor, size: int, mode: str) -> Tensor:
    """(B, C, T, T) -> (B, C, S, S) of each map's window; nothing else is mixed in by `nearest`."""
    grid = F.affine_grid(window, [len(maps), maps.shape[1], size, size], align_corners=False)
    return F.grid_sample(maps, grid, mode, padding_mode="border", align_corners=False)


def crop_intrinsics(cameras: Tensor, window: Tensor, size: int) -> Tensor:
    """(B, 4) fx, fy, cx, cy as shares of the source's sides -> in pixels of each map's window."""
    scale, shift = window[:, [0, 1], [0, 1]], window[:, :, 2]
    centre = ((2 * cameras[:, 2:] - 1 - shift) / scale + 1) / 2
    return torch.cat([cameras[:, :2] / scale.abs(), centre], dim=1) * size


def photometric(images: Tensor, draw: Draws, noise: torch.Generator) -> Tensor:
    """Colour, grey, blur, noise and JPEG, (B, 3, S, S) in [0, 1] -> same."""

    def column(*values: np.ndarray) -> Tensor:  # (B, len(values), 1, 1)
        stacked = torch.from_numpy(np.float32(np.stack(values, axis=1)))
        return stacked[:, :, None, None].to(images.device)

    x = images.clamp_min(1e-6) ** column(draw.gamma)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * column(draw.saturation)
    mean = x.mean((1, 2, 3), keepdim=True)
    x = mean + (x - mean) * column(draw.contrast)
    x = (x * column(draw.gain_r, draw.gain_g, draw.gain_b)).clamp(0, 1)
    luma = (x * x.new_tensor(_TO_YCC[0])[:, None, None]).sum(1, keepdim=True)
    x = torch.where(column(draw.grey) > 0, luma, x)
    for values, change in (
        (draw.blur, _blur),
        (draw.noise, lambda part, sigma: _noise(part, sigma, noise)),
        (draw.quality, _jpeg),
    ):
        rows = np.flatnonzero(values)
        if len(rows):
            at = torch.from_numpy(rows).to(x.device)
            strength = torch.from_numpy(np.float32(values[rows])).to(x.device)
            x[at] = change(x[at], strength[:, None, None, None]).clamp(0, 1)
    return x


def _blur(images: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian of each image's own sigma, at most 1.6: 11 taps."""
    count, channels = images.shape[:2]
    offsets = torch.arange(-5, 6, device=images.device)
    kernel = torch.exp(-0.5 * (offsets / sigma.flatten()[:, None]) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(channels, 0)  # (B * 3, 11)
    x = F.pad(images.reshape(1, count * channels, *images.shape[2:]), (5, 5, 5, 5), "reflect")
    x = F.conv2d(x, kernel[:, None, None, :], groups=count * channels)
    x = F.conv2d(x, kernel[:, None, :, None], groups=count * channels)
    return x.reshape(images.shape)


def _noise(images: Tensor, sigma: Tensor, generator: torch.Generator) -> Tensor:
    drawn = torch.randn(images.shape, device=images.device, generator=generator)
    return images + drawn * sigma


def _jpeg(images: Tensor, quality: Tensor) -> Tensor:
    """What JPEG loses: half the colour resolution, and rounding in blocks of 8 x 8.

    Args:
        images: (B, 3, S, S), S a multiple of 16. quality: (B, 1, 1, 1), 1 to 100.
    """
    to_ycc = images.new_tensor(_TO_YCC)
    level = images.new_tensor([128, 0, 0])[:, None, None]
    ycc = torch.einsum("ij,bjhw->bihw", to_ycc, images * 255) - level
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality) / 100
    luma = _round_blocks(ycc[:, :1], _LUMA, scale)
    chroma = _round_blocks(F.avg_pool2d(ycc[:, 1:], 2), _CHROMA, scale)
    ycc = torch.cat([luma, F.interpolate(chroma, scale_factor=2, mode="nearest")], dim=1)
    return torch.einsum("ij,bjhw->bihw", torch.linalg.inv(to_ycc), ycc + level) / 255


def _round_blocks(maps: Tensor, table: str, scale: Tensor) -> Tensor:
    """Round the cosine transforms of 8 x 8 blocks to multiples of the scaled table."""
    k = torch.arange(8, device=maps.device, dtype=maps.dtype)
    cosine = torch.cos((2 * k[None] + 1) * k[:, None] * torch.pi / 16) / 2
    cosine[0] /= 2**0.5
    values = [float(v) for v in table.split()]
    steps = maps.new_tensor(values).view(8, 8) * scale  # (B, 1, 8, 8)
    steps = steps.round().clamp(1, 255)[:, :, None, None]  # (B, 1, 1, 1, 8, 8)
    blocks = maps.unflatten(3, (-1, 8)).unflatten(2, (-1, 8)).transpose(3, 4)  # B C h w 8 8
    coefficients = cosine @ blocks @ cosine.T
    blocks = cosine.T @ ((coefficients / steps).round() * steps) @ cosine
    return blocks.transpose(3, 4).flatten(4, 5).flatten(2, 3)
