"""Slanted floors with a box, in the renderer's shard format: data for commands, in milliseconds."""

import json
from pathlib import Path

import numpy as np


def write_floors(folder: Path, count: int = 6, side: int = 48) -> Path:
    """Pictures whose brightness is their depth, all one plane, one camera."""
    shard = folder / "shard_000000"
    shard.mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:side, :side] / side
    depth = np.stack([1 + rng.uniform(0.5, 3) * (1 - rows) + 0.3 * columns for _ in range(count)])
    box = slice(side // 5, side * 2 // 5)
    depth[:, box, box] = 0.8
    image = np.repeat((depth[..., None] * 50).clip(0, 255), 3, axis=-1)
    np.save(shard / "image.npy", image.astype(np.uint8))
    np.save(shard / "depth.npy", depth.astype(np.float16))
    np.save(shard / "plane.npy", np.ones((count, side, side), np.uint8))
    np.save(shard / "intrinsics.npy", np.full((count, 4), 40, np.float32))
    (shard / "meta.json").write_text(json.dumps({"seeds": [0, count - 1]}))
    return folder
