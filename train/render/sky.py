"""What lies beyond all surfaces: panoramas painted by chance or read from disk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from train.render.assets import Assets, environment_paths
from train.render.textures import noise_bank

HEIGHT = 256  # rows of a painted panorama, twice as many columns
PAINTED = 24  # different ones
SOFT = (16, 32)  # rows and columns of the panorama that lights matt surfaces


@dataclass(frozen=True, eq=False)
class Panorama:
    """Light from all directions; row 0 is straight up, columns go once round the horizon.

    Attributes:
        sharp: (H, 2 H, 3) float32 linear RGB, its mean luminance about 1.
        soft: the same, small, without the sun.
        sun: (3,) unit vector to the brightest place.
        open_air: taken under the sky, not in a room.
        sunny: how much the sun adds to the mean.
    """

    sharp: Tensor
    soft: Tensor
    sun: np.ndarray
    sunny: float
    open_air: bool = True


@dataclass
class Sky:
    """A panorama turned and scaled.

    Attributes:
        panorama: None is black.
        level: factor of its light.
        yaw: turn about z in radians.
    """

    panorama: Panorama | None = None
    level: float = 1.0
    yaw: float = 0.0

    def radiance(self, direction: Tensor, soft: bool = False) -> Tensor:
        """(N, 3) linear RGB of rays (N, 3); `soft` for the light on matt surfaces."""
        if self.panorama is None:
            return torch.zeros_like(direction)
        table = self.panorama.soft if soft else self.panorama.sharp
        table = table.to(direction.device).permute(2, 0, 1)[None]
        table = torch.cat([table[..., -1:], table, table[..., :1]], dim=3)  # joins at the seam
        n = direction / (direction * direction).sum(1, keepdim=True).sqrt().clamp_min(1e-12)
        turn = torch.atan2(n[:, 1], n[:, 0]) - self.yaw
        turn = torch.remainder(turn / (2 * np.pi), 1)
        columns = table.shape[3] - 2
        x = (turn * columns + 1) / (columns + 2) * 2 - 1
        y = 1 - 2 * torch.asin(n[:, 2].clamp(-1, 1)) / np.pi - 1
        at = torch.stack([x, y], 1)[None, None]
        found = F.grid_sample(table, at, padding_mode="border", align_corners=False)
        return found[0, :, 0].T * self.level

    def to_sun(self) -> np.ndarray:
        """(3,) unit vector towards the sun in the world."""
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        x, y, z = self.panorama.sun
        return np.array([c * x - s * y, s * x + c * y, z])


def _finished(pixels: np.ndarray, sun: np.ndarray | None = None) -> Panorama:
    """Panorama of (H, 2 H, 3) radiances of any scale."""
    height = len(pixels)
    grey = pixels.mean(2)
    rise = (0.5 - (np.arange(height) + 0.5) / height) * np.pi
    weight = np.cos(rise)[:, None] * np.ones_like(grey)
    limit = np.quantile(grey, 0.98) * 4 + 1e-6
    level = (np.minimum(grey, limit) * weight).sum() / weight.sum()
    row, column = np.unravel_index(grey.argmax(), grey.shape)
    if sun is None:
        turn = (column + 0.5) / grey.shape[1] * 2 * np.pi
        flat = np.cos(rise[row])
        sun = np.array([flat * np.cos(turn), flat * np.sin(turn), np.sin(rise[row])])
    excess = ((grey - np.minimum(grey, limit)) * weight).sum() / weight.sum() / level
    sharp = torch.from_numpy(pixels / level).float().clamp(0, 40)
    tame = sharp.clamp_max(float(limit / level)).permute(2, 0, 1)[None]
    soft = F.adaptive_avg_pool2d(tame, SOFT)[0].permute(1, 2, 0)
    quarter = height // 4
    open_air = np.median(grey[:quarter]) > 1.5 * np.minimum(grey, limit)[2 * quarter :].mean()
    return Panorama(sharp, soft, sun, float(excess), bool(open_air))


@lru_cache(maxsize=32)
def read_panorama(path: Path) -> Panorama:
    """A panorama from a .npy file, (H, 2 H, 3) linear RGB."""
    pixels = np.load(path).astype(np.float32)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.shape[1] != 2 * pixels.shape[0]:
        raise ValueError(f"'{path}' is no panorama: expected (H, 2 H, 3), got {pixels.shape}.")
    return _finished(pixels)


def _noise(number: int, zoom: float = 1.0, shift: int = 0) -> np.ndarray:
    """(HEIGHT, 2 HEIGHT) of a noise tile, joining left and right."""
    tile = noise_bank()[number, : 256 * 256, 0].float().view(256, 256).numpy()
    rows = (np.arange(HEIGHT) * zoom + shift).astype(int) % 256
    columns = (np.arange(2 * HEIGHT) * max(round(zoom), 1) // 2 + 3 * shift) % 256
    return tile[rows[:, None], columns[None]]


@lru_cache(maxsize=PAINTED)
def painted(number: int) -> Panorama:
    """Sky with clouds over hills, trees or houses."""
    rng = np.random.default_rng([31, number])
    rise = ((0.5 - (np.arange(HEIGHT) + 0.5) / HEIGHT) * np.pi)[:, None]
    up = np.clip(np.sin(rise), 0, 1)[..., None]
    grey_day = rng.random() < 0.35
    zenith = np.array([0.18, 0.35, 0.75]) if not grey_day else np.array([0.6, 0.65, 0.72])
    low = np.array([0.75, 0.85, 1.0]) if rng.random() < 0.75 else np.array([1.0, 0.75, 0.5])
    sky = zenith * rng.uniform(0.7, 1.3) + (low - zenith) * (1 - up) ** rng.uniform(2, 6)
    cover = rng.uniform(-0.4, 0.45) if not grey_day else 0.7
    cloud = np.clip((_noise(4, 1.5, int(rng.integers(256))) - 0.6 + cover * 0.6) * 3, 0, 1)
    shade = 0.75 + 0.35 * _noise(3, 2.0, int(rng.integers(256)))
    pixels = np.broadcast_to(sky, (HEIGHT, 2 * HEIGHT, 3)).copy()
    pixels += (shade[..., None] * (1.1 if not grey_day else 0.9) - pixels) * cloud[..., None]
    ground = np.array([[0.16, 0.18, 0.08], [0.25, 0.22, 0.18], [0.2, 0.2, 0.2]])[rng.integers(3)]
    fine = _noise(2, 2.0, int(rng.integers(256)))
    for layer in range(rng.integers(1, 4)):  # far ones first
        haze = 0.6 * (1 - (layer + 1) / 3)
        line = _noise(int(rng.integers(4, 7)), 1, int(rng.integers(256)))[17] - 0.5
        top = rng.uniform(0.02, 0.12) + line * rng.uniform(0.05, 0.2)
        style = rng.random()
        colour = np.array([0.08, 0.13, 0.04]) * rng.uniform(0.6, 1.6)
        if style < 0.35:  # houses
            step = int(rng.integers(8, 30))
            top = np.repeat(top[::step] + rng.random(len(top[::step])) * 0.15, step)[: 2 * HEIGHT]
            colour = rng.uniform(0.15, 0.5) * np.array([1.0, 0.92, 0.85])
        elif style < 0.7:  # trees
            top = top + 0.05 * fine[100]
        inside = rise < top[None]
        paint = (colour * (0.5 + fine[..., None])) * (1 - haze) + low * 0.8 * haze
        if style < 0.35:
            panes = (np.arange(HEIGHT)[:, None] % 6 < 3) & (np.arange(2 * HEIGHT)[None] % 5 < 3)
            paint = np.where(panes[..., None], paint * 0.45, paint)
        pixels = np.where(inside[..., None], paint, pixels)
    grass = ground * (0.6 + 0.8 * fine[..., None])
    pixels = np.where((rise < -0.02)[..., None], grass, pixels)
    turn, high = rng.uniform(0, 2 * np.pi), rng.uniform(0.25, 1.2)
    sun = np.array([np.cos(high) * np.cos(turn), np.cos(high) * np.sin(turn), np.sin(high)])
    made = _finished(pixels.astype(np.float32), sun)
    return Panorama(made.sharp, made.soft, sun, 0.0 if grey_day or cover > 0.4 else 1.5)


def any_sky(rng: np.random.Generator, assets: Assets, level: float = 1.0) -> Sky:
    """A random sky: two times in three one from disk, if any of those was taken outdoors."""
    from_disk, number, yaw = rng.random() < 0.67, rng.random(), rng.uniform(0, 2 * np.pi)
    if assets.environments is not None and from_disk:
        paths = environment_paths(assets.environments)
        first = int(number * len(paths))
        for path in paths[first:] + paths[:first]:
            if read_panorama(path).open_air:
                return Sky(read_panorama(path), level, yaw)
    return Sky(painted(int(number * PAINTED)), level, yaw)
