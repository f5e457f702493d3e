"""Strong perturbations of the student's pictures: colour jitter and Gaussian blur (section 3.2).

Batches of pictures (B, 3, H, W) in [-1, 1]; every picture draws its own strength.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601


@dataclass(frozen=True)
class Strength:
    """How strong, in the terms of the usual colour jitter."""

    colour: float = 0.8  # probability of any jitter
    brightness: float = 0.5  # factors from 1 - x to 1 + x
    contrast: float = 0.5
    saturation: float = 0.5
    hue: float = 0.25  # turns of the colour circle, either way
    grey: float = 0.2  # probability
    blur: float = 0.5  # probability
    sigma: tuple[float, float] = (0.1, 2.0)  # pixels, for a side of 256


def perturb(images: Tensor, generator: torch.Generator, strength: Strength) -> Tensor:
    """Colour jitter, grey and blur, each by chance, for each picture by itself.

    Args:
        generator: of the CPU, so that every device draws the same.
    """
    count = len(images)

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=generator)

    jitter = uniform(0, 1) < strength.colour
    factors = {
        name: torch.where(jitter, uniform(1 - x, 1 + x), 1.0).to(images)
        for name, x in (
            ("brightness", strength.brightness),
            ("contrast", strength.contrast),
            ("saturation", strength.saturation),
        )
    }
    turns = torch.where(jitter, uniform(-strength.hue, strength.hue), 0.0).to(images)
    factors["saturation"] *= (uniform(0, 1) >= strength.grey).to(images)
    sigma = uniform(*strength.sigma) * min(images.shape[-2:]) / 256
    sigma = sigma * (uniform(0, 1) < strength.blur)
    x = (images + 1) / 2
    x = brightness(x, factors["brightness"])
    x = contrast(x, factors["contrast"])
    x = saturation(x, factors["saturation"])
    x = hue(x, turns)
    return gaussian_blur(x, sigma.tolist()) * 2 - 1


def brightness(x: Tensor, factor: Tensor) -> Tensor:
    """Multiply, (B, 3, H, W) in [0, 1] by (B,)."""
    return (x * _of_each(factor)).clamp(0, 1)


def contrast(x: Tensor, factor: Tensor) -> Tensor:
    """Blend with the picture's mean grey."""
    mean = _grey(x).mean((-2, -1), keepdim=True)
    return (mean + (x - mean) * _of_each(factor)).clamp(0, 1)


def saturation(x: Tensor, factor: Tensor) -> Tensor:
    """Blend with each pixel's grey; factor 0 leaves grey."""
    grey = _grey(x)
    return (grey + (x - grey) * _of_each(factor)).clamp(0, 1)


def hue(x: Tensor, turns: Tensor) -> Tensor:
    """Rotate colours about the grey axis by `turns` (B,) of a full circle.

    A third of a turn takes red to green, green to blue, blue to red.
    """
    cosine, sine = torch.cos(2 * math.pi * turns), torch.sin(2 * math.pi * turns)
    same = (1 + 2 * cosine) / 3
    left = (1 - cosine) / 3 - sine / math.sqrt(3)
    right = (1 - cosine) / 3 + sine / math.sqrt(3)
    rotation = torch.stack([same, left, right, right, same, left, left, right, same], dim=1)
    rotated = torch.einsum("brc,bchw->brhw", rotation.view(-1, 3, 3), x)
    return rotated.clamp(0, 1)


def gaussian_blur(x: Tensor, sigmas: list[float]) -> Tensor:
    """Blur each picture with its own standard deviation in pixels; 0 leaves it alone."""
    return torch.cat([_blur(x[i : i + 1], sigma) for i, sigma in enumerate(sigmas)])


def gaussian_kernel(sigma: float) -> Tensor:
    """(2 r + 1,) weights that sum to 1, out to three standard deviations."""
    radius = max(1, math.ceil(3 * sigma))
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float32)
    weights = torch.exp(-(offsets**2) / (2 * sigma**2))
    return weights / weights.sum()


def _blur(x: Tensor, sigma: float) -> Tensor:
    if sigma < 0.05:  # the neighbours' weight is below 1e-80
        return x
    kernel = gaussian_kernel(sigma).to(x)
    radius, channels = len(kernel) // 2, x.shape[1]
    if radius >= min(x.shape[-2:]):
        raise ValueError(f"a blur of {sigma:.1f} pixels is too wide for a picture {x.shape[-2:]}")
    x = F.pad(x, (radius, radius, radius, radius), mode="reflect")
    x = F.conv2d(x, kernel.view(1, 1, 1, -1).expand(channels, -1, -1, -1), groups=channels)
    return F.conv2d(x, kernel.view(1, 1, -1, 1).expand(channels, -1, -1, -1), groups=channels)


def _grey(x: Tensor) -> Tensor:
    weights = x.new_tensor(GREY).view(1, 3, 1, 1)
    return (x * weights).sum(1, keepdim=True)


def _of_each(factor: Tensor) -> Tensor:
    return factor.view(-1, 1, 1, 1)
