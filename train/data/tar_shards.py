"""Numbered samples that lie in shards: which shard, which row, which bytes."""

from __future__ import annotations

import json
import tarfile
from bisect import bisect_right
from collections.abc import Callable, Iterable
from itertools import accumulate
from pathlib import Path


class Rows:
    """Samples counted through shards of given lengths."""

    def __init__(self, lengths: Iterable[int]) -> None:
        self._ends = list(accumulate(lengths))

    def __len__(self) -> int:
        return self._ends[-1]

    def locate(self, index: int) -> tuple[int, int]:
        """Shard and row of a sample.

        Raises:
            IndexError: if there is no such sample.
        """
        if not 0 <= index < len(self):
            raise IndexError(index)
        shard = bisect_right(self._ends, index)
        return shard, index - (self._ends[shard - 1] if shard else 0)


class TarShards:
    """The members of samples in tars, read without unpacking.

    Args:
        index: a list of {"file", "samples"} in a JSON file.
        path_of: where a file of the index lies, asked whenever it is read.

    Raises:
        ValueError: if the index is empty.
    """

    def __init__(self, index: Path, path_of: Callable[[str], Path]) -> None:
        table = json.loads(index.read_text())
        if not table:
            raise ValueError(f"{index} lists no shards")
        self.files = [entry["file"] for entry in table]
        self._rows = Rows(entry["samples"] for entry in table)
        self._path_of = path_of
        self._members: dict[int, list[dict[str, tuple[int, int]]]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, bytes]:
        """The contents of a sample's members by the part of their names behind the key."""
        shard, row = self._rows.locate(index)
        path = self._path_of(self.files[shard])
        if shard not in self._members:
            self._members[shard] = _members_of(path)
        parts = {}
        with path.open("rb") as file:
            for name, (offset, size) in self._members[shard][row].items():
                file.seek(offset)
                parts[name] = file.read(size)
        return parts


def _members_of(path: Path) -> list[dict[str, tuple[int, int]]]:
    """For each sample of a tar, {part: (offset, size)} in bytes."""
    samples: dict[str, dict[str, tuple[int, int]]] = {}
    with tarfile.open(path) as tar:
        for member in tar:
            key, _, part = member.name.partition(".")
            samples.setdefault(key, {})[part] = (member.offset_data, member.size)
    return list(samples.values())
