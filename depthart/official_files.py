"""The files that the authors of DepthART and VAR published, known by the names of their tensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from depthart.fetch import DownloadError

if TYPE_CHECKING:
    from torch import Tensor

# The two names of one quantiser in the authors' file; safetensors keeps either copy.
QUANTIZER_COPIES = ("vae_proxy.quantize.", "vae_quant_proxy.")

Shapes = Mapping[str, tuple[int, ...]]


def published_shapes(keys: str) -> dict[str, tuple[int, ...]]:
    """Every tensor name and shape of one published file.

    Args:
        keys: "depthart", "var_d16" or "vae_ch160v4096z32".
    """
    text = resources.files("depthart").joinpath("official_keys.json").read_text("utf-8")
    return {name: tuple(shape) for name, shape in json.loads(text)[keys].items()}


def check_file(path: Path, keys: str) -> None:
    """Check a downloaded file by its size and by the names and shapes of its tensors.

    Args:
        path: a `.safetensors` file, of which the header alone is read, or a `.pth` file.
        keys: as in `published_shapes`.

    Raises:
        DownloadError: names what is wrong, tensor by tensor.
    """
    found = _safetensors_shapes(path) if path.suffix == ".safetensors" else _pth_shapes(path)
    expected = published_shapes(keys)
    first, second = QUANTIZER_COPIES
    for kept, dropped in ((first, second), (second, first)):
        # One copy of the quantiser may be absent as a whole.
        if any(key.startswith(kept) for key in found):
            if not any(key.startswith(dropped) for key in found):
                expected = {k: v for k, v in expected.items() if not k.startswith(dropped)}
    wrong = [f"missing {key}" for key in expected if key not in found]
    wrong += [f"unexpected {key}" for key in found if key not in expected]
    wrong += [
        f"{key} is {list(found[key])}, expected {list(shape)}"
        for key, shape in expected.items()
        if key in found and tuple(found[key]) != shape
    ]
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise DownloadError(
            f"{path} is not the published file: {'; '.join(wrong[:5])}{more}. "
            "Delete it to download it again."
        )


def _safetensors_shapes(path: Path) -> Shapes:
    """Names and shapes from the header, which also gives the exact size of the file."""
    size = path.stat().st_size
    try:
        with open(path, "rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if length > size - 8:
                raise ValueError(f"a header of {length} bytes in a file of {size}")
            header = json.loads(stream.read(length))
        header.pop("__metadata__", None)
        shapes = {name: tuple(entry["shape"]) for name, entry in header.items()}
        promised = 8 + length + max(entry["data_offsets"][1] for entry in header.values())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DownloadError(
            f"{path} is not a safetensors file ({error}). Delete it to download it again."
        ) from error
    if promised != size:
        raise DownloadError(
            f"{path} has {size} bytes, its header promises {promised}. "
            "Delete it to download it again."
        )
    return shapes


def _pth_shapes(path: Path) -> Shapes:
    state = load_state(path)
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def load_state(path: Path) -> dict[str, Tensor]:
    """The file's tensors by name, mapped from disk rather than read."""
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    import pickle

    import torch

    try:
        state = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise DownloadError(
            f"{path} ({path.stat().st_size} bytes) cannot be read: {error}. "
            "Delete it to download it again."
        ) from error
    if not isinstance(state, dict) or not all(hasattr(v, "shape") for v in state.values()):
        raise DownloadError(f"{path} holds something else than a table of tensors.")
    return state
