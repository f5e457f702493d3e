"""Depth as pictures: colour maps, legends, strips, differences, entropy.

In every colour map the warm or bright end is near, also for disparity, where larger is nearer.

Letters: H, W height and width · s side of one scale's token grid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

INVALID_RGB = (128, 128, 128)
BACKGROUND_RGB = (255, 255, 255)
TEXT_RGB = (30, 30, 30)

# Evenly spaced anchors, far to near. Spectral and the diverging RdBu are the 11 classes of
# ColorBrewer 2.0 (Brewer, Harrower); turbo (Mikhailov), viridis, inferno and magma (Smith, van der
# Walt) are 10 to 15 samples of the published maps.
_ANCHORS = {
    "spectral": "5e4fa2 3288bd 66c2a5 abdda4 e6f598 ffffbf fee08b fdae61 f46d43 d53e4f 9e0142",
    "turbo": "30123b 4145ab 4675ed 39a2fc 1bcfd4 24eca6 61fc6c a4fc3b d1e834 f3c63a fe9b2d f36315"
    " d93806 b11901 7a0402",
    "viridis": "440154 482878 3e4989 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725",
    "inferno": "000004 1b0c41 4a0c6b 781c6d a52c60 cf4446 ed6925 fb9b06 f7d13d fcffa4",
    "magma": "000004 180f3d 440f76 721f81 9e2f7f cd4071 f1605d fd9668 feca8d fcfdbf",
    "gray": "000000 ffffff",
}
_DIVERGING = "053061 2166ac 4393c3 92c5de d1e5f0 f7f7f7 fddbc7 f4a582 d6604d b2182b 67001f"
COLOR_MAPS = tuple(_ANCHORS)


def color_table(cmap: str = "spectral", invert: bool = False) -> np.ndarray:
    """The 256 colours of a map, far (index 0) to near (index 255); `invert` swaps the ends.

    Returns:
        (256, 3) uint8 sRGB.

    Raises:
        ValueError: Unknown name; the message lists the known ones.
    """
    if cmap not in _ANCHORS:
        raise ValueError(f"unknown colour map {cmap!r}; known: {', '.join(COLOR_MAPS)}.")
    table = _table(_ANCHORS[cmap])
    return table[::-1] if invert else table


def depth_limits(depth: np.ndarray, low: float = 0.01, high: float = 0.99) -> tuple[float, float]:
    """Robust range: the `low` and `high` quantiles of the finite values; (0, 1) without any."""
    # A few hundred thousand pixels fix a quantile; large photos have fifty times as many.
    step = max(1, int(math.sqrt(depth.size / 250_000)))
    values = np.asarray(depth)[::step, ::step]
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    near, far = np.quantile(values, [low, high])
    return float(near), float(far)


def color_index(
    depth: np.ndarray, kind: str = "scale_invariant", limits: tuple[float, float] | None = None
) -> np.ndarray:
    """Index into `color_table`: 0 at the far limit, 255 at the near one. (H, W) -> (H, W) uint8.

    Args:
        depth: Depth, or disparity where `kind` is "disparity"; not finite gives 0.
        kind: Kind of prediction.
        limits: Lowest and highest value shown; `depth_limits` of the map by default.
    """
    low, high = depth_limits(depth) if limits is None else limits
    scale = 255 / (high - low) if high > low else 0.0
    index = np.multiply(np.subtract(depth, low, dtype=np.float32), np.float32(scale))
    np.clip(
        np.nan_to_num(index, copy=False, nan=0 if kind == "disparity" else 255), 0, 255, out=index
    )
    index += 0.5
    index = index.astype(np.uint8)
    return index if kind == "disparity" else 255 - index


def colorize(
    depth: np.ndarray,
    kind: str = "scale_invariant",
    cmap: str = "spectral",
    invert: bool = False,
    limits: tuple[float, float] | None = None,
) -> np.ndarray:
    """Colour a depth map, near warm and far cold; values that are not finite become grey.

    Args:
        depth: (H, W) depth, or disparity where `kind` is "disparity".
        kind: Kind of prediction; only "disparity" has its near end at large values.
        cmap: One of `COLOR_MAPS`.
        invert: Swap near and far colours.
        limits: Lowest and highest value shown, by default the 1 % and 99 % quantiles. Pass one
            pair to several maps to make their colours comparable.

    Returns:
        (H, W, 3) uint8 sRGB.
    """
    if np.ndim(depth) != 2:
        raise ValueError(f"a depth map has shape (H, W), got {np.shape(depth)}.")
    picture = color_table(cmap, invert)[color_index(depth, kind, limits)]
    invalid = ~np.isfinite(depth)
    if invalid.any():
        picture[invalid] = INVALID_RGB
    return picture


def difference_map(
    before: np.ndarray, after: np.ndarray, kind: str = "scale_invariant", limit: float | None = None
) -> np.ndarray:
    """What changed from one map to another: red came nearer, blue went away, white stayed.

    Args:
        before, after: (H, W), same unit.
        kind: Kind of prediction.
        limit: Change of the full colour; the 99 % quantile of the changes by default.

    Returns:
        (H, W, 3) uint8 sRGB.
    """
    if before.shape != after.shape:
        raise ValueError(f"the maps differ in shape: {before.shape} and {after.shape}.")
    nearer = after - before if kind == "disparity" else before - after
    if limit is None:
        limit = depth_limits(np.abs(nearer))[1]
    limit = max(float(limit), 1e-12)
    index = np.nan_to_num(np.clip(nearer / limit, -1, 1)) * 127.5 + 127.5
    picture = _table(_DIVERGING)[(index + 0.5).astype(np.uint8)]
    picture[~np.isfinite(nearer)] = INVALID_RGB
    return picture


def entropy_map(
    entropy: np.ndarray, width: int, height: int, limit: float | None = None
) -> np.ndarray:
    """How unsure the model was of each token, one block each: dark is sure, bright unsure.

    Args:
        entropy: (s, s) nats.
        width, height: Size of the picture.
        limit: Entropy of the brightest colour, such as log(vocabulary); by default the maximum.

    Returns:
        (height, width, 3) uint8 sRGB.
    """
    limit = float(entropy.max()) if limit is None else limit
    index = np.clip(entropy / max(limit, 1e-12), 0, 1) * 255
    blocks = color_table("magma")[(index + 0.5).astype(np.uint8)]
    return np.asarray(Image.fromarray(blocks).resize((width, height), Image.Resampling.NEAREST))


def strip(
    pictures: Sequence[np.ndarray], captions: Sequence[str] = (), height: int = 160, gap: int = 6
) -> np.ndarray:
    """Pictures in a row, all brought to one height, each with a caption below.

    Args:
        pictures: (H, W, 3) uint8 each, of any sizes.
        captions: One per picture, or none.

    Returns:
        (height [+ caption], W', 3) uint8.
    """
    if not pictures:
        raise ValueError("a strip needs at least one picture.")
    if captions and len(captions) != len(pictures):
        raise ValueError(f"{len(pictures)} pictures but {len(captions)} captions.")
    images = [Image.fromarray(picture) for picture in pictures]
    images = [im.resize((max(1, round(im.width * height / im.height)), height)) for im in images]
    size = max(10, height // 12)
    footer = 2 * size if captions else 0
    width = sum(im.width for im in images) + gap * (len(images) - 1)
    canvas = Image.new("RGB", (width, height + footer), BACKGROUND_RGB)
    left = 0
    for i, image in enumerate(images):
        canvas.paste(image, (left, 0))
        if captions:
            middle = (left + image.width / 2, height + footer / 2)
            write(canvas, middle, captions[i], size, max_width=image.width + gap)
        left += image.width + gap
    return np.asarray(canvas)


def colorbar(
    limits: tuple[float, float],
    kind: str = "scale_invariant",
    cmap: str = "spectral",
    invert: bool = False,
    width: int = 320,
    unit: str = "",
) -> np.ndarray:
    """Legend of `colorize`: a horizontal bar from near to far with the values at its ends.

    Args:
        limits: Lowest and highest value, as given to `colorize`.
        unit: Written after the numbers, such as "m".

    Returns:
        (H, width, 3) uint8.
    """
    bar, size = max(10, width // 20), max(10, width // 24)
    canvas = Image.new("RGB", (width, bar + 2 * size), BACKGROUND_RGB)
    ramp = color_table(cmap, invert)[np.linspace(255, 0, width).round().astype(np.uint8)]
    canvas.paste(Image.fromarray(np.broadcast_to(ramp, (bar, width, 3)).copy()), (0, 0))
    near, far = limits[::-1] if kind == "disparity" else limits
    for text, left, anchor in (("near", 0, "lm"), ("far", width - 1, "rm")):
        value = near if text == "near" else far
        label = f"{text} {value:.3g} {unit}".strip()
        write(canvas, (left, bar + size), label, size, anchor)
    return np.asarray(canvas)


def write(
    image: Image.Image,
    position: tuple[float, float],
    text: str,
    size: int,
    anchor: str = "mm",
    max_width: float = math.inf,
) -> None:
    """Write text on a picture, smaller if needed to stay within max_width pixels."""
    font = ImageFont.load_default(size)
    while size > 6 and font.getlength(text) > max_width:
        size -= 1
        font = ImageFont.load_default(size)
    ImageDraw.Draw(image).text(position, text, fill=TEXT_RGB, font=font, anchor=anchor)


@lru_cache
def _table(anchors: str) -> np.ndarray:
    """Evenly spaced hex colours -> (256, 3) uint8, linear between them."""
    colors = np.array([list(bytes.fromhex(color)) for color in anchors.split()], np.float64)
    places = np.linspace(0, 1, len(colors))
    channels = [np.interp(np.linspace(0, 1, 256), places, channel) for channel in colors.T]
    table = np.stack(channels, axis=1).round().astype(np.uint8)
    table.setflags(write=False)  # shared by all callers
    return table
