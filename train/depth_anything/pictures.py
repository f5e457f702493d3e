"""Unlabeled pictures to be labelled, cut into jobs: a folder of files, or WebDataset shards."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from train.data.photos import SUFFIXES


class Picture(NamedTuple):
    """An encoded picture.

    Attributes:
        key: its name, unique among all pictures of a run.
        data: the bytes of a JPEG, PNG or WebP file.
    """

    key: str
    data: bytes


class Job(NamedTuple):
    """Pictures whose labels make one output shard.

    Attributes:
        number: from 0; the name of the output shard.
        source: paths of picture files, or the address of one input shard.
    """

    number: int
    source: tuple[str, ...]
    packed: bool

    def pictures(self) -> Iterator[Picture]:
        """Read the pictures in a fixed order."""
        if self.packed:
            yield from _shard_pictures(self.source[0], f"{self.number:06d}")
        else:
            for path in self.source:
                yield Picture(Path(path).name, Path(path).read_bytes())


def jobs(location: str, per_shard: int) -> list[Job]:
    """Cut all pictures of a place into jobs, the same ones in every process.

    Args:
        location: a folder of pictures; a folder of `.tar` shards; or the shards' addresses in
            WebDataset's notation, as in `https://host/set-{000000..000999}.tar` or
            `pipe:aws s3 cp s3://bucket/{000..099}.tar -`. An input shard gives an output shard.
        per_shard: pictures of a folder in each output shard.

    Raises:
        FileNotFoundError: if there are neither pictures nor shards.
        ValueError: if both lie in one folder, or `per_shard` is not positive.
    """
    if per_shard < 1:
        raise ValueError(f"a shard takes at least one picture, got {per_shard}")
    if "://" in location or "{" in location or location.startswith("pipe:"):
        from webdataset.shardlists import expand_urls

        return [Job(i, (url,), True) for i, url in enumerate(expand_urls(location))]
    folder = Path(location)
    shards = sorted(str(path) for path in folder.glob("*.tar"))
    photos = sorted(str(path) for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    if shards and photos:
        raise ValueError(f"{folder} holds both pictures and .tar shards; name a folder of one kind")
    if shards:
        return [Job(i, (shard,), True) for i, shard in enumerate(shards)]
    if not photos:
        raise FileNotFoundError(f"no pictures and no .tar shards in {folder}")
    starts = range(0, len(photos), per_shard)
    return [
        Job(i, tuple(photos[start : start + per_shard]), False) for i, start in enumerate(starts)
    ]


def fingerprint(work: list[Job]) -> str:
    """Short hash of all names, to notice a folder that has changed."""
    names = "\n".join(Path(name).name for job in work for name in job.source)
    return hashlib.sha256(names.encode()).hexdigest()[:16]


def _shard_pictures(address: str, prefix: str) -> Iterator[Picture]:
    """Pictures of a tar, read as a stream; the prefix keeps keys of different shards apart."""
    import tarfile

    from webdataset.gopen import gopen

    with gopen(address) as stream, tarfile.open(fileobj=stream, mode="r|*") as tar:
        for member in tar:
            if member.isfile() and Path(member.name).suffix.lower() in SUFFIXES:
                file = tar.extractfile(member)
                yield Picture(f"{prefix}/{member.name}", file.read())
