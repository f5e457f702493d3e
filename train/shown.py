"""Pictures for TensorBoard: photo, truth and what a network makes of the first samples of a set.

Letters: B pictures, S side of the network's square input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from depthart.images import Photo, to_model_input
from train.data.sample import Sample
from train.vq_images import filled_depth


def show(
    sets: Mapping[str, Sequence[Sample]],
    size: int,
    maps_of: Callable[[Tensor], Mapping[str, Tensor]],
    count: int = 4,
) -> dict[str, Tensor]:
    """{"SET/photo", "SET/truth", "SET/MAP": (B, 3, S, S) or (B, S, S) in [0, 1]}.

    Args:
        size: S. count: samples of each set, at most.
        maps_of: (B, 3, S, S) in [-1, 1] -> maps (B, S, S) >= 0 by name; shown from 0 to their
            largest value.
    """
    shown = {}
    for name, samples in sets.items():
        chosen = samples[:count]
        images = torch.cat([to_model_input(Photo(sample.image), size) for sample in chosen])
        truth = torch.cat([filled_depth(sample.depth, size) for sample in chosen]).squeeze(1)
        shown[f"{name}/photo"] = (images + 1) / 2
        for part, maps in {"truth": truth, **maps_of(images)}.items():
            largest = maps.amax((1, 2), keepdim=True).clamp_min(1e-12)
            shown[f"{name}/{part}"] = (maps / largest).float().cpu()
    return shown
