"""Errors of a network on whole pictures of any shape, during training and in the ablation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch

from depthart.align import align, alignment_for
from depthart.baselines.network import DepthNetwork
from depthart.baselines.predictor import picture_tensor
from depthart.images import Photo, resize_depth
from depthart.metrics import abs_rel, delta1_error
from train.data.sample import Sample

SCORES = ("abs_rel", "delta1_error")


@torch.no_grad()
def score_lines(model: DepthNetwork, samples: Iterable[Sample]) -> Iterator[dict[str, object]]:
    """One result for each picture, aligned as the network's kind demands (`depthart.align`)."""
    how = alignment_for(model.config.kind)
    device = next(model.parameters()).device
    for number, sample in enumerate(samples):
        size = model.input_size(*sample.depth.shape)
        images = picture_tensor(Photo(sample.image), *size).to(device)
        prediction = resize_depth(model(images)[0].float().cpu(), *sample.depth.shape)
        valid = sample.counted()
        aligned = align(prediction, sample.depth, valid, how)
        yield {
            "picture": number,
            "dataset": sample.dataset,
            "scene": sample.scene,
            "alignment": how,
            "abs_rel": round(abs_rel(aligned, sample.depth, valid), 5),
            "delta1_error": round(delta1_error(aligned, sample.depth, valid), 5),
        }


def mean_scores(lines: Iterable[dict]) -> dict[str, float]:
    """Means over scenes; pictures of one scene are averaged first."""
    scenes: dict[tuple[str, str], list[dict]] = {}
    for line in lines:
        scenes.setdefault((line["dataset"], line["scene"]), []).append(line)
    return {
        name: round(
            float(np.mean([np.mean([x[name] for x in group]) for group in scenes.values()])), 4
        )
        for name in SCORES
    }


def scores_of_sets(model: DepthNetwork, sets: dict[str, list[Sample]]) -> dict[str, float]:
    """{"set/score": mean} for the log of a run."""
    return {
        f"{name}/{score}": value
        for name, samples in sets.items()
        for score, value in mean_scores(score_lines(model, samples)).items()
    }
