"""`python -m train.depth_anything.pseudo_label`: a teacher labels pictures without depth (eq. 4).

Pictures come from a folder or from WebDataset shards, labels go into shards
(`train.data.pseudo_labels`). Workers share the shards by number and need not talk to each other:
launch as many as there are devices,

    accelerate launch --num_processes 8 -m train.depth_anything.pseudo_label TEACHER PICTURES -o DIR
    torchrun --nnodes 16 --nproc-per-node 8 ... -m train.depth_anything.pseudo_label ...
    RANK=3 WORLD_SIZE=8 python -m train.depth_anything.pseudo_label ...       # any other launcher

A shard appears under its name only when it is complete, so that a run that was stopped, whatever
stopped it, goes on when it is started again, with any number of workers. Whoever finds all shards
complete writes the index.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from depthart.images import open_photo
from train.data.pseudo_labels import (
    INDEX,
    SETTINGS,
    PseudoLabel,
    is_written,
    write_index,
    write_json,
    write_shard,
)
from train.depth_anything.pictures import Job, Picture, fingerprint, jobs
from train.depth_anything.teacher_model import Teacher

CHUNK = 32  # pictures decoded at once; batches form among them


class Worker(NamedTuple):
    """One of `count` processes, and the device it computes on."""

    rank: int
    count: int
    device: str


def this_worker(device: str = "auto") -> Worker:
    """From the variables that accelerate, torchrun and most launchers set.

    Raises:
        ValueError: if the rank is not below the number of workers.
    """
    rank, count = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    if not 0 <= rank < count:
        raise ValueError(f"RANK {rank} is not among the {count} workers of WORLD_SIZE")
    if device == "auto" and count > 1:
        import torch

        if torch.cuda.is_available():
            device = f"cuda:{int(os.environ.get('LOCAL_RANK', 0)) % torch.cuda.device_count()}"
    return Worker(rank, count, device)


def label_job(
    job: Job, teacher: Teacher, folder: Path, batch_size: int, store_side: int
) -> tuple[int, int]:
    """Label one job's pictures into its shard; returns how many were labelled and skipped."""
    skipped: list[tuple[str, str]] = []
    done = 0

    def labels() -> Iterator[PseudoLabel]:
        nonlocal done
        for chunk in _chunks(job.pictures()):
            keys, images = _decoded(chunk, skipped)
            disparities = teacher.disparities(images, batch_size)
            for key, image, disparity in zip(keys, images, disparities, strict=True):
                yield PseudoLabel(shrunk(image, store_side), disparity, key)
                done += 1

    write_shard(folder, job.number, labels(), skipped)
    return done, len(skipped)


def shrunk(image: np.ndarray, side: int) -> np.ndarray:
    """A picture whose shorter side is at most `side`, aspect ratio kept."""
    height, width = image.shape[:2]
    share = side / min(height, width)
    if share >= 1:
        return image
    size = round(width * share), round(height * share)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def main(arguments: list[str] | None = None) -> None:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("teacher", help="model name, checkpoint folder or hub id")
    parser.add_argument("pictures", help="folder, or addresses of shards: see train/README.md")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the labels")
    parser.add_argument("--per-shard", type=int, default=256, help="pictures of a folder per shard")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--store-side", type=int, default=384, help="stored pictures' shorter side")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args(arguments)

    worker = this_worker(options.device)
    work = jobs(options.pictures, options.per_shard)
    teacher = Teacher(options.teacher, worker.device)
    options.output.mkdir(parents=True, exist_ok=True)
    claim_folder(
        options.output,
        {
            "teacher": teacher.name,
            "weights": teacher.identity,
            "pictures": options.pictures,
            "names": fingerprint(work),
            "shards": len(work),
            "per_shard": options.per_shard,
            "store_side": options.store_side,
        },
    )
    mine = work[worker.rank :: worker.count]
    left = [job for job in mine if not is_written(options.output, job.number)]
    print(f"worker {worker.rank}: {len(left)} of {len(mine)} shards to do", file=sys.stderr)
    started, total = time.perf_counter(), 0
    for number, job in enumerate(left, 1):
        done, skipped = label_job(
            job, teacher, options.output, options.batch_size, options.store_side
        )
        total += done
        rate = total / (time.perf_counter() - started)
        note = f", {skipped} skipped" if skipped else ""
        print(
            f"worker {worker.rank}: shard {job.number} ({number}/{len(left)}), {done} labels{note},"
            f" {rate:.1f}/s",
            file=sys.stderr,
        )
    if write_index(options.output, len(work)):
        print(f"complete: {options.output / INDEX}")


def claim_folder(folder: Path, settings: dict[str, object]) -> None:
    """Write the settings of a new folder; check that an old one has the same.

    Raises:
        ValueError: naming what differs.
    """
    path = folder / SETTINGS
    if not path.is_file():
        write_json(path, settings)
        return
    before = json.loads(path.read_text())
    # The same model or folder may have moved; weights and names tell what it is.
    differ = [k for k in settings if k not in ("teacher", "pictures") and before[k] != settings[k]]
    if differ:
        changes = ", ".join(f"{k} {before[k]} -> {settings[k]}" for k in differ)
        raise ValueError(f"{folder} was begun with other settings ({changes}); take a new folder")


def _chunks(pictures: Iterator[Picture]) -> Iterator[list[Picture]]:
    chunk: list[Picture] = []
    for picture in pictures:
        chunk.append(picture)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _decoded(
    chunk: list[Picture], skipped: list[tuple[str, str]]
) -> tuple[list[str], list[np.ndarray]]:
    """Keys and (H, W, 3) pixels; a picture that cannot be read is noted and left out."""
    keys, images = [], []
    for key, data in chunk:
        try:
            with Image.open(io.BytesIO(data)) as file:
                images.append(open_photo(file).rgb)
            keys.append(key)
        # Among millions some are damaged.
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            skipped.append((key, str(error)))
    return keys, images


if __name__ == "__main__":
    main()
