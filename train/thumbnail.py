"""The Space's thumbnail: a rendered room and its depth, growing from one token to 256.

python -m train.thumbnail --photo assets/examples/tabletop.jpg --out assets/thumbnail.jpg
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import depthart
from depthart.images import open_photo
from depthart.visualize import colorize, depth_limits

SIZE = 1200, 630  # what links are previewed at
SCALES = (0, 1, 2, 4, 6, 9)  # 0-based, drawn from left to right
BACKGROUND, TEXT, QUIET = (15, 18, 32), (255, 255, 255), (165, 173, 200)
MARGIN, GAP, PANEL = 44, 14, 352


def draw(photo_path: Path, model: str) -> Image.Image:
    """Photo and finest depth above, the scales in a row below, the name beside."""
    photo = open_photo(photo_path)
    steps = list(depthart.load(model).refine(photo))
    limits = depth_limits(steps[-1].model_depth)
    depths = [colorize(step.depth, limits=limits) for step in steps]
    canvas = Image.new("RGB", SIZE, BACKGROUND)
    for k, picture in enumerate((photo.rgb, depths[-1])):
        canvas.paste(_square(picture, PANEL), (MARGIN + k * (PANEL + GAP), MARGIN))
    pen = ImageDraw.Draw(canvas)
    left = MARGIN + 2 * (PANEL + GAP) + 20
    pen.text((left, MARGIN + 36), "DepthART", TEXT, ImageFont.load_default(72))
    words = "Depth from one photo,\nrefined scale by scale,\nfrom one token to 256"
    pen.text((left, MARGIN + 140), words, QUIET, ImageFont.load_default(34), spacing=14)
    side = (SIZE[0] - 2 * MARGIN - (len(SCALES) - 1) * GAP) // len(SCALES)
    top = MARGIN + PANEL + 24
    height = SIZE[1] - top - MARGIN
    for place, k in enumerate(SCALES):
        x = MARGIN + place * (side + GAP)
        picture = Image.fromarray(depths[k]).resize((side, side), Image.Resampling.BICUBIC)
        canvas.paste(picture.crop((0, (side - height) // 2, side, (side + height) // 2)), (x, top))
        label = f"{steps[k].side} x {steps[k].side}"
        pen.text((x + side / 2, SIZE[1] - 12), label, QUIET, ImageFont.load_default(20), "ms")
    return canvas


def _square(picture: np.ndarray, side: int) -> Image.Image:
    """The middle of a picture."""
    image = Image.fromarray(picture)
    edge = min(image.size)
    left, top = (image.width - edge) // 2, (image.height - edge) // 2
    return image.crop((left, top, left + edge, top + edge)).resize(
        (side, side), Image.Resampling.LANCZOS
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photo", type=Path, default=Path("assets/examples/tabletop.jpg"))
    parser.add_argument("--model", default="depthart-small")
    parser.add_argument("--out", type=Path, default=Path("assets/thumbnail.jpg"))
    options = parser.parse_args(arguments)
    draw(options.photo, options.model).save(options.out, quality=90, subsampling=0)


if __name__ == "__main__":
    main()
