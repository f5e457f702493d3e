"""Samples packed into WebDataset shards, for storage that is far away or dislikes small files.

Layout: `LOCATION/shard_000000.tar`, ... and `LOCATION/index.json`, a list of {"file", "samples"}.
Each sample is three members of a tar, which any WebDataset program can decode: `KEY.image.png` (or
`.image.jpg`), `KEY.arrays.npz` (depth and whatever else the sample has) and `KEY.meta.json`.
"""

from __future__ import annotations

import io
import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from train.data.files import existing
from train.data.sample import LabelledPlane, Sample, Source
from train.data.tar_shards import TarShards

ARRAYS = ("depth", "intrinsics", "plane", "valid", "edges")


def write_shards(
    source: Source, folder: str | Path, per_shard: int = 1000, jpeg_quality: int | None = None
) -> Path:
    """Pack a whole source, in its order.

    Args:
        folder: a local folder, to be uploaded afterwards; must not hold an index yet.
        per_shard: samples in each shard, the last excepted.
        jpeg_quality: store pictures as JPEG; None = PNG, without loss.

    Returns:
        The index, written last: a folder with one is complete.

    Raises:
        FileExistsError: if there is one already.
    """
    from webdataset import TarWriter

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    index = folder / "index.json"
    if index.exists():
        raise FileExistsError(f"{index} exists; choose an empty folder for new shards")
    table = []
    for start in range(0, len(source), per_shard):
        numbers = range(start, min(start + per_shard, len(source)))
        name = f"shard_{len(table):06d}.tar"
        with TarWriter(str(folder / name), mtime=0) as tar:
            for number in numbers:
                tar.write({"__key__": f"{number:08d}"} | encode(source[number], jpeg_quality))
        table.append({"file": name, "samples": len(numbers)})
    index.write_text(json.dumps(table, indent=1) + "\n")
    return index


class WebDatasetShards:
    """Written shards as a sequence of samples, so that they mix and resume like any other source.

    Remote shards are fetched whole when first needed and kept in `cache`. For data that does not
    fit on the local disk there is `stream`, which keeps nothing but cannot jump to a sample.

    Args:
        location: a folder; a URL of one (http, https, gs, ...); or a command with `{}` for the
            file name, such as `pipe:aws s3 cp s3://bucket/shards/{} -`.
        cache: folder for fetched shards; needed unless `location` is a local folder.

    Raises:
        FileNotFoundError: naming the missing index.
        ValueError: if a remote location has no cache, or the index is empty.
    """

    def __init__(self, location: str | Path, cache: str | Path | None = None) -> None:
        self.location = str(location)
        self.remote = "://" in self.location or self.location.startswith("pipe:")
        if self.remote and cache is None:
            raise ValueError(f"{location} is remote: name a cache folder for its shards")
        self.cache = Path(cache) if self.remote else Path(location)
        path = self._fetch("index.json") if self.remote else self.cache / "index.json"
        self.shards = TarShards(existing(path, "the shards' index"), self._local)

    def __len__(self) -> int:
        return len(self.shards)

    def __getitem__(self, index: int) -> Sample:
        return decode(self.shards[index])

    def stream(self, seed: int = 0, epoch: int = 0, buffer: int = 500) -> Iterator[Sample]:
        """One pass in an order of its own for each seed and epoch, straight from the storage.

        Shards are shuffled, then samples within a buffer. In several processes or workers each
        reads its own shards, so there should be at least as many shards as readers.
        """
        import webdataset

        order = np.random.default_rng([seed, epoch]).permutation(len(self.shards.files))
        parts = webdataset.WebDataset(
            [self._url(self.shards.files[i]) for i in order],
            shardshuffle=False,
            nodesplitter=webdataset.split_by_node,
            empty_check=False,
        )
        shuffled = parts.shuffle(buffer, initial=buffer, rng=random.Random(f"{seed}/{epoch}"))
        return (decode(sample) for sample in shuffled)

    def _url(self, name: str) -> str:
        if "{}" in self.location:
            return self.location.replace("{}", name)
        return f"{self.location.rstrip('/')}/{name}"

    def _local(self, name: str) -> Path:
        return existing(self._fetch(name) if self.remote else self.cache / name, "a shard")

    def _fetch(self, name: str) -> Path:
        """The cached copy of a remote file; written under another name first, so never partial."""
        path = self.cache / name
        if not path.is_file():
            from webdataset.gopen import gopen

            self.cache.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f"{name}.{os.getpid()}.part")
            with gopen(self._url(name)) as remote, part.open("wb") as local:
                shutil.copyfileobj(remote, local)
            part.replace(path)
        return path


def encode(sample: Sample, jpeg_quality: int | None = None) -> dict[str, bytes]:
    """The members of one sample."""
    picture, arrays = io.BytesIO(), io.BytesIO()
    kind = "png" if jpeg_quality is None else "jpg"
    options = {} if jpeg_quality is None else {"quality": jpeg_quality}
    Image.fromarray(sample.image).save(picture, "PNG" if kind == "png" else "JPEG", **options)
    present = {name: getattr(sample, name) for name in ARRAYS}
    present = {name: array for name, array in present.items() if array is not None}
    if sample.planes:
        present["plane_masks"] = np.stack([plane.mask for plane in sample.planes])
        present["plane_normals"] = np.stack([plane.normal for plane in sample.planes])
    np.savez_compressed(arrays, **present)
    kinds = [plane.kind for plane in sample.planes]
    meta = {"dataset": sample.dataset, "scene": sample.scene, "plane_kinds": kinds}
    return {
        f"image.{kind}": picture.getvalue(),
        "arrays.npz": arrays.getvalue(),
        "meta.json": json.dumps(meta).encode(),
    }


def decode(parts: dict[str, bytes]) -> Sample:
    """The sample of its members."""
    picture = parts["image.png"] if "image.png" in parts else parts["image.jpg"]
    meta = json.loads(parts["meta.json"])
    with np.load(io.BytesIO(parts["arrays.npz"])) as file:
        arrays = dict(file)
    masks, normals = arrays.pop("plane_masks", ()), arrays.pop("plane_normals", ())
    planes = zip(meta["plane_kinds"], masks, normals, strict=True)
    return Sample(
        image=np.array(Image.open(io.BytesIO(picture)).convert("RGB")),
        dataset=meta["dataset"],
        scene=meta["scene"],
        planes=tuple(LabelledPlane(*plane) for plane in planes),
        **arrays,
    )
