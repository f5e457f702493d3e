"""Shards written by `python -m train.render`, memory-mapped.

Layout: `FOLDER/shard_000000/{image,depth,normal,plane,intrinsics}.npy` and `meta.json`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from train.data.sample import Sample
from train.data.tar_shards import Rows


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
        self._rows = Rows(len(arrays["image"]) for arrays in self._arrays)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Sample:
        shard, row = self._rows.locate(index)
        arrays = self._arrays[shard]
        return Sample(
            image=np.array(arrays["image"][row]),
            depth=arrays["depth"][row].astype(np.float32),
            dataset=self.name,
            scene=str(index),
            intrinsics=np.array(arrays["intrinsics"][row]),
            plane=np.array(arrays["plane"][row]),
        )
