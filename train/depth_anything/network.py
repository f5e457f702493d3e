"""The network of teacher and student: DPT, its starting weights, and its learning rates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from depthart.baselines.dpt import DPT, DPTConfig
from depthart.checkpoints import CONFIG_FILE, load_weights, read_config
from train.baseline_parts import load_trunk
from train.depth_anything.dinov2 import load_dinov2
from train.depth_anything.feature_alignment import Alignment

Place = Literal["blocks", "encoder"]
_OURS = DPTConfig(kind="disparity", keep_aspect=True)
ARCHITECTURES: dict[str, DPTConfig] = {
    "small": _OURS,  # DPT-Hybrid at our size: convolutional trunk, six transformer blocks
    "tiny": replace(
        _OURS, image_size=64, width=16, depth=2, heads=2, taps=(0, 1), grid=4, features=8
    ),
    "dinov2-small": DPTConfig.dinov2("small"),  # the paper's
    "dinov2-base": DPTConfig.dinov2("base"),
    "dinov2-large": DPTConfig.dinov2("large"),
}


def architecture(name: str, trunk: str | None = None, image_size: int | None = None) -> DPTConfig:
    """A configuration by name.

    Args:
        trunk: another convolutional trunk than the architecture's own.
        image_size: shorter side of pictures.

    Raises:
        ValueError: for an unknown name, or values that do not fit the architecture.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"unknown architecture {name!r}; known: {', '.join(ARCHITECTURES)}")
    config = ARCHITECTURES[name]
    if trunk and config.embedding == "patch":
        raise ValueError(f"{name} has no convolutional trunk to be chosen")
    changes = {"trunk": trunk, "image_size": image_size}
    return replace(config, **{key: value for key, value in changes.items() if value})


def start(model: DPT, weights: str | None) -> bool:
    """Fill the encoder before training; whether anything was filled.

    Args:
        weights: of the encoder alone: for a trunk what `train.baseline_parts.load_trunk` takes,
            ImageNet's or that of another model's checkpoint folder; for a transformer a folder or
            hub id of a DINOv2 model. A checkpoint folder of a hybrid DPT fills all of it.
    """
    if weights is None:
        return False
    if model.trunk is None:
        load_dinov2(model.vit, weights)
    elif _holds_dpt(weights):
        load_weights(model, weights)
    else:
        load_trunk(model, weights)
    return True


def _holds_dpt(folder: str) -> bool:
    is_checkpoint = (Path(folder) / CONFIG_FILE).is_file()
    return is_checkpoint and read_config(folder).get("model") == "dpt"


def encoder_of(model: DPT) -> nn.Module:
    """The part that starts from pretrained weights: the trunk of a hybrid, else the transformer."""
    return model.vit if model.trunk is None else model.trunk


def parameter_groups(module: nn.Module, encoder: nn.Module, rest: float) -> list[dict[str, Any]]:
    """The encoder at the run's learning rate, all else at `rest` times it (the paper: 10)."""
    inside = {id(p) for p in encoder.parameters()}
    others = [p for p in module.parameters() if p.requires_grad and id(p) not in inside]
    return [
        {"params": list(encoder.parameters()), "lr_scale": 1.0},
        {"params": others, "lr_scale": rest},
    ]


class Student(nn.Module):
    """A DPT whose features can be seen, and what compares them with a frozen encoder's.

    Args:
        frozen_channels: D of the frozen encoder; None without feature alignment.
        place: what is compared, the last features of the blocks or those of `encoder_of(model)`.
            The latter, beside the same encoder frozen, starts with equal features, as in the paper.
            Of an architecture whose encoder is the transformer both are the same.

    Raises:
        ValueError: if the network does not reassemble its last block, whose features are compared.
    """

    def __init__(
        self,
        model: DPT,
        frozen_channels: int | None = None,
        margin: float = 0.15,
        place: Place = "blocks",
    ) -> None:
        super().__init__()
        self.model = model
        self.of_trunk = place == "encoder" and model.trunk is not None
        self.align = None
        if frozen_channels is not None:
            if not self.of_trunk and model.config.taps[-1] != model.config.depth - 1:
                raise ValueError("feature alignment needs the last block among the network's taps")
            channels = model.trunk.channels[-1] if self.of_trunk else model.config.width
            self.align = Alignment(channels, frozen_channels, margin)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) in [-1, 1] -> disparity (B, 1, H, W) and features (B, C, h, w)."""
        found: list[list[Tensor]] = []  # the trunk's maps, or tokens of the tapped blocks
        watched = self.model.trunk if self.of_trunk else self.model.vit
        hook = watched.register_forward_hook(lambda _, __, output: found.append(output))
        try:
            disparity = self.model(images).unsqueeze(1)
        finally:
            hook.remove()
        last = found[0][-1]
        if self.of_trunk:
            return disparity, last
        stride = 16 if self.model.trunk is not None else self.model.config.patch
        grid = images.shape[-2] // stride, images.shape[-1] // stride
        return disparity, last[:, 1:].transpose(1, 2).unflatten(2, grid)


def model_weights(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The network's own weights among those of a `Student`."""
    prefix = "model."
    return {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}


def fresh(config: DPTConfig, weights: str | None, seed: int) -> DPT:
    """A network as training begins with it, the same for the same seed."""
    torch.manual_seed(seed)
    model = DPT(config)
    start(model, weights)
    return model
