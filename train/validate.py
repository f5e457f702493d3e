"""Score a function from pictures to depth on a few samples; used inside training runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor

from depthart.align import Alignment, align
from depthart.images import Photo, resize_depth, to_model_input
from depthart.metrics import abs_rel, delta1_error
from train.data.sample import Sample

DepthFunction = Callable[[Tensor], Tensor]  # (B, 3, S, S) in [-1, 1] -> (B, S, S) linear depth


def score(
    prediction: np.ndarray, sample: Sample, how: Alignment = "scale"
) -> dict[str, float]:
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
    """Mean scores over scenes (pictures of one scene are averaged first).

    Args:
        depth_of: gives depth, or disparity where `how` aligns disparity.
    """
    samples = list(samples)
    scenes: dict[str, list[dict[str, float]]] = defaultdict(list)
    for start in range(0, len(samples), batch_size):
        chunk = samples[start : start + batch_size]
        images = torch.cat([to_model_input(Photo(s.image), size) for s in chunk])
        for sample, depth in zip(chunk, depth_of(images).numpy(), strict=True):
            scenes[f"{sample.dataset}/{sample.scene}"].append(score(depth, sample, how))
    names = ("abs_rel", "delta1_error")
    per_scene = [{n: np.mean([s[n] for s in group]) for n in names} for group in scenes.values()]
    return {n: round(float(np.mean([s[n] for s in per_scene])), 4) for n in names}


def constant_guess(images: Tensor) -> Tensor:
    """Floor: the same depth everywhere."""
    return torch.ones_like(images[:, 0])


def ramp_guess(images: Tensor) -> Tensor:
    """Floor: far at the top, near at the bottom, linear in depth from 1 to 0.3."""
    ramp = torch.linspace(1, 0.3, images.shape[-2])
    return ramp[None, :, None].expand_as(images[:, 0])
