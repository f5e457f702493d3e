"""Score a function from pictures to depth on a few samples; used inside training runs.

Letters: B pictures, S side of the network's square input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from depthart.align import Alignment, align
from depthart.images import Photo, resize_depth, to_model_input
from depthart.metrics import abs_rel, delta1_error
from train.data.sample import Sample

SCORES = ("abs_rel", "delta1_error")
DepthFunction = Callable[[Tensor], Tensor]  # (B, 3, S, S) in [-1, 1] -> (B, S, S)


def score(prediction: np.ndarray, sample: Sample, how: Alignment = "scale") -> dict[str, float]:
    """Errors of one map after alignment, resized to the sample's size."""
    depth = resize_depth(prediction, *sample.depth.shape)
    valid = sample.counted()
    aligned = align(depth, sample.depth, valid, how)
    return {
        "abs_rel": abs_rel(aligned, sample.depth, valid),
        "delta1_error": delta1_error(aligned, sample.depth, valid),
    }


def validate(
    depth_of: DepthFunction,
    samples: Iterable[Sample],
    size: int = 256,
    batch_size: int = 16,
    how: Alignment = "scale",
) -> dict[str, float]:
    """Mean scores over scenes.

    Args:
        depth_of: gives depth, or disparity where `how` aligns disparity.
        size: S.
    """
    samples, lines = list(samples), []
    for start in range(0, len(samples), batch_size):
        chunk = samples[start : start + batch_size]
        images = torch.cat([to_model_input(Photo(s.image), size) for s in chunk])
        for sample, depth in zip(chunk, depth_of(images).float().cpu().numpy(), strict=True):
            lines.append({"dataset": sample.dataset, "scene": sample.scene})
            lines[-1] |= score(depth, sample, how)
    return mean_scores(lines)


def validate_sets(
    depth_of: DepthFunction,
    sets: Mapping[str, Iterable[Sample]],
    size: int = 256,
    how: Alignment = "scale",
    prefix: str = "",
) -> dict[str, float]:
    """{"SET/SCORE": mean} for the log of a run, or "SET/PREFIX/SCORE"; see `validate`."""
    return {
        "/".join(part for part in (name, prefix, key) if part): value
        for name, samples in sets.items()
        for key, value in validate(depth_of, samples, size, how=how).items()
    }


def mean_over_scenes(lines: Iterable[dict], key: str) -> np.ndarray | float:
    """Mean of the pictures of a scene, then of scenes.

    Args:
        lines: one for each picture, with "dataset", "scene" and a number or list under `key`.
    """
    scenes: dict[tuple[str, str], list] = {}
    for line in lines:
        scenes.setdefault((line["dataset"], line["scene"]), []).append(line[key])
    return np.mean([np.mean(group, axis=0) for group in scenes.values()], axis=0)


def mean_scores(lines: Sequence[dict]) -> dict[str, float]:
    """`mean_over_scenes` of the scores that training runs look at."""
    return {name: round(float(mean_over_scenes(lines, name)), 4) for name in SCORES}
