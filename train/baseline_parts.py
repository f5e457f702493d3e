"""Parts of checkpoints that other models start from: trunk, image encoder, frozen VQ-VAE."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from depthart.baselines.network import DepthNetwork
from depthart.checkpoints import WEIGHTS_FILE, CheckpointError, load_weights, read_config
from depthart.config import from_fields
from depthart.encoder import ImageEncoder
from depthart.predictor import Predictor
from depthart.vqvae import VQVAE, VQVAEConfig
from train.dense import load_dense, load_imagenet_trunk

# Where a trunk's tensors stand in other checkpoints: dense pre-training, DepthART, a baseline.
PREFIXES = ("encoder.trunk.", "image_encoder.trunk.", "trunk.")


def load_trunk(network: DepthNetwork, path: str | Path) -> None:
    """Fill `network.trunk`.

    Args:
        path: ImageNet weights (`train.imagenet`), a checkpoint folder of `train.image_encoder`,
            of DepthART or of a baseline, or a `dense.pt`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the network has no trunk, or it is another one.
    """
    if getattr(network, "trunk", None) is None:
        raise ValueError(f"{type(network).__name__} as configured has no trunk to fill from {path}")
    path = Path(path)
    file = path / WEIGHTS_FILE if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(f"no trunk weights at {file}")
    state = trunk_tensors(_read(file))
    if not state:
        return load_imagenet_trunk(network, file)
    expected = network.trunk.state_dict()
    wrong = sorted(
        key
        for key in state.keys() | expected.keys()
        if key not in state or key not in expected or state[key].shape != expected[key].shape
    )
    if wrong:
        raise ValueError(
            f"{path} holds another trunk than {network.config.trunk}: {wrong[0]} does not fit;"
            " choose it with --set trunk=NAME"
        )
    network.trunk.load_state_dict({key: value.float() for key, value in state.items()})


def trunk_tensors(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The trunk's tensors in a checkpoint, by their names in the trunk; none for other files."""
    for prefix in PREFIXES:
        found = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        if found:
            return found
    return {}


def load_vqvae(folder: str | Path) -> VQVAE:
    """The VQ-VAE of `train.autoencoder` or of a DepthART checkpoint, frozen.

    Raises:
        CheckpointError: if the folder holds neither.
    """
    config = read_config(folder)
    architecture = config.pop("model", None)
    if architecture == "depthart":
        return Predictor.from_folder(folder).model.vqvae
    if architecture != "vqvae":
        raise CheckpointError(
            f"{folder} holds a {architecture!r} checkpoint, expected one of train.autoencoder or"
            " of DepthART"
        )
    with torch.device("meta"):
        vqvae = VQVAE(from_fields(VQVAEConfig, config))
    return load_weights(vqvae, folder)


def load_encoder(folder: str | Path) -> ImageEncoder:
    """The image encoder of `train.image_encoder` or of a DepthART checkpoint.

    Raises:
        CheckpointError: if the folder holds neither.
    """
    if read_config(folder).get("model") != "depthart":
        return load_dense(folder).encoder
    model = Predictor.from_folder(folder).model
    if model.config.image_encoder is None:
        raise CheckpointError(f"{folder} holds a model without an image encoder")
    return model.image_encoder


def _read(file: Path) -> dict[str, Tensor]:
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(file)
    return torch.load(file, weights_only=True, map_location="cpu")
