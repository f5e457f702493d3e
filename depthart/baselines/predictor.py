"""A baseline's network that takes photos instead of tensors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from depthart.base_predictor import BasePredictor
from depthart.baselines.network import DepthNetwork, NetworkConfig, build_network
from depthart.checkpoints import CheckpointError, load_weights, read_config, write_checkpoint
from depthart.prediction import PredictionStep

if TYPE_CHECKING:
    from depthart.images import Photo
    from depthart.sampling import Sampler


class BaselinePredictor(BasePredictor):
    """Depth of photos of any size by a `DepthNetwork`.

    Attributes:
        name, kind, device, stochastic: as in `BasePredictor`.
        model: the network, in evaluation mode.
    """

    def __init__(
        self, model: DepthNetwork, name: str = "baseline", device: str | torch.device = "cpu"
    ) -> None:
        self.device = torch.device(device)
        self.model = model.to(self.device).eval()
        self.name, self.kind, self.stochastic = name, model.config.kind, model.stochastic

    def _refine(self, photo: Photo, sampler: Sampler) -> Iterator[PredictionStep]:
        images = picture_tensor(photo, *self.model.input_size(photo.height, photo.width))
        maps = self.model.refine(images.to(self.device), sampler.generator("cpu"))
        number = 0
        while True:
            started = time.perf_counter()
            with torch.no_grad():  # not around the yield: the caller's code is none of ours
                depth = next(maps, None)
            if depth is None:
                return
            seconds = time.perf_counter() - started
            yield PredictionStep.without_tokens(
                number, depth[0], seconds, photo.height, photo.width
            )
            number += 1

    @classmethod
    def from_folder(
        cls, folder: str | Path, device: str | torch.device = "cpu", name: str | None = None
    ) -> BaselinePredictor:
        """Open a checkpoint folder.

        Raises:
            CheckpointError: if it is missing, incomplete, of another architecture or does not fit.
        """
        values: dict[str, Any] = read_config(folder)
        family = values.pop("model", None)
        try:
            with torch.device("meta"):
                model = build_network(str(family), values)
        except (TypeError, ValueError) as error:
            raise CheckpointError(f"bad config.json in {folder}: {error}") from error
        load_weights(model, folder)
        return cls(model, name or Path(folder).resolve().name, device)


def save_network(family: str, model: DepthNetwork, folder: str | Path, half: bool = True) -> Path:
    """Save a network as a checkpoint folder; see `depthart.checkpoints.write_checkpoint`.

    Args:
        family: its name in `depthart.baselines.FAMILIES`.
    """
    return write_checkpoint(
        folder, checkpoint_config(family, model.config), model.state_dict(), half
    )


def checkpoint_config(family: str, config: NetworkConfig) -> dict[str, Any]:
    """What config.json says of a network."""
    return {"model": family, **asdict(config)}


def picture_tensor(photo: Photo, height: int, width: int) -> torch.Tensor:
    """A photo resized as `depthart.images.to_model_input` does, to any size.

    Returns:
        (1, 3, height, width) float32 in [-1, 1].
    """
    small = Image.fromarray(photo.rgb).resize((width, height), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(small)).permute(2, 0, 1)[None].float() / 127.5 - 1
