"""A model of the package as a teacher: pictures in, disparity out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from depthart.checkpoints import CONFIG_FILE, WEIGHTS_FILE, read_config
from depthart.images import Photo
from depthart.registry import load, resolve_device
from train.dense import DENSE, DenseDepth, load_dense

NEAREST = 1e-3  # of a depth map's median: nearer depths have no larger disparity


class Teacher:
    """Labels pictures with the disparity of a model.

    A model of depth (kinds "scale_invariant" and "metric") is asked for 1 / depth.

    Args:
        model: name, checkpoint folder or hub id, as for `depthart.load`; or a checkpoint folder of
            `train.image_encoder`, dense regression.

    Raises:
        ValueError: if the model's depth has an unknown offset, so that it has no disparity.
    """

    def __init__(self, model: str, device: str = "auto") -> None:
        self.predictor: Any = _dense(model, device) if _is_dense(model) else load(model, device)
        if self.predictor.kind == "affine_invariant":
            raise ValueError(
                f"{model} gives depth with an unknown offset, which has no disparity;"
                " a teacher must be of kind disparity, scale_invariant or metric"
            )
        self.name = str(model)
        self.identity = _identity(model, self.predictor)

    @torch.no_grad()
    def disparities(self, pictures: Sequence[np.ndarray], batch_size: int = 8) -> list[np.ndarray]:
        """Disparity of each picture at the model's own resolution.

        Args:
            pictures: (H, W, 3) uint8 each, of any sizes; those of one input size share batches.

        Returns:
            (h, w) float32 >= 0 each, in the order of the pictures.
        """
        network = getattr(self.predictor, "model", None)
        if not hasattr(network, "input_size"):
            return [self._to_disparity(self.predictor.predict(p).depth) for p in pictures]
        groups: dict[tuple[int, int], list[int]] = {}
        for i, picture in enumerate(pictures):
            groups.setdefault(network.input_size(*picture.shape[:2]), []).append(i)
        labels: dict[int, np.ndarray] = {}
        for size, members in groups.items():
            for start in range(0, len(members), batch_size):
                chunk = members[start : start + batch_size]
                batch = self._batch([pictures[i] for i in chunk], size)
                labels |= zip(chunk, batch, strict=True)
        return [labels[i] for i in range(len(pictures))]

    def _batch(self, pictures: list[np.ndarray], size: tuple[int, int]) -> list[np.ndarray]:
        from depthart.baselines.predictor import picture_tensor

        images = torch.cat([picture_tensor(Photo(picture), *size) for picture in pictures])
        maps: Tensor = self.predictor.model(images.to(self.predictor.device))
        return [self._to_disparity(m) for m in maps.float().cpu().numpy()]

    def _to_disparity(self, values: np.ndarray) -> np.ndarray:
        if self.predictor.kind == "disparity":
            return values
        floor = max(NEAREST * float(np.median(values)), 1e-12)
        return 1 / np.maximum(values, floor)


class _Dense(nn.Module):
    """Dense regression as a `DepthNetwork` is called."""

    def __init__(self, network: DenseDepth) -> None:
        super().__init__()
        self.network = network

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        side = 16 * self.network.encoder.config.side
        return side, side

    def forward(self, images: Tensor) -> Tensor:
        return self.network.depth(images)


def _is_dense(model: str) -> bool:
    return Path(model, CONFIG_FILE).is_file() and read_config(model).get("model") == DENSE


def _dense(model: str, device: str) -> SimpleNamespace:
    """Those parts of a predictor that a teacher asks for."""
    place = resolve_device(device)
    network = _Dense(load_dense(model)).to(place).eval()
    return SimpleNamespace(model=network, kind="scale_invariant", device=place)


def _identity(model: str, predictor: Any) -> str:
    """Hash of the weights, so that labels of different teachers never mix."""
    weights = Path(model) / WEIGHTS_FILE
    if not weights.is_file():
        return str(model)
    return hashlib.sha256(weights.read_bytes()).hexdigest()[:16]
