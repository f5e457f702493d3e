"""From linear light to a picture as a phone saves it."""

from __future__ import annotations

import io
import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


def sample_post(rng: np.random.Generator) -> dict[str, float]:
    """Settings of one picture."""
    strong = rng.random() < 0.08
    noise_levels = [0.004, 0.015, 0.04]
    return {
        "exposure": float(rng.uniform(0.36, 0.6)),
        "contrast": float(rng.uniform(0.85, 1.3)),
        "saturation": float(rng.uniform(0.6, 1.2)),
        "warmth": float(rng.normal(0, 0.07)),
        "tint": float(rng.normal(0, 0.03)),
        "vignette": float(rng.uniform(0, 0.35)) if rng.random() < 0.5 else 0.0,
        "blur": float(rng.uniform(0.9, 1.7) if strong else rng.uniform(0.35, 0.65)),
        "shake": float(rng.uniform(2, 6)) if rng.random() < 0.08 else 0.0,
        "shake_angle": float(rng.uniform(0, np.pi)),
        "bloom": float(rng.uniform(0.02, 0.15)) if rng.random() < 0.5 else 0.0,
        "sharpen": float(rng.uniform(0.2, 0.9)) if rng.random() < 0.5 else 0.0,
        "noise": float(rng.choice(noise_levels, p=[0.65, 0.27, 0.08]) * rng.uniform(0.5, 1.5)),
        "jpeg": float(rng.integers(45, 96)) if rng.random() < 0.5 else 0.0,
    }


def _blur(x: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur of (B, 3, H, W), sigma (B,) in pixels, cut off at twice the widest."""
    reach = max(4, int(2 * sigma.max()))
    at = torch.arange(-reach, reach + 1, device=x.device, dtype=torch.float32)
    k = torch.exp(-0.5 * (at[None] / sigma[:, None]) ** 2)
    k = (k / k.sum(1, keepdim=True)).repeat_interleave(3, 0)
    b, c, h, w = x.shape
    x = F.pad(x.reshape(1, b * c, h, w), (reach,) * 4, mode="replicate")
    x = F.conv2d(x, k[:, None, None, :], groups=b * c)
    return F.conv2d(x, k[:, None, :, None], groups=b * c).view(b, c, h, w)


def _shaken(light: Tensor, settings: list[dict[str, float]]) -> Tensor:
    """(B, 3, H, W) as by hands that move along a line, by "shake" pixels where 256 are a side."""
    made = list(light)
    side = light.shape[3]
    for i, s in enumerate(settings):
        reach = s["shake"] * side / 512
        if not s["shake"] or reach < 0.5:
            continue
        at = torch.linspace(-1, 1, 2 * math.ceil(2 * reach) + 1, device=light.device)
        x, y = (at * reach * f(s["shake_angle"]) * 2 / side for f in (math.cos, math.sin))
        grid = F.affine_grid(torch.eye(2, 3, device=light.device)[None], [1, *light[i].shape],
                             align_corners=False)  # fmt: skip
        moved = [
            F.grid_sample(light[i : i + 1], grid + torch.stack([x[k], y[k]]),
                          padding_mode="border", align_corners=False)[0]
            for k in range(len(at))
        ]  # fmt: skip
        made[i] = torch.stack(moved).mean(0)
    return torch.stack(made)


def _halo(light: Tensor) -> Tensor:
    """(B, 3, H, W) light that a lens scatters around what is brighter than white."""
    small = F.avg_pool2d((light - 0.8).clamp(0, 8), 4)
    sigma = torch.full((len(light),), light.shape[3] / 100, device=light.device)
    return F.interpolate(_blur(small, sigma), size=light.shape[2:], mode="bilinear")


def defocus(light: Tensor, depth: Tensor, strength: float) -> Tensor:
    """Blur what lies before or behind the depth in the middle of the picture.

    Args:
        light: (3, H, W).
        depth: (H, W) > 0.
        strength: standard deviation in pixels of the blur at infinity.

    Returns:
        (3, H, W).
    """
    h, w = depth.shape
    focus = depth[h * 2 // 5 : h * 3 // 5 + 1, w * 2 // 5 : w * 3 // 5 + 1].median()
    wide = strength * (1 - focus / depth.clamp_min(1e-3)).abs()
    # blends of a few blurred pictures; a real lens mixes by distance, which looks alike when small
    sigmas = [0.0, 1.0, 2.0, 4.0]
    layers = [light] + [_blur(light[None], light.new_tensor([s]))[0] for s in sigmas[1:]]
    mixed = light
    for k in range(1, len(sigmas)):
        share = ((wide - sigmas[k - 1]) / (sigmas[k] - sigmas[k - 1])).clamp(0, 1)
        mixed = torch.lerp(mixed, layers[k], share)
    return mixed


def develop(light: Tensor, settings: list[dict[str, float]], noise: Tensor) -> Tensor:
    """Linear light to uint8 sRGB.

    Args:
        light: (B, 3, H, W) >= 0, any scale; exposure is set from the picture itself.
        settings: one dictionary of `sample_post` for each picture.
        noise: (B, 3, H, W) standard normal.

    Returns:
        (B, 3, H, W) uint8.
    """

    def of(name: str) -> Tensor:
        values = torch.tensor([s[name] for s in settings], device=light.device)
        return values.float()[:, None, None, None]

    b, _, h, w = light.shape
    warmth, tint = of("warmth"), of("tint")
    gains = torch.cat([1 + warmth, 1 + tint, 1 - warmth], 1)
    light = _shaken(light.clamp(0, 1e4), settings)
    light = _blur(light, of("blur").flatten() * (w / 256)) * gains
    grey = light.mean(1).flatten(1)
    bright = grey.kthvalue(round(0.6 * grey.shape[1]), dim=1).values
    level = torch.exp(torch.log(grey + 1e-4).mean(1)) * 0.5 + bright * 0.5
    light = light * (of("exposure") ** 2.2 / level.clamp_min(1e-5)[:, None, None, None])
    if any(s["bloom"] for s in settings):
        light = light + of("bloom") * _halo(light)
    y, x = torch.meshgrid(
        torch.linspace(-1, 1, h, device=light.device),
        torch.linspace(-1, 1, w, device=light.device),
        indexing="ij",
    )
    light = light * (1 - of("vignette") * (x * x + y * y) / 2)
    # highlights roll off smoothly: linear below 0.5, saturating above
    light = torch.where(light < 0.5, light, 1 - 0.5 * torch.exp(-(light - 0.5) * 2))
    light = (light + noise * of("noise") * (light + 0.05).sqrt()).clamp(0, 1)
    picture = light.pow(1 / 2.2)
    if any(s["sharpen"] for s in settings):
        softer = _blur(picture, torch.full((b,), w / 256, device=light.device))
        picture = picture + of("sharpen") * (picture - softer)
    middle = of("exposure")
    picture = (picture - middle) * of("contrast") + middle
    grey = picture.mean(1, keepdim=True)
    picture = grey + (picture - grey) * of("saturation")
    picture = (picture.clamp(0, 1) * 255 + 0.5).to(torch.uint8)
    for i, s in enumerate(settings):
        if s["jpeg"]:
            picture[i] = _jpeg(picture[i], int(s["jpeg"]))
    return picture


def _jpeg(picture: Tensor, quality: int) -> Tensor:
    """(3, H, W) uint8 through a JPEG file and back."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture.permute(1, 2, 0).cpu().numpy()).save(buffer, "JPEG", quality=quality)
    rgb = np.array(Image.open(buffer))
    return torch.from_numpy(rgb).permute(2, 0, 1).to(picture.device)
