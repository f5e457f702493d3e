"""Publishing the app as a Hugging Face Space: `python -m depthart deploy-space USER/NAME`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# The app, what it needs, and what it shows. All else stays here: data, runs, environments, tests.
INCLUDED = (
    *("app.py", "README.md", "LICENSE", "requirements.txt"),
    *("depthart/**", "assets/**", "checkpoints/**"),
)
# Downloaded weights have their own home on the hub or elsewhere; parts are for training alone.
EXCLUDED = (
    *("**/__pycache__/**", "**.pyc", "**.part", "**.jsonl"),
    *("checkpoints/depthart-paper/**", "checkpoints/var-d16/**", "checkpoints/.downloads/**"),
    "checkpoints/encoder-small/**",
)
# Binary files of Spaces live in Xet storage, reached through the attributes of Git LFS. This
# repository itself keeps them in git, so that a clone needs neither.
ATTRIBUTES = "".join(
    f"*.{suffix} filter=lfs diff=lfs merge=lfs -text\n"
    for suffix in ("safetensors", "png", "jpg", "gif", "webp", "npz", "glb", "ply")
)
THUMBNAIL = "assets/thumbnail.jpg"
# What free accounts may create (2026); "cpu-basic" and others need a paid plan.
DEFAULT_HARDWARE = "zero-a10g"


@dataclass(frozen=True)
class Plan:
    """What would be uploaded.

    Attributes:
        files: Paths relative to the folder, with their sizes in bytes.
    """

    repo_id: str
    folder: Path
    hardware: str
    files: dict[str, int]

    def __str__(self) -> str:
        largest = sorted(self.files, key=self.files.__getitem__, reverse=True)[:5]
        lines = [
            f"Space {self.repo_id} on {self.hardware}: {len(self.files)} files,"
            f" {sum(self.files.values()) / 1e6:.1f} MB from {self.folder}"
        ]
        lines += [f"  {self.files[name] / 1e6:8.1f} MB  {name}" for name in largest]
        return "\n".join(lines)


def plan(repo_id: str, folder: Path = ROOT, hardware: str = DEFAULT_HARDWARE) -> Plan:
    """What a deployment would upload, without touching the network.

    Raises:
        ValueError: The name is not USER/NAME, or README.md has no front matter for Gradio.
        FileNotFoundError: The folder is not a clone of the repository, or has no weights.
    """
    from huggingface_hub.utils import filter_repo_objects

    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo_id):
        raise ValueError(f"a Space is named USER/NAME, got {repo_id!r}.")
    for name in ("app.py", "README.md", "requirements.txt"):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name} is missing; deploy from a clone.")
    front = (folder / "README.md").read_text("utf-8").split("---\n")[1:2]
    if not front or "\nsdk: gradio\n" not in f"\n{front[0]}":
        raise ValueError(f"{folder / 'README.md'} has no front matter with `sdk: gradio`.")
    paths = [path for name in _tops() for path in (folder / name).rglob("*") if path.is_file()]
    paths += [folder / name for name in INCLUDED if (folder / name).is_file()]
    names = sorted({path.relative_to(folder).as_posix() for path in paths})
    kept = filter_repo_objects(names, allow_patterns=list(INCLUDED), ignore_patterns=list(EXCLUDED))
    files = {name: (folder / name).stat().st_size for name in kept}
    if not any(name.endswith(".safetensors") for name in files):
        raise FileNotFoundError(f"there are no weights in {folder / 'checkpoints'} to publish.")
    return Plan(repo_id, folder, hardware, files)


def deploy(
    chosen: Plan, private: bool = False, api: Any = None, say: Callable[[str], None] = print
) -> str:
    """Create the Space if need be and upload the files.

    Args:
        chosen: From `plan`.
        private: Visible to its owner only.
        api: A `huggingface_hub.HfApi`; by default one with the token of HF_TOKEN or `hf auth
            login`.
        say: Told what happens.

    Returns:
        Address of the Space.

    Raises:
        ValueError: There is no token.
        ConnectionError: The hub refused or cannot be reached; the message says why.
    """
    api = api or _api()
    where = {"repo_id": chosen.repo_id, "repo_type": "space"}
    say(str(chosen))
    try:
        url = api.create_repo(
            **where,
            space_sdk="gradio",
            space_hardware=chosen.hardware,
            private=private,
            exist_ok=True,
        )
        # First, as the hub asks it for every file that follows.
        api.upload_file(
            **where,
            path_or_fileobj=ATTRIBUTES.encode(),
            path_in_repo=".gitattributes",
            commit_message="Large files",
        )
        api.upload_folder(
            **where,
            folder_path=chosen.folder,
            allow_patterns=list(INCLUDED),
            ignore_patterns=[*EXCLUDED, "README.md"],
            delete_patterns=list(INCLUDED[4:]),
            commit_message="DepthART",
        )
        # Last: the Space is built anew with everything there.
        api.upload_file(
            **where,
            path_or_fileobj=_readme(chosen).encode(),
            path_in_repo="README.md",
            commit_message="Card with thumbnail",
        )
    except (ValueError, TypeError):
        raise
    except Exception as error:  # the hub's errors come from several libraries
        raise ConnectionError(f"the Space {chosen.repo_id} was not published: {error}") from error
    return str(url)


def _readme(chosen: Plan) -> str:
    """README.md with the address of the thumbnail, which only a Space's name makes complete."""
    readme = (chosen.folder / "README.md").read_text("utf-8")
    if THUMBNAIL not in chosen.files:
        return readme
    address = f"https://huggingface.co/spaces/{chosen.repo_id}/resolve/main/{THUMBNAIL}"
    return readme.replace("---\n", f"---\nthumbnail: {address}\n", 1)


def _tops() -> list[str]:
    return [pattern.removesuffix("/**") for pattern in INCLUDED if pattern.endswith("/**")]


def _api() -> Any:
    from huggingface_hub import HfApi, get_token

    if get_token() is None:
        raise ValueError(
            "publishing needs a token that may write: set HF_TOKEN, or run `hf auth login`."
        )
    return HfApi()
