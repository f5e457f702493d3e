"""Names of models and how to open them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from depthart.baselines import FAMILIES
from depthart.baselines.published import INSTALL, PUBLISHED
from depthart.checkpoints import CHECKPOINTS, CONFIG_FILE, WEIGHTS_FILE

if TYPE_CHECKING:
    from depthart.base_predictor import BasePredictor

DEFAULT = "depthart-small"
Family = Literal["depthart", "baseline", "pretrained"]

# The `model` field of a checkpoint's config.json -> the class whose `from_folder` opens it.
OPENERS: dict[str, str] = {
    "depthart": "depthart.predictor:Predictor",
    **dict.fromkeys(FAMILIES, "depthart.baselines.predictor:BaselinePredictor"),
    "transformers": "depthart.baselines.pretrained:PretrainedPredictor",
}
HUB_PREFIX = "hf:"  # before the hub id of any model of transformers
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+")


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
    family: Family = "depthart"


@dataclass(frozen=True)
class _Entry:
    licence: str
    description: str
    family: Family = "baseline"
    kind: str = "scale_invariant"  # unless config.json says otherwise
    size_mb: float = 0.0  # of the download, for models that are not bundled
    fetch: str = ""  # what to do when it is missing
    needs: str = ""  # package without which it cannot be opened


_OWN_LICENCE = "MIT code; weights trained partly on research-only data, see the model card"
_CLONE = "the repository bundles it: clone with its large files"


def _trained_here(family: str, description: str, kind: str = "scale_invariant") -> _Entry:
    fetch = f"it has not been trained yet: python -m train.baseline --model {family}"
    return _Entry(_OWN_LICENCE, f"{description}; trained here, 256x256", kind=kind, fetch=fetch)


MODELS = {
    DEFAULT: _Entry(
        _OWN_LICENCE,
        "DepthART trained here: convolutional trunk + ViT image encoder, ten scales, 256x256",
        "depthart",
        fetch=_CLONE,
    ),
    "depthart-paper": _Entry(
        "MIT (github.com/bulatko/DepthART)",
        "the authors' own weights (VAR-d16, arXiv 2409.15010), converted",
        "depthart",
        size_mb=1700,
        fetch="run: python -m depthart download paper",
    ),
    "var-small": _Entry(
        _OWN_LICENCE,
        "depthart-small's architecture trained with VAR's teacher forcing, the paper's ablation",
        fetch="it has not been trained yet: python -m train.autoregressive --objective var",
    ),
    "midas-small": _trained_here("midas", "MiDaS: residual convolutional encoder, fusion decoder"),
    "dpt-small": _trained_here("dpt", "DPT: vision transformer with reassemble and fusion"),
    "gp2-small": _trained_here("gp2", "GP2: light encoder, geometry-preserving pairwise losses"),
    "adabins-small": _trained_here("adabins", "AdaBins: a mini-ViT chooses depth bins per photo"),
    "dit-small": _trained_here("dit", "DiT-depth: diffusion transformer on the VQ-VAE's latents"),
    "depth-anything-small": _Entry(
        _OWN_LICENCE,
        "Depth Anything's recipe at our size: a student of pseudo-labelled photos",
        kind="disparity",
        fetch="it has not been trained yet, see train/depth_anything",
    ),
    **{
        name: _Entry(
            model.licence,
            f"{model.description}; {model.repo_id}",
            "pretrained",
            model.kind,
            model.size_mb,
            f"run: python -m depthart download {name}",
            "transformers",
        )
        for name, model in PUBLISHED.items()
    },
}


def list_models() -> list[ModelInfo]:
    """Every known model, available here or not."""
    infos = []
    for name, entry in {**MODELS, **_others()}.items():
        folder = CHECKPOINTS / name
        weights = folder / WEIGHTS_FILE
        here = weights.is_file() and (folder / CONFIG_FILE).is_file()
        missing = bool(entry.needs) and find_spec(entry.needs) is None
        reasons = [] if here else [f"not downloaded; {entry.fetch}"]
        if missing:
            reasons.append(f"needs {entry.needs}; run: {INSTALL}")
        infos.append(
            ModelInfo(
                name,
                _kind(folder, entry) if here else entry.kind,
                here and not missing,
                "; ".join(reasons),
                weights.stat().st_size / 1e6 if here else entry.size_mb,
                entry.licence,
                entry.description,
                entry.family,
            )
        )
    return infos


def load(name: str | Path = DEFAULT, device: str = "auto", **hub: Any) -> BasePredictor:
    """Open a model.

    Args:
        name: one of `list_models`; a checkpoint folder, ours or one of transformers; a hub id
            "user/name" of a checkpoint of ours; or "hf:user/name" for any depth model of
            transformers.
        device: "auto" (CUDA, else MPS, else CPU) or a torch device.
        hub: `revision`, `token`, ... for `huggingface_hub`.

    Raises:
        ValueError: for an unknown name, listing the known ones, or a device that is not there.
        depthart.checkpoints.CheckpointError: if the checkpoint is missing or damaged.
        ConnectionError: if the hub cannot be reached or does not know the id.
        ImportError: if a pretrained model needs a package that is not installed.
    """
    from depthart.checkpoints import CheckpointError, hub_checkpoint

    where, text = resolve_device(device), str(name)
    if Path(name).is_dir():
        return open_folder(name, where)
    if text in MODELS and not (CHECKPOINTS / text).is_dir():
        raise CheckpointError(f"{text} is not downloaded; {MODELS[text].fetch}")
    if text in MODELS or text in _others():
        return open_folder(CHECKPOINTS / text, where, text)
    if text.startswith(HUB_PREFIX) and _HUB_ID.fullmatch(text.removeprefix(HUB_PREFIX)):
        from depthart.baselines.pretrained import PretrainedPredictor

        return PretrainedPredictor.from_hub(text.removeprefix(HUB_PREFIX), where, **hub)
    if _HUB_ID.fullmatch(text):
        return open_folder(hub_checkpoint(text, **hub), where, text)
    known = ", ".join(MODELS)
    raise ValueError(
        f"unknown model {text!r}; known: {known}; or give a checkpoint folder, a hub id user/name,"
        f" or {HUB_PREFIX}user/name for a depth model of transformers"
    )


def open_folder(folder: str | Path, device: str = "cpu", name: str | None = None) -> BasePredictor:
    """Open a checkpoint folder by what its config.json calls the model.

    Raises:
        CheckpointError: if it is missing, incomplete, of an unknown architecture or does not fit.
        ImportError: if it needs a package that is not installed.
    """
    from depthart.checkpoints import CheckpointError, read_config

    config = read_config(folder)
    architecture = "transformers" if "model_type" in config else config.get("model")
    if architecture not in OPENERS:
        raise CheckpointError(
            f"{folder} holds a {architecture!r} checkpoint; known: {', '.join(OPENERS)}"
        )
    module, _, opener = OPENERS[architecture].partition(":")
    return getattr(import_module(module), opener).from_folder(folder, device, name)


def download(
    name: str, root: Path | None = None, confirm: Callable[[str], bool] | None = None
) -> Path:
    """Fetch a model that is not bundled.

    Args:
        name: a pretrained model of `list_models`, or a name of `depthart.download`.
        root: the folder of checkpoints; `checkpoints/` beside the package by default.
        confirm: shown licence, size and kind, decides whether the download starts. None: they go
            to stderr and the download starts.

    Returns:
        The checkpoint's folder.

    Raises:
        ValueError: `name` is unknown or nothing to download.
        depthart.fetch.DownloadError: not confirmed, no connection or no room.
    """
    if name in PUBLISHED:
        from depthart.baselines.pretrained import download_published

        return download_published(name, CHECKPOINTS if root is None else Path(root), confirm)
    if name in MODELS and name != "depthart-paper":
        raise ValueError(f"{name} is no download; {MODELS[name].fetch}")
    from depthart.download import download as download_converted

    return download_converted("paper" if name == "depthart-paper" else name, root, confirm)


def _others() -> dict[str, _Entry]:
    """Checkpoints that somebody put beside the known ones, by their folders' names."""
    found = {}
    for path in sorted(CHECKPOINTS.glob(f"*/{CONFIG_FILE}")):
        name = path.parent.name
        architecture = None if name in MODELS else _config(path.parent).get("model")
        if architecture in OPENERS:
            family: Family = "depthart" if architecture == "depthart" else "baseline"
            found[name] = _Entry("not stated", f"{architecture} checkpoint, added here", family)
    return found


def _kind(folder: Path, entry: _Entry) -> str:
    return str(_config(folder).get("kind", entry.kind))


def _config(folder: Path) -> dict[str, Any]:
    """config.json without a word about what is wrong with it; `load` will say so."""
    try:
        return dict(json.loads((folder / CONFIG_FILE).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


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
