"""A picture to show around: the photo beside its depth, with a legend and a line of words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from depthart.export.animation import caption_of
from depthart.images import resize_depth
from depthart.visualize import (
    BACKGROUND_RGB,
    color_table,
    colorize,
    depth_limits,
    write,
)

if TYPE_CHECKING:
    from depthart.prediction import Prediction

PANEL_SIDE = 720
_MARGIN = 20


def share_picture(
    prediction: Prediction, cmap: str = "spectral", invert: bool = False
) -> np.ndarray:
    """Before and after, side by side, on white.

    Args:
        prediction: Of any kind.
        cmap, invert: Colours of the depth, as in `visualize.colorize`.

    Returns:
        (H, W, 3) uint8; each panel has 720 pixels on its longer side.
    """
    photo = prediction.photo
    grow = PANEL_SIDE / max(photo.width, photo.height)
    width, height = max(1, round(photo.width * grow)), max(1, round(photo.height * grow))
    small = Image.fromarray(photo.rgb).resize(
        (width, height), Image.Resampling.BICUBIC, reducing_gap=2
    )
    limits = depth_limits(prediction.depth)
    depth = resize_depth(prediction.depth, height, width)
    color = Image.fromarray(colorize(depth, prediction.kind, cmap, invert, limits))
    size = max(15, width // 32)
    footer = 3 * size
    canvas = Image.new(
        "RGB", (2 * width + 3 * _MARGIN, height + 2 * _MARGIN + footer), BACKGROUND_RGB
    )
    right = width + 2 * _MARGIN
    canvas.paste(small, (_MARGIN, _MARGIN))
    canvas.paste(color, (right, _MARGIN))
    line = height + _MARGIN + (footer + _MARGIN) // 2
    words = f"Depth by {prediction.model}"
    if prediction.refined:
        words += f", {caption_of(prediction.steps[-1], len(prediction.steps))}"
    write(canvas, (_MARGIN, line), words, size, "lm", width)
    _legend(canvas, prediction, limits, color_table(cmap, invert), (right, line), width, size)
    return np.asarray(canvas)


def _legend(
    canvas: Image.Image,
    prediction: Prediction,
    limits: tuple[float, float],
    table: np.ndarray,
    place: tuple[int, int],
    width: int,
    size: int,
) -> None:
    """The colours from near to far, with metres at the ends where they are known."""
    factor = prediction.metres_per_unit
    near, far = limits[::-1] if prediction.kind == "disparity" else limits
    names = ["near", "far"]
    if factor is not None and prediction.kind != "disparity":
        names = [f"{near * factor:.2f} m", f"{far * factor:.2f} m"]
    left, line = place
    gap = min(5 * size, width // 4)
    write(canvas, (left, line), names[0], size, "lm", gap)
    write(canvas, (left + width, line), names[1], size, "rm", gap)
    ramp = table[np.linspace(255, 0, width - 2 * gap).round().astype(np.uint8)]
    bar = np.broadcast_to(ramp, (size // 2, *ramp.shape)).copy()
    canvas.paste(Image.fromarray(bar), (left + gap, line - size // 4))
