"""Shards written by `python -m train.render`, memory-mapped.

Layout: `FOLDER/shard_000000/{image,depth,normal,plane,intrinsics}.npy` and `meta.json`.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from pathlib import Path

import numpy as np

from train.data.sample import Sample


class RenderedScenes:
    """All finished shards of a folder, as a sequence of samples (metres).

    Raises:
        FileNotFoundError: if the folder holds no shard.
    """

    def __init__(self, folder: str | Path) -> None:
        shards = sorted(p.parent for p in Path(folder).glob("shard_*/meta.json"))
        if not shards:
            raise FileNotFoundError(
                f"no rendered shards in {folder}; make some: python -m train.render -o {folder}"
            )
        self.name = Path(folder).name
        self._arrays = [
            {
                part: np.load(shard / f"{part}.npy", mmap_mode="r")
                for part in ("image", "depth", "plane", "intrinsics")
            }
            for shard in shards
        ]
        self._ends = list(accumulate(len(arrays["image"]) for arrays in self._arrays))

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < len(self):
            raise IndexError(index)
        shard = bisect_right(self._ends, index)
        arrays = self._arrays[shard]
        row = index - (self._ends[shard - 1] if shard else 0)
        return Sample(
            image=np.array(arrays["image"][row]),
            depth=arrays["depth"][row].astype(np.float32),
            dataset=self.name,
            scene=str(index),
            intrinsics=np.array(arrays["intrinsics"][row]),
            plane=np.array(arrays["plane"][row]),
        )
