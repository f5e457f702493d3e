"""Contact sheet: pictures over their depth maps."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from depthart.visualize import colorize
from train.render.assets import Assets
from train.render.render import render_batch

GAP = 4  # pixels


def contact_sheet(
    seeds: list[int],
    size: int = 256,
    device: str = "cpu",
    assets: Assets | None = None,
    columns: int = 4,
) -> Image.Image:
    """Draw each seed's picture with its number, and its depth below (near warm, far cold)."""
    rows, columns = math.ceil(len(seeds) / columns), min(columns, len(seeds))
    sheet = Image.new("RGB", (columns * (size + GAP) - GAP, rows * (2 * size + GAP) - GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for place, seed in enumerate(seeds):
        batch = render_batch([seed], size, device, assets)
        depth = batch.depth_m[0].cpu().numpy()
        x, y = place % columns * (size + GAP), place // columns * (2 * size + GAP)
        sheet.paste(Image.fromarray(batch.image[0].permute(1, 2, 0).cpu().numpy()), (x, y))
        seen = np.where(depth > 0, depth, np.nan)
        sheet.paste(Image.fromarray(colorize(seen)), (x, y + size))
        draw.text((x + 4, y + 2), str(seed), fill="white", stroke_width=1, stroke_fill="black")
    return sheet
