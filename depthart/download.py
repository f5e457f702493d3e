"""Fetch published weights, check them, and convert them to our format.

    python -m depthart download paper     the authors' DepthART (arXiv 2409.15010), ready to use
    python -m depthart download var       VAR-d16 and its VQ-VAE (arXiv 2404.02905): where the
                                          paper's training starts from

The authors' file holds its VQ-VAE, so that running the paper's model needs nothing of `var`.
"""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from depthart.checkpoints import CHECKPOINTS
from depthart.fetch import DownloadError, fetch
from depthart.official_files import check_file, load_state, published_shapes

DRIVE_URL = "https://drive.usercontent.google.com/download?id={id}&export=download&confirm=t"

@dataclass(frozen=True)
class PublishedFile:
    """A file as its authors published it. Exactly one of `hub_repo` and `drive_id` is set."""

    file: str
    keys: str  # its list in official_keys.json
    hub_repo: str | None = None
    drive_id: str | None = None

    @property
    def bytes(self) -> int:
        """About how large it is: its tensors in float32."""
        return 4 * sum(math.prod(shape) for shape in published_shapes(self.keys).values())

    @property
    def source(self) -> str:
        """A page where a person can get it with a browser."""
        if self.drive_id:
            return f"https://drive.google.com/file/d/{self.drive_id}/view"
        return f"https://huggingface.co/{self.hub_repo}/blob/main/{self.file}"


@dataclass(frozen=True)
class Published:
    """What `download` knows by one name. `files`: the model's file, then its VQ-VAE's, if apart."""

    folder: str
    description: str
    licence: str
    files: tuple[PublishedFile, ...]


PUBLISHED = {
    "paper": Published(
        folder="depthart-paper",
        description="DepthART as trained by its authors on Hypersim (Gabdullin et al., "
        "arXiv 2409.15010)",
        licence="MIT (github.com/bulatko/DepthART)",
        # The link in the README of github.com/bulatko/DepthART.
        files=(
            PublishedFile(
                "model.safetensors", "depthart", drive_id="11-G5lpT9OM0LQRoczW0Hb15akX300wpG"
            ),
        ),
    ),
    "var": Published(
        folder="var-d16",
        description="VAR-d16 and its VQ-VAE, trained on images (Tian et al., arXiv 2404.02905): "
        "an initialisation for training, no depth model",
        licence="MIT (github.com/FoundationVision/VAR)",
        files=(
            PublishedFile("var_d16.pth", "var_d16", hub_repo="FoundationVision/var"),
            PublishedFile(
                "vae_ch160v4096z32.pth", "vae_ch160v4096z32", hub_repo="FoundationVision/var"
            ),
        ),
    ),
}


def download(
    name: str, root: Path | None = None, confirm: Callable[[str], bool] | None = None
) -> Path:
    """Fetch published weights and save them in our format.

    An interrupted download goes on where it stopped when called again. Finished weights are
    returned at once, without the network.

    Args:
        name: "paper" or "var".
        root: the folder of checkpoints; `checkpoints/` beside the package by default.
        confirm: shown what the download costs, decides whether it starts. None: the cost goes to
            stderr and the download starts.

    Returns:
        The checkpoint's folder, with `config.json` and `model.safetensors`.

    Raises:
        ValueError: `name` is unknown.
        DownloadError: not confirmed, no connection, no room, or not the published file. Nothing
            that has arrived is lost.
    """
    if name not in PUBLISHED:
        raise ValueError(f"Expected one of {', '.join(map(repr, PUBLISHED))}, got {name!r}.")
    published = PUBLISHED[name]
    root = CHECKPOINTS if root is None else Path(root)
    folder = root / published.folder
    if all((folder / file).is_file() for file in ("config.json", "model.safetensors")):
        return folder
    incoming = root / ".downloads" / published.folder
    cost = _cost(published, incoming, folder)
    if confirm is None:
        print(cost, file=sys.stderr)
    elif not confirm(cost):
        raise DownloadError(f"Nothing was downloaded: {name!r} was not confirmed.")
    _require_room(published, root)
    paths = [_obtain(file, incoming) for file in published.files]
    for file, path in zip(published.files, paths, strict=True):
        check_file(path, file.keys)
    _convert(published, paths, incoming / "converted", folder)
    shutil.rmtree(incoming)
    return folder


def _cost(published: Published, incoming: Path, folder: Path) -> str:
    """What the download takes, before it starts."""
    total = sum(file.bytes for file in published.files)
    waiting = [incoming / file.file for file in published.files]
    waiting += [path.with_name(path.name + ".part") for path in waiting]
    have = sum(path.stat().st_size for path in waiting if path.exists())
    here = f" ({have / 1e9:.1f} GB of it are here already)" if have else ""
    files = "\n".join(
        f"  {file.file}, {file.bytes / 1e9:.1f} GB, from {file.source}" for file in published.files
    )
    return (
        f"{published.description}\nLicence: {published.licence}\n"
        f"To download: {total / 1e9:.1f} GB{here}\n{files}\n"
        f"It is converted into {folder}: {2 * total / 1e9:.1f} GB of disk and of memory meanwhile, "
        f"{total / 1e9:.1f} GB of disk afterwards."
    )


def _require_room(published: Published, root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    needed = 2 * sum(file.bytes for file in published.files)
    free = shutil.disk_usage(root).free
    if free < needed:
        raise DownloadError(
            f"{root} has {free / 1e9:.1f} GB free, {needed / 1e9:.1f} GB are needed to download "
            "and convert. Nothing was downloaded."
        )


def _obtain(file: PublishedFile, incoming: Path) -> Path:
    """The file in `incoming`, downloaded unless it is already there."""
    path = incoming / file.file
    if path.is_file():
        return path
    try:
        if file.drive_id:
            return fetch(
                DRIVE_URL.format(id=file.drive_id),
                path,
                near_bytes=file.bytes,
                say=lambda line: print(line, file=sys.stderr),
            )
        # Looked up here because it takes a second to import.
        from huggingface_hub import hf_hub_download

        return Path(hf_hub_download(file.hub_repo, file.file, local_dir=incoming))
    except OSError as error:
        raise DownloadError(
            f"Could not download {file.file}: {error}\nWithout a connection from here: get it with "
            f"a browser from {file.source}, save it as {path}, and run the same command again."
        ) from error


def _convert(published: Published, paths: list[Path], scratch: Path, folder: Path) -> None:
    """Write our format to `scratch`, then move it to `folder`, `config.json` last."""
    from depthart.official import from_official
    from depthart.predictor import save_model

    model_path, *vae_paths = paths
    vae_state = load_state(vae_paths[0]) if vae_paths else None
    model = from_official(load_state(model_path), vae_state)
    scratch.mkdir(parents=True, exist_ok=True)
    save_model(model, scratch, half=False)  # as published, in float32
    origin = "\n".join(f"- `{file.file}`: {file.source}" for file in published.files)
    (scratch / "README.md").write_text(
        f"# {published.folder}\n\n{published.description}.\n\nLicence: {published.licence}. "
        f"Converted by `python -m depthart download` from\n\n{origin}\n",
        encoding="utf-8",
    )
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(scratch.iterdir(), key=lambda path: path.name == "config.json"):
        os.replace(path, folder / path.name)
