"""`python -m train.qualitative`: one sheet of depth maps and point clouds, all models side by side.

As the paper's figures 5, 6 and 8 to 10: each picture gives a row of depth maps and a row of point
clouds seen from beside the camera. Pictures are photos named on the command line, or come from data
sets with a true depth; then that is shown as well, all maps are aligned to it as their kind asks,
and share its colours.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from depthart.align import align
from depthart.geometry import Intrinsics
from depthart.images import Photo, open_photo, resize_depth
from depthart.prediction import Kind, Prediction
from depthart.registry import load
from depthart.visualize import BACKGROUND_RGB, colorize, depth_limits, strip
from train.data.sample import Sample
from train.evaluate_models import chosen_models, label_of, table_alignment
from train.sources import SET_HELP, validation_sources
from train.splat import splat_view

HEIGHT = 192  # of one cell
MAX_POINTS = 60_000


@dataclass
class Shown:
    """One picture of the sheet; `sample` has its true depth, if that is known."""

    photo: Photo
    sample: Sample | None = None

    @property
    def camera(self) -> Intrinsics:
        if self.sample is None or self.sample.intrinsics is None:
            return Intrinsics.of_photo(self.photo)
        return Intrinsics(
            *map(float, self.sample.intrinsics), self.photo.width, self.photo.height
        )


def sheet(pictures: Sequence[Shown], models: Sequence[str], device: str = "auto") -> np.ndarray:
    """The whole sheet, (H, W, 3) uint8 sRGB; models are opened one after the other."""
    columns: list[list[tuple[np.ndarray, np.ndarray]]] = [[photo_cell(p) for p in pictures]]
    captions = ["photo"]
    if any(picture.sample for picture in pictures):
        columns.append([truth_cell(p) for p in pictures])
        captions.append("truth")
    for model in models:
        predictor = load(model, device)
        maps = [list(predictor.refine(picture.photo))[-1].model_depth for picture in pictures]
        columns.append(
            [
                cell(picture, depth, predictor.kind)
                for picture, depth in zip(pictures, maps, strict=True)
            ]
        )
        captions.append(label_of(model))
    rows = []
    for number in range(len(pictures)):
        rows.append(strip([column[number][0] for column in columns], captions, HEIGHT))
        rows.append(strip([column[number][1] for column in columns], height=HEIGHT))
    return _stack(rows)


def cell(shown: Shown, depth: np.ndarray, kind: Kind) -> tuple[np.ndarray, np.ndarray]:
    """Depth map and point cloud of one model's answer.

    Args:
        depth: (h, w) as the model gives it.
    """
    photo, sample = shown.photo, shown.sample
    large, limits = resize_depth(depth, photo.height, photo.width), None
    if sample is not None:
        valid = sample.counted()
        large = align(large, sample.depth, valid, table_alignment(kind)).astype(np.float32)
        kind, limits = "scale_invariant", depth_limits(np.where(valid, sample.depth, np.nan))
    return colorize(large, kind, limits=limits), _cloud(shown, large, kind)


def photo_cell(shown: Shown) -> tuple[np.ndarray, np.ndarray]:
    """The photo above nothing."""
    return shown.photo.rgb, np.full_like(shown.photo.rgb, BACKGROUND_RGB)


def truth_cell(shown: Shown) -> tuple[np.ndarray, np.ndarray]:
    """The true depth, grey where it is unknown, and its points; blank without one."""
    sample = shown.sample
    if sample is None:
        blank = np.full_like(shown.photo.rgb, BACKGROUND_RGB)
        return blank, blank
    known = np.where(sample.counted(), sample.depth, np.nan)
    measured = np.where(sample.counted(), sample.depth, 0).astype(np.float32)
    return colorize(known), _cloud(shown, measured, "scale_invariant")


def _cloud(shown: Shown, depth: np.ndarray, kind: Kind) -> np.ndarray:
    photo = shown.photo
    prediction = Prediction(photo, np.maximum(depth, 0), kind, "", shown.camera)
    width = max(1, round(HEIGHT * photo.width / photo.height))
    cloud = prediction.points(max_points=MAX_POINTS)
    return splat_view(cloud, width, HEIGHT, fov_deg=shown.camera.fov_deg)


def _stack(rows: Sequence[np.ndarray], gap: int = 6) -> np.ndarray:
    width = max(row.shape[1] for row in rows)
    height = sum(row.shape[0] + gap for row in rows) - gap
    canvas = np.full((height, width, 3), BACKGROUND_RGB, np.uint8)
    top = 0
    for row in rows:
        canvas[top : top + row.shape[0], : row.shape[1]] = row
        top += row.shape[0] + gap
    return canvas


def chosen_pictures(options: argparse.Namespace) -> Iterator[Shown]:
    """The named photos, then evenly spread samples of every data set."""
    for path in options.pictures:
        yield Shown(open_photo(path))
    for samples in validation_sources(options, 10**9).values():
        count = min(options.count, len(samples))
        for number in np.linspace(0, len(samples) - 1, count).round().astype(int):
            yield Shown(Photo(samples[number].image), samples[number])


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", nargs="*", type=Path, help="photos")
    parser.add_argument("-o", "--output", type=Path, required=True, help="PNG or JPEG to write")
    parser.add_argument("--models", nargs="+", default=["all"], help="as train.evaluate's")
    parser.add_argument("--held-out", help="folder of rendered shards")
    parser.add_argument("--real", help="RGB-D folder; its dev split")
    parser.add_argument("--data", dest="validate", action="append", metavar="SET", help=SET_HELP)
    parser.add_argument("--count", type=int, default=4, help="pictures of each data set")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args(arguments)
    pictures = list(chosen_pictures(options))
    if not pictures:
        parser.error("name photos, or data: --held-out, --real or --data NAME=FOLDER")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    models = chosen_models(options.models)
    Image.fromarray(sheet(pictures, models, options.device)).save(options.output)


if __name__ == "__main__":
    main()
