"""Texture bank: noise tiles made once, photos read from a folder, all as mip-mapped linear RGB.

Legend: N textures, S texels of one texture over all its levels.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

SIDE = 256
LEVELS = (256, 128, 64, 32, 16, 8)
STARTS = tuple(np.cumsum((0, *(s * s for s in LEVELS[:-1]))).tolist())
NOISE_EXPONENTS = (0.0, 0.6, 1.0, 1.3, 1.6, 2.0, 2.4)
NOISES = len(NOISE_EXPONENTS) + 1
PHOTO_ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}


def _mipmaps(tile: Tensor) -> Tensor:
    """(3, SIDE, SIDE) to (S, 3)."""
    return torch.cat(
        [F.adaptive_avg_pool2d(tile, s).flatten(1) for s in LEVELS], dim=1
    ).T.contiguous()


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
    return torch.stack([_mipmaps(t.expand(3, -1, -1)) for t in stack])


@lru_cache(maxsize=8)
def photo_paths(folder: str) -> tuple[Path, ...]:
    """Sorted photos of a folder.

    Raises:
        FileNotFoundError: if there is no such folder or it holds no photo.
    """
    if not Path(folder).is_dir():
        raise FileNotFoundError(f"no folder of photos at '{folder}'; give an existing folder.")
    paths = tuple(p for p in sorted(Path(folder).iterdir()) if p.suffix.lower() in PHOTO_ENDINGS)
    if not paths:
        raise FileNotFoundError(f"the folder '{folder}' holds no .jpg, .png or .webp photo.")
    return paths


@lru_cache(maxsize=2048)
def _photo_bytes(path: Path) -> np.ndarray:
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def photo_texture(path: Path) -> Tensor:
    """(S, 3) linear RGB of one photo, squashed to a square."""
    rgb = torch.from_numpy(_photo_bytes(path).astype(np.float32) / 255).permute(2, 0, 1)
    return _mipmaps(rgb.pow(2.2))


def sample(bank: Tensor, index: Tensor, uv: Tensor, footprint: Tensor) -> Tensor:
    """Bilinear look-up with repetition, at the mip level that fits.

    Args:
        bank: (N, S, 3).
        index: (K,) int64 texture of each look-up.
        uv: (K, 2), one period is 1, v downwards.
        footprint: (K,) periods that a pixel covers.

    Returns:
        (K, 3).
    """
    level = torch.log2((footprint * SIDE).clamp_min(1)).round().long().clamp_max(len(LEVELS) - 1)
    side = SIDE >> level
    start = torch.tensor(STARTS, device=uv.device)[level] + index * bank.shape[1]
    at = (uv - uv.floor()) * side[:, None] - 0.5
    low = at.floor()
    w = at - low
    x0, y0 = (low[:, 0].long() % side), (low[:, 1].long() % side)
    x1, y1 = (x0 + 1) % side, (y0 + 1) % side
    texels = bank.view(-1, 3)
    wx, wy = w[:, :1], w[:, 1:]
    top = texels[start + y0 * side + x0] * (1 - wx) + texels[start + y0 * side + x1] * wx
    bottom = texels[start + y1 * side + x0] * (1 - wx) + texels[start + y1 * side + x1] * wx
    return top * (1 - wy) + bottom * wy
