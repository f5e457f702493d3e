"""Render many seeds into shards on disk: in parallel, resumable, never half a shard.

A shard is a folder `shard_000000` of N pictures of consecutive seeds:

- `image.npy` uint8 (N, H, W, 3), sRGB
- `depth.npy` float16 (N, H, W), z-depth in metres, 0 where no surface is
- `normal.npy` int8 (N, H, W, 3), unit vectors in the camera frame times 127
- `plane.npy` uint8 (N, H, W), see `RenderedBatch.plane_id`
- `intrinsics.npy` float32 (N, 4), fx, fy, cx, cy in pixels
- `meta.json` with the first and last seed, the renderer's version, and which kinds of assets
  (photos, meshes, environments) were used
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from train.render.assets import Assets
from train.render.render import RENDERER_VERSION, render_batch

Arrays = dict[str, np.ndarray]
_SCRATCH = ".unfinished_"  # readers look for shard_*


@dataclass(frozen=True)
class Plan:
    """What a folder of shards is to hold.

    Attributes:
        folder: where the shards lie.
        count: pictures altogether.
        first_seed: seed of the first picture; the others follow.
        size: side of the square pictures in pixels.
        assets: folders of files that scenes may use.
        shard: pictures in a shard; the last one may hold fewer.
        batch: pictures rendered together.
    """

    folder: Path
    count: int
    first_seed: int = 0
    size: int = 256
    assets: Assets = Assets()
    shard: int = 100
    batch: int = 4

    def __post_init__(self) -> None:
        for name in ("count", "shard", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if self.first_seed < 0:
            raise ValueError(f"the first seed must not be negative, got {self.first_seed}.")
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"'{self.folder}' is a file; give a folder to write to.")

    def shards(self) -> dict[Path, range]:
        """Folder and seeds of each shard."""
        end = self.first_seed + self.count
        starts = range(self.first_seed, end, self.shard)
        return {
            self.folder / f"shard_{i:06d}": range(start, min(start + self.shard, end))
            for i, start in enumerate(starts)
        }

    def meta(self, seeds: range) -> dict:
        """Contents of a shard's meta.json."""
        return {
            "seeds": [seeds[0], seeds[-1]],
            "renderer_version": RENDERER_VERSION,
            **self.assets.used(),
        }

    def missing(self) -> dict[Path, range]:
        """The shards that are not there yet, or hold too few pictures.

        Raises:
            ValueError: if one of them was made with other seeds, size, assets or renderer.
        """
        return {s: seeds for s, seeds in self.shards().items() if not self._is_finished(s, seeds)}

    def _is_finished(self, shard: Path, seeds: range) -> bool:
        if not (shard / "meta.json").exists():
            return False
        found, wanted = json.loads((shard / "meta.json").read_text()), self.meta(seeds)
        found["size"] = np.load(shard / "image.npy", mmap_mode="r").shape[1]
        wanted["size"] = self.size
        first, last = found["seeds"]
        grown = first == seeds[0] and last < seeds[-1]  # the last shard of a smaller count
        if grown:
            found["seeds"] = wanted["seeds"]
        if found != wanted:
            other = ", ".join(
                f"{key} {found.get(key)} instead of {value}"
                for key, value in wanted.items()
                if found.get(key) != value
            )
            raise ValueError(
                f"'{shard}' was made with other settings ({other}); "
                "repeat the settings, or write to another folder."
            )
        return not grown


def write_shards(
    plan: Plan,
    workers: int = 1,
    device: str = "cpu",
    on_progress: Callable[[int], None] | None = None,
) -> int:
    """Render what the folder does not hold yet. One run at a time may write to a folder.

    Args:
        plan: what to render, and where.
        workers: processes with one torch thread each; 1 renders in this process.
        device: where to cast the rays.
        on_progress: called with the number of pictures that were just rendered.

    Returns:
        Number of pictures rendered.

    Raises:
        ValueError: if the folder holds shards made with other settings, or on a wrong number.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}.")
    report = on_progress or (lambda _: None)
    todo = plan.missing()
    plan.folder.mkdir(parents=True, exist_ok=True)
    for leftover in plan.folder.glob(f"{_SCRATCH}*"):
        shutil.rmtree(leftover)
    batches = [s[i : i + plan.batch] for s in todo.values() for i in range(0, len(s), plan.batch)]
    job = partial(_render_arrays, size=plan.size, device=device, assets=plan.assets)
    rendered = _in_order(job, batches, workers)
    for path, seeds in todo.items():
        parts: list[Arrays] = []
        for _ in range(0, len(seeds), plan.batch):
            parts.append(next(rendered))
            report(len(parts[-1]["image"]))
        _save(path, parts, plan.meta(seeds))
    return sum(map(len, todo.values()))


def _in_order(
    job: Callable[[range], Arrays], batches: Iterable[range], workers: int
) -> Iterator[Arrays]:
    """Results of all batches, one after the other; one torch thread for each process."""
    if workers == 1:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield from map(job, batches)
        finally:
            torch.set_num_threads(threads)
        return
    # forked children would inherit torch's thread pool and CUDA context, which breaks both
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _start_worker) as pool:
        yield from pool.map(job, batches)


def _start_worker() -> None:
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops its pool


def _render_arrays(seeds: range, size: int, device: str, assets: Assets) -> Arrays:
    """One batch as it lies on disk."""
    batch = render_batch(list(seeds), size, device, assets)
    normal = (batch.normal * 127).round().to(torch.int8)
    tensors = {
        "image": batch.image.permute(0, 2, 3, 1),
        "depth": batch.depth_m.half(),
        "normal": normal.permute(0, 2, 3, 1),
        "plane": batch.plane_id.to(torch.uint8),
        "intrinsics": batch.intrinsics,
    }
    return {name: tensor.cpu().numpy() for name, tensor in tensors.items()}


def _save(shard: Path, parts: list[Arrays], meta: dict) -> None:
    """Write a shard under another name, then give it its own."""
    scratch = shard.with_name(_SCRATCH + shard.name)
    scratch.mkdir()
    for name in parts[0]:
        np.save(scratch / f"{name}.npy", np.concatenate([part[name] for part in parts]))
    (scratch / "meta.json").write_text(json.dumps(meta))
    if shard.exists():  # too short, or left without meta.json by something else
        shutil.rmtree(shard)
    os.replace(scratch, shard)
