"""The refinement as a moving picture: the photo beside the depth after each step."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from depthart.visualize import BACKGROUND_RGB, color_index, color_table, depth_limits, write

if TYPE_CHECKING:
    from depthart.prediction import Prediction, PredictionStep

PANEL_SIDE = 384
FRAME_MS = 500
LAST_FRAME_MS = 2000
_PHOTO_COLORS = 112
_DEPTH_COLORS = 128


def fit(width: int, height: int, side: int) -> tuple[int, int]:
    """Size (width, height) of a picture shrunk, if need be, to a longest side."""
    shrink = min(1.0, side / max(width, height))
    return max(1, round(width * shrink)), max(1, round(height * shrink))


def caption_of(step: PredictionStep, count: int) -> str:
    """Such as "scale 3 of 10: 3 x 3 tokens", or "step 3 of 8" of a model without tokens."""
    if not step.side:
        return f"step {step.scale + 1} of {count}"
    return f"scale {step.scale + 1} of {count}: {step.side} x {step.side} tokens"


def refinement_webp(prediction: Prediction, cmap: str = "spectral", invert: bool = False) -> bytes:
    """Animated WebP, one frame per step, colours fixed by the last one."""
    photo, depths, captions = _panels(prediction)
    table = color_table(cmap, invert)
    frames = [
        _frame(photo, Image.fromarray(table[depth]), text)
        for depth, text in zip(depths, captions, strict=True)
    ]
    return _encode(frames, "WEBP", quality=80, method=2)


def refinement_gif(prediction: Prediction, cmap: str = "spectral", invert: bool = False) -> bytes:
    """Animated GIF, one frame per step, colours fixed by the last one.

    The palette is shared by all frames: half for the photo, half for the colour map, so that depth
    neither flickers nor is dithered.
    """
    photo, depths, captions = _panels(prediction)
    lines = color_table(cmap, invert)[np.linspace(0, 255, _DEPTH_COLORS).round().astype(int)]
    still = photo.quantize(_PHOTO_COLORS, Image.Quantize.MEDIANCUT)
    colors = np.array(still.getpalette()[: 3 * _PHOTO_COLORS], np.uint8).reshape(-1, 3)
    grays = np.linspace(0, 255, 256 - len(colors) - _DEPTH_COLORS).round().astype(np.uint8)
    palette = np.concatenate([colors, lines, np.repeat(grays[:, None], 3, axis=1)])
    text_palette = Image.new("P", (1, 1))
    text_palette.putpalette(palette.tobytes())
    frames = []
    for depth, text in zip(depths, captions, strict=True):
        frame = _frame(photo, Image.new("RGB", photo.size), text)
        frame = frame.quantize(palette=text_palette, dither=Image.Dither.NONE)
        frame.paste(_indices(np.asarray(still)), (0, 0))
        shades = (depth.astype(np.uint16) * (_DEPTH_COLORS - 1) + 127) // 255 + len(colors)
        frame.paste(_indices(shades.astype(np.uint8)), (photo.width, 0))
        frames.append(frame)
    return _encode(frames, "GIF", optimize=False)


def _panels(prediction: Prediction) -> tuple[Image.Image, list[np.ndarray], list[str]]:
    """The photo at panel size, colour indices of every step, captions."""
    if not prediction.refined:
        raise ValueError(f"{prediction.model} has no scales, so there is no refinement to animate.")
    size = fit(prediction.photo.width, prediction.photo.height, PANEL_SIDE)
    photo = Image.fromarray(prediction.photo.rgb).resize(
        size, Image.Resampling.BICUBIC, reducing_gap=2
    )
    limits = depth_limits(prediction.depth)
    depths = [
        color_index(step.depth_at(size[1], size[0]), prediction.kind, limits)
        for step in prediction.steps
    ]
    return photo, depths, [caption_of(step, len(prediction.steps)) for step in prediction.steps]


def _frame(photo: Image.Image, depth: Image.Image, caption: str) -> Image.Image:
    """Photo, depth and caption, on even sides, which some video converters ask for."""
    width, height = photo.size
    footer = 24
    size = 2 * width, height + footer + height % 2
    frame = Image.new("RGB", size, BACKGROUND_RGB)
    frame.paste(photo, (0, 0))
    frame.paste(depth, (width, 0))
    write(frame, (width, height + footer / 2), caption, 14, max_width=2 * width - 4)
    return frame


def _indices(values: np.ndarray) -> Image.Image:
    """(H, W) uint8 as palette indices, which pasting leaves as they are."""
    return Image.frombytes("P", values.shape[::-1], values.tobytes())


def _encode(frames: list[Image.Image], kind: str, **options: object) -> bytes:
    durations = [FRAME_MS] * (len(frames) - 1) + [LAST_FRAME_MS]
    file = io.BytesIO()
    frames[0].save(
        file, kind, save_all=True, append_images=frames[1:], duration=durations, loop=0, **options
    )
    return file.getvalue()
