"""Pseudo-labels on disk: WebDataset shards of pictures with a teacher's disparity.

Layout of a folder:

    labels.json               the teacher, the pictures and the settings, written first
    labels_000000.tar         NUMBER.image.jpg, NUMBER.disparity.png, NUMBER.meta.json
    labels_000000.json        number of samples, and what was skipped and why
    index.json                [{"file", "samples"}], written when the last shard is there

A disparity is a 16-bit PNG of the teacher's own resolution, 65535 = the map's largest, 0 = no
disparity at all; `meta.json` has the picture's key and the `peak` that 65535 stands for.
"""

from __future__ import annotations

import io
import json
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from train.data.tar_shards import TarShards

INDEX, SETTINGS = "index.json", "labels.json"
FULL = 65535


@dataclass
class PseudoLabel:
    """A picture and what the teacher says about it.

    Attributes:
        image: (H, W, 3) uint8.
        disparity: (h, w) float32 >= 0, of the same field of view, in the teacher's unit.
        key: name of the picture.
    """

    image: np.ndarray
    disparity: np.ndarray
    key: str


def shard_name(number: int) -> str:
    return f"labels_{number:06d}.tar"


def is_written(folder: Path, number: int) -> bool:
    """A shard under its name is complete; its summary came first."""
    return (folder / shard_name(number)).is_file()


def write_shard(
    folder: Path, number: int, labels: Iterable[PseudoLabel], skipped: list[tuple[str, str]]
) -> None:
    """Write a shard so that it is there as a whole or not at all, whoever else writes it too.

    Args:
        labels: written one by one as they come.
        skipped: keys and reasons, filled by the caller while labels are drawn.
    """
    from webdataset import TarWriter

    path = folder / shard_name(number)
    part = folder / f".{path.name}.{socket.gethostname()}.{os.getpid()}.part"
    count = 0
    try:
        with part.open("wb") as file, TarWriter(file, mtime=0) as tar:
            for count, label in enumerate(labels, 1):
                tar.write({"__key__": f"{number:06d}{count - 1:06d}"} | encode(label))
        summary = {"samples": count, "skipped": skipped}
        write_json(path.with_suffix(".json"), summary)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_index(folder: Path, count: int) -> bool:
    """Write the index if all `count` shards are there; any process may do it, and more than one."""
    if not all(is_written(folder, number) for number in range(count)):
        return False
    table = []
    for number in range(count):
        path = folder / shard_name(number)
        samples = json.loads(path.with_suffix(".json").read_text())["samples"]
        if samples:
            table.append({"file": path.name, "samples": samples})
    write_json(folder / INDEX, table)
    return True


def write_json(path: Path, content: object) -> None:
    """Replace a file at once."""
    part = path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}.part")
    part.write_text(json.dumps(content, indent=1) + "\n")
    os.replace(part, path)


class PseudoLabels:
    """All labels of a finished folder, as a sequence.

    Raises:
        FileNotFoundError: if the folder has no index, with what is there instead.
        ValueError: if it lists no label.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        path = self.folder / INDEX
        if not path.is_file():
            done = len(list(self.folder.glob("labels_*.tar")))
            raise FileNotFoundError(
                f"{path} is missing ({done} shards are there); finish the labels with"
                " python -m train.depth_anything.pseudo_label"
            )
        self.shards = TarShards(path, self.folder.joinpath)

    def __len__(self) -> int:
        return len(self.shards)

    def __getitem__(self, index: int) -> PseudoLabel:
        return decode(self.shards[index])


def encode(label: PseudoLabel, quality: int = 92) -> dict[str, bytes]:
    """The members of one label.

    Raises:
        ValueError: for a disparity that is negative or not finite.
    """
    d = np.asarray(label.disparity, np.float32)
    if not (np.isfinite(d).all() and d.min() >= 0):
        raise ValueError(f"the disparity of {label.key} is negative or not finite")
    peak = float(d.max())
    counts = np.round(d / (peak or 1) * FULL).astype(np.uint16)
    picture, disparity = io.BytesIO(), io.BytesIO()
    Image.fromarray(label.image).save(picture, "JPEG", quality=quality, subsampling=0)
    Image.fromarray(counts).save(disparity, "PNG")
    meta = json.dumps({"key": label.key, "peak": peak}).encode()
    return {
        "image.jpg": picture.getvalue(),
        "disparity.png": disparity.getvalue(),
        "meta.json": meta,
    }


def decode(parts: dict[str, bytes]) -> PseudoLabel:
    """The label of its members."""
    meta = json.loads(parts["meta.json"])
    counts = np.array(Image.open(io.BytesIO(parts["disparity.png"]))).astype(np.float32)
    image = np.array(Image.open(io.BytesIO(parts["image.jpg"])).convert("RGB"))
    return PseudoLabel(image, counts * np.float32(meta["peak"] / FULL), meta["key"])
