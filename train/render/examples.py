"""Draw the app's example pictures: `python -m train.render.examples`.

Twelve scenes without any file from outside, so nobody's photo or model is in them. Their seeds lie
far from those of training (from 0) and of held-out scenes (from 1,000,000,000).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, PngImagePlugin

from depthart.geometry import FILM_DIAGONAL_MM
from train.render.render import render_batch

EXAMPLES = {
    "bookshelf": 2_000_000_358,
    "corridor": 2_000_000_101,
    "desk": 2_000_000_022,
    "flatlay": 2_000_000_020,
    "hall": 2_000_000_107,
    "living_room": 2_000_000_031,
    "park": 2_000_000_139,
    "person": 2_000_000_103,
    "plant": 2_000_000_100,
    "square": 2_000_000_137,
    "tabletop": 2_000_000_037,
    "teapot": 2_000_000_206,
}
WITH_TRUTH = "tabletop"
SIZE = 512
QUALITY = 88


def draw_picture(seed: int, size: int = SIZE) -> tuple[Image.Image, Image.Exif]:
    """Picture of a seed, and EXIF data with the focal length that a phone would write.

    Cast at twice the size and halved, which gives edges the soft steps that a lens gives them.
    """
    batch = render_batch([seed], 2 * size)
    picture = Image.fromarray(batch.image[0].permute(1, 2, 0).numpy()).reduce(2)
    focal = batch.intrinsics[0, 0].item() * FILM_DIAGONAL_MM / np.hypot(2 * size, 2 * size)
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] = round(focal)
    return picture, exif


def draw_truth(seed: int, size: int = SIZE) -> tuple[Image.Image, PngImagePlugin.PngInfo]:
    """z-depth of a seed as a 16-bit picture of whole millimetres, and how to read it."""
    depth_m = render_batch([seed], size).depth_m[0].numpy()
    about = PngImagePlugin.PngInfo()
    for key, value in {"scale": "0.001", "offset": "0", "unit": "m"}.items():
        about.add_text(key, value)
    return Image.fromarray((depth_m * 1000).round().astype(np.uint16)), about


def main(argv: Sequence[str] | None = None) -> None:
    """Draw all examples, and the depth map of one."""
    parser = argparse.ArgumentParser(prog="python -m train.render.examples")
    parser.add_argument("-o", "--output", type=Path, default=Path("assets/examples"))
    folder: Path = parser.parse_args(argv).output
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    for name, seed in EXAMPLES.items():
        picture, exif = draw_picture(seed)
        picture.save(folder / f"{name}.jpg", quality=QUALITY, exif=exif)
    truth, about = draw_truth(EXAMPLES[WITH_TRUTH])
    truth.save(folder / "truth" / f"{WITH_TRUTH}_depth.png", pnginfo=about)


if __name__ == "__main__":
    main()
