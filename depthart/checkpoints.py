"""Save and load modules with a dataclass config: `config.json` beside `model.safetensors`.

Knows no class of ours: the caller says which config and module a folder must hold.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # listing models must not wait for torch
    from torch import Tensor, nn

CHECKPOINTS = Path(__file__).resolve().parents[1] / "checkpoints"  # bundled and downloaded ones
CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"


class CheckpointError(ValueError):
    """A checkpoint folder is missing, incomplete or does not fit its model."""


def write_checkpoint(
    folder: str | Path,
    config: dict[str, Any],
    state: dict[str, Tensor],
    half: bool = True,
) -> Path:
    """Write a folder atomically, file by file.

    Args:
        folder: made if needed.
        config: plain values; by convention with a `model` field naming the architecture.
        state: tensors by name.
        half: store floating-point tensors as float16; False keeps their precision.
    """
    from safetensors.torch import save_file

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        key: (value.half() if half and value.is_floating_point() else value).cpu().contiguous()
        for key, value in state.items()
    }
    temporary = folder / (WEIGHTS_FILE + ".tmp")
    save_file(tensors, temporary, metadata={"format": "pt"})
    temporary.chmod(0o644)  # safetensors makes it private
    os.replace(temporary, folder / WEIGHTS_FILE)
    temporary = folder / (CONFIG_FILE + ".tmp")
    temporary.write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    os.replace(temporary, folder / CONFIG_FILE)
    return folder


def read_config(folder: str | Path) -> dict[str, Any]:
    """Read `config.json`.

    Raises:
        CheckpointError: if the folder or file is missing or no JSON object.
    """
    path = Path(folder) / CONFIG_FILE
    if not path.is_file():
        raise CheckpointError(f"no checkpoint in {folder}: {CONFIG_FILE} is missing")
    try:
        config = json.loads(path.read_text("utf-8"))
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError
        raise CheckpointError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"{path} does not hold a JSON object")
    return config


def load_weights(module: nn.Module, folder: str | Path) -> nn.Module:
    """Fill a module strictly from `model.safetensors`, as float32, and set it to evaluation mode.

    Raises:
        CheckpointError: naming the missing file, or every missing, unused or misshaped key.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = Path(folder) / WEIGHTS_FILE
    if not path.is_file():
        raise CheckpointError(f"no checkpoint in {folder}: {WEIGHTS_FILE} is missing")
    try:
        state = load_file(path)
    except SafetensorError as error:
        raise CheckpointError(f"{path} is damaged or not a safetensors file: {error}") from error
    expected = module.state_dict()
    problems = []
    if missing := sorted(set(expected) - set(state)):
        problems.append(f"missing: {', '.join(missing)}")
    if unused := sorted(set(state) - set(expected)):
        problems.append(f"unused: {', '.join(unused)}")
    problems += [
        f"shape of {key}: expected {tuple(value.shape)}, got {tuple(state[key].shape)}"
        for key, value in expected.items()
        if key in state and state[key].shape != value.shape
    ]
    if problems:
        raise CheckpointError(f"{path} does not fit its config; " + "; ".join(problems))
    floats = {k: v.float() if v.is_floating_point() else v for k, v in state.items()}
    module.load_state_dict(floats, strict=True, assign=True)
    return module.eval()


def hub_checkpoint(repo_id: str, **options: Any) -> str:
    """Folder with the checkpoint of a Hugging Face repository "user/name", fetched if needed.

    Args:
        options: `revision`, `token`, `cache_dir`, ... for `huggingface_hub.snapshot_download`.

    Raises:
        ConnectionError: if the hub cannot be reached or does not know the name.
    """
    from huggingface_hub import snapshot_download

    try:
        return snapshot_download(repo_id, allow_patterns=[CONFIG_FILE, WEIGHTS_FILE], **options)
    except Exception as error:  # the hub's errors come from several libraries
        raise ConnectionError(f"cannot fetch {repo_id} from the hub: {error}") from error
