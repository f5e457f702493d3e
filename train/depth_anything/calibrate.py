"""`python -m train.depth_anything.calibrate`: what shift makes a teacher's disparity 1 / depth.

A model of kind "disparity" leaves a shift open in every picture. Models that are trained on depth,
such as DepthART, need 1 / (disparity + shift); the shift that fits labelled pictures best, as a
share of each map's peak, is measured here and its median left in `calibration.json` beside the
labels, where `train.data.pseudo_depth` finds it. One number for all pictures is a guess for each.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from depthart.align import fit_line
from depthart.images import resize_depth
from train.data.pseudo_depth import CALIBRATION, peak_of
from train.data.pseudo_labels import write_json
from train.data.sample import Sample
from train.depth_anything.teacher_model import Teacher
from train.sources import add_data_arguments, training_sources


def shift_of(disparity: np.ndarray, sample: Sample) -> float | None:
    """Shift b / a of the line a * disparity + b nearest to 1 / depth, as a share of the peak.

    Args:
        disparity: (h, w) of the teacher. sample: the picture's depth.

    Returns:
        None where disparity and depth do not even run the same way.
    """
    valid = sample.counted()
    d = resize_depth(disparity, *sample.depth.shape)
    truth = 1 / sample.depth[valid].astype(np.float64)
    factor, shift = fit_line(d[valid].astype(np.float64), truth, robust=True)
    return None if factor <= 0 else shift / factor / max(peak_of(disparity), 1e-12)


def measure(teacher: Teacher, samples: Iterable[Sample]) -> dict[str, float]:
    """Median and quartiles of the shift over pictures.

    Raises:
        ValueError: if not a single picture gives one.
    """
    samples = list(samples)
    disparities = teacher.disparities([sample.image for sample in samples])
    found = [shift_of(*pair) for pair in zip(disparities, samples, strict=True)]
    shifts = [shift for shift in found if shift is not None]
    if not shifts:
        raise ValueError("the teacher's disparity does not follow 1 / depth in any picture")
    low, middle, high = np.percentile(shifts, [25, 50, 75])
    return {
        "shift": round(max(float(middle), 0.0), 4),
        "lower_quartile": round(float(low), 4),
        "upper_quartile": round(float(high), 4),
        "pictures": len(shifts),
    }


def main(arguments: list[str] | None = None) -> None:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(description=summary, epilog=rest)
    parser.add_argument("teacher", help="model name, checkpoint folder or hub id")
    parser.add_argument("labels", type=Path, help="folder of its pseudo-labels")
    parser.add_argument("--count", type=int, default=60, help="pictures of each data set")
    parser.add_argument("--device", default="auto")
    add_data_arguments(parser)
    options = parser.parse_args(arguments)
    samples = []
    for source, _ in training_sources(options):
        count = min(options.count, len(source))
        samples += [source[int(i)] for i in np.linspace(0, len(source) - 1, count)]
    found = measure(Teacher(options.teacher, options.device), samples)
    write_json(options.labels / CALIBRATION, found)
    print(f"{options.labels / CALIBRATION}: {found}")


if __name__ == "__main__":
    main()
