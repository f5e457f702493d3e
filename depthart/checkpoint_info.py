"""What a checkpoint holds, read from its configuration and the header of its weights alone."""

from __future__ import annotations

import json
from collections import Counter
from math import prod
from pathlib import Path
from typing import Any


def describe_checkpoint(checkpoint: str) -> str:
    """Model, size, parameters by part and configuration, in lines.

    Args:
        checkpoint: Name of a model or folder of a checkpoint.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: A file of it is damaged.
    """
    folder = checkpoint_folder(checkpoint)
    try:
        config: dict[str, Any] = dict(json.loads((folder / "config.json").read_text("utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{folder / 'config.json'} is not a JSON object: {error}") from error
    weights = folder / "model.safetensors"
    tensors = _tensors(weights)
    counts: Counter[str] = Counter()
    for name, (_, count) in tensors.items():
        counts[name.split(".")[0]] += count
    types = ", ".join(sorted({dtype for dtype, _ in tensors.values()}))
    kind = "scale_invariant" if config.get("model") == "depthart" else config.get("kind", "unknown")
    lines = [
        f"{folder}",
        f"model       {config.get('model', 'unknown')}, depth {kind}",
        f"weights     {weights.stat().st_size / 1e6:.1f} MB, {types}, {len(tensors)} tensors",
        f"parameters  {sum(counts.values()):,}",
    ]
    lines += [f"  {name:<24}{count:>14,}" for name, count in counts.most_common()]
    lines += ["config", *("  " + line for line in json.dumps(config, indent=2).splitlines())]
    return "\n".join(lines)


def checkpoint_folder(checkpoint: str) -> Path:
    """The folder of a checkpoint, given as such or by the name of a model."""
    from depthart.download import CHECKPOINTS

    for folder in (Path(checkpoint), CHECKPOINTS / checkpoint):
        if (folder / "config.json").is_file():
            return folder
    raise FileNotFoundError(
        f"there is no checkpoint (config.json and model.safetensors) at {Path(checkpoint)} or"
        f" {CHECKPOINTS / checkpoint}."
    )


def _tensors(path: Path) -> dict[str, tuple[str, int]]:
    """Type and number of values of every tensor, from the header alone."""
    try:
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header: dict[str, Any] = json.loads(file.read(min(length, 100_000_000)))
        header.pop("__metadata__", None)
        return {name: (entry["dtype"], prod(entry["shape"])) for name, entry in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a safetensors file: {error}") from error
