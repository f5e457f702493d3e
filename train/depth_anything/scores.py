"""Errors of a network on whole pictures of any shape, during training and in the ablation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from depthart.align import alignment_for
from depthart.baselines.network import DepthNetwork
from depthart.baselines.predictor import picture_tensor
from depthart.images import Photo
from train.data.sample import Sample
from train.shown import show
from train.validate import mean_scores, score


@torch.no_grad()
def score_lines(model: DepthNetwork, samples: Iterable[Sample]) -> Iterator[dict[str, object]]:
    """One result for each picture, aligned as the network's kind demands (`depthart.align`)."""
    how = alignment_for(model.config.kind)
    device = next(model.parameters()).device
    for number, sample in enumerate(samples):
        size = model.input_size(*sample.depth.shape)
        images = picture_tensor(Photo(sample.image), *size).to(device)
        prediction = model(images)[0].float().cpu().numpy()
        yield {
            "picture": number,
            "dataset": sample.dataset,
            "scene": sample.scene,
            "alignment": how,
            **{key: round(value, 5) for key, value in score(prediction, sample, how).items()},
        }


def scores_of_sets(model: DepthNetwork, sets: dict[str, list[Sample]]) -> dict[str, float]:
    """{"set/score": mean} for the log of a run."""
    return {
        f"{name}/{score}": value
        for name, samples in sets.items()
        for score, value in mean_scores(list(score_lines(model, samples))).items()
    }


def pictures_of_sets(model: DepthNetwork, sets: dict[str, list[Sample]]) -> dict[str, Tensor]:
    """Photo, truth and prediction for TensorBoard, squashed to squares."""
    device = next(model.parameters()).device
    size = model.config.image_size
    return show(sets, size, lambda images: {"prediction": model(images.to(device))})
