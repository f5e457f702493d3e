"""Names of models and how to open them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from depthart.checkpoints import CHECKPOINTS, CONFIG_FILE, WEIGHTS_FILE

if TYPE_CHECKING:
    from depthart.predictor import Predictor

DEFAULT = "depthart-small"


@dataclass(frozen=True)
class ModelInfo:
    """One line of `list_models`."""

    name: str
    kind: str  # see `depthart.prediction.Kind`
    available: bool
    reason: str  # why it is not available, and what to do; "" if it is
    size_mb: float  # on disk, or to download
    licence: str
    description: str


@dataclass(frozen=True)
class _Entry:
    licence: str
    description: str
    size_mb: float = 0.0  # of the download, for models that are not bundled
    fetch: str = ""  # what to do when it is missing


MODELS = {
    DEFAULT: _Entry(
        "MIT code; weights trained partly on research-only data, see the model card",
        "DepthART trained here: MobileNetV2 + ViT image encoder, ten scales, 256x256",
        fetch="the repository bundles it: clone with its large files",
    ),
    "depthart-paper": _Entry(
        "MIT (github.com/bulatko/DepthART)",
        "the authors' own weights (VAR-d16, arXiv 2409.15010), converted",
        size_mb=1700,
        fetch="run: python -m depthart download paper",
    ),
}


def list_models() -> list[ModelInfo]:
    """Every known model, available here or not."""
    infos = []
    for name, entry in MODELS.items():
        folder = CHECKPOINTS / name
        weights = folder / WEIGHTS_FILE
        available = weights.is_file() and (folder / CONFIG_FILE).is_file()
        infos.append(
            ModelInfo(
                name,
                "scale_invariant",
                available,
                "" if available else f"not downloaded; {entry.fetch}",
                weights.stat().st_size / 1e6 if available else entry.size_mb,
                entry.licence,
                entry.description,
            )
        )
    return infos


def load(name: str | Path = DEFAULT, device: str = "auto", **hub: Any) -> Predictor:
    """Open a model.

    Args:
        name: one of `list_models`, a checkpoint folder, or a hub id "user/name".
        device: "auto" (CUDA, else MPS, else CPU) or a torch device.
        hub: `revision`, `token`, ... for `huggingface_hub.snapshot_download`.

    Raises:
        ValueError: for an unknown name, listing the known ones, or a device that is not there.
        depthart.checkpoints.CheckpointError: if the checkpoint is missing or damaged.
        ConnectionError: if the hub cannot be reached or does not know the id.
    """
    from depthart.checkpoints import CheckpointError
    from depthart.predictor import Predictor

    where, text = resolve_device(device), str(name)
    if Path(name).is_dir():
        return Predictor.from_folder(name, where)
    if text in MODELS:
        if not (CHECKPOINTS / text).is_dir():
            raise CheckpointError(f"{text} is not downloaded; {MODELS[text].fetch}")
        return Predictor.from_folder(CHECKPOINTS / text, where, text)
    if re.fullmatch(r"[\w.-]+/[\w.-]+", text) and not text.startswith((".", "/")):
        return Predictor.from_pretrained(text, where, **hub)
    known = ", ".join(MODELS)
    raise ValueError(
        f"unknown model {text!r}; known: {known}; or give a checkpoint folder or a hub id user/name"
    )


def resolve_device(device: str) -> str:
    """"auto" -> the best device at hand; any other torch device is checked.

    Raises:
        ValueError: if this is no device, or one that this computer does not have.
    """
    import torch

    if device == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    counts = {
        "cpu": 1,
        "cuda": torch.cuda.device_count(),
        "mps": int(torch.backends.mps.is_available()),
        "xpu": torch.xpu.device_count(),
    }
    here = ", ".join(["auto", *(kind for kind, count in counts.items() if count)])
    try:
        wanted = torch.device(device)
    except RuntimeError:
        raise ValueError(f"unknown device {device!r}; available here: {here}") from None
    if (wanted.index or 0) >= counts.get(wanted.type, 0):
        raise ValueError(f"device {device!r} is not available here; available: {here}")
    return str(device)
