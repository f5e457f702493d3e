"""Texture bank: noise tiles made once, pictures read from files, all as mip-mapped linear RGB.

Legend: N textures, S texels of one texture over all its levels.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from train.render.assets import load_mesh

SIDE = 256  # the sides of all levels are powers of two
LEVELS = (256, 128, 64, 32, 16, 8)
CRISP = 0.75  # below 1, levels are a bit finer than pixels; the lens blurs what would flicker
STARTS = tuple(np.cumsum((0, *(s * s for s in LEVELS[:-1]))).tolist())
NOISE_EXPONENTS = (0.0, 0.6, 1.0, 1.3, 1.6, 2.0, 2.4)
NOISES = len(NOISE_EXPONENTS) + 1


def _mipmaps(tile: Tensor) -> Tensor:
    """(SIDE, SIDE, 3) to (S, 3)."""
    levels = [tile]
    while len(levels[-1]) > LEVELS[-1]:
        rows = levels[-1][::2] + levels[-1][1::2]
        levels.append((rows[:, ::2] + rows[:, 1::2]) / 4)
    return torch.cat([level.reshape(-1, 3) for level in levels])


@lru_cache(maxsize=1)
def noise_bank() -> Tensor:
    """(NOISES, S, 3) in 0..1: tiles with power spectra 1/f**(2e), and one of cells."""
    rng = np.random.default_rng(7)
    f = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.fftfreq(SIDE)[None]) * SIDE
    f[0, 0] = 1
    tiles = []
    for exponent in NOISE_EXPONENTS:
        spectrum = np.fft.fft2(rng.standard_normal((SIDE, SIDE))) / f**exponent
        spectrum[0, 0] = 0
        tile = np.fft.ifft2(spectrum).real
        tiles.append(1 / (1 + np.exp(-1.6 * tile / tile.std())))
    points = rng.random((150, 2)) * SIDE
    at = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij"), -1)
    gap = np.abs(at[:, :, None] - points)
    gap = np.sort(np.hypot(*np.moveaxis(np.minimum(gap, SIDE - gap), -1, 0)), axis=-1)
    tiles.append(np.clip((gap[..., 1] - gap[..., 0]) / 8, 0, 1))
    stack = torch.from_numpy(np.stack(tiles)).float()
    return torch.stack([_mipmaps(t[..., None].expand(-1, -1, 3)) for t in stack]).half()


@lru_cache(maxsize=1)
def _linear() -> Tensor:
    """(256,) linear light of sRGB values."""
    return (torch.arange(256) / 255).pow(2.2)


@lru_cache(maxsize=1000)  # half a MiB each
def texture_of(path: Path) -> Tensor:
    """(S, 3) float16 linear RGB of a picture, or of the texture inside a mesh's .npz file.

    Squashed to a square.
    """
    from PIL import Image

    if path.suffix == ".npz":
        image = Image.fromarray(load_mesh(path).texture)
    else:
        image = Image.open(path).convert("RGB")
    pixels = np.array(image.resize((SIDE, SIDE), Image.Resampling.BOX))
    linear = _linear().index_select(0, torch.from_numpy(pixels).flatten().int())
    return _mipmaps(linear.view(SIDE, SIDE, 3)).half()


def sample(
    bank: Tensor, index: Tensor, uv: Tensor, footprint: Tensor, smooth: bool = True
) -> Tensor:
    """Look-up with repetition, at the mip level that fits.

    Args:
        bank: (N, S, C).
        index: (K,) int64 texture of each look-up.
        uv: (K, 2), one period is 1, v downwards.
        footprint: (K,) periods that a pixel covers.
        smooth: interpolate between four texels instead of taking the one.

    Returns:
        (K, C).
    """
    level = (
        torch.log2((footprint * (CRISP * SIDE)).clamp_min(1))
        .round()
        .long()
        .clamp_max(len(LEVELS) - 1)
    )
    side = SIDE >> level
    start = torch.tensor(STARTS, device=uv.device).index_select(0, level) + index * bank.shape[1]
    texels = bank.reshape(-1, bank.shape[2])
    at = (uv - uv.floor()).T * side
    if not smooth:
        x, y = at.long() & (side - 1)
        return texels.index_select(0, start + y * side + x).float()
    at = at - 0.5
    low = at.floor()
    wx, wy = (at - low)[..., None]
    last = side - 1
    x0, y0 = low.long() & last
    x1, y1 = (x0 + 1) & last, start + ((y0 + 1) & last) * side
    y0 = start + y0 * side

    def texel(place: Tensor) -> Tensor:
        return texels.index_select(0, place).float()

    top = torch.lerp(texel(y0 + x0), texel(y0 + x1), wx)
    bottom = torch.lerp(texel(y1 + x0), texel(y1 + x1), wx)
    return torch.lerp(top, bottom, wy)
