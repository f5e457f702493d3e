"""The one contract between data and training: a batch of pictures with depth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

UNKNOWN = np.full(4, np.nan, np.float32)  # a camera in a batch

@dataclass
class LabelledPlane:
    """A planar surface whose true orientation is known (iBims-1).

    Attributes:
        kind: `wall`, `table` or `floor`.
        mask: (H, W) bool, its pixels.
        normal: (3,) float32 unit vector, x right, y down, z forward; its sign means nothing.
    """

    kind: str
    mask: np.ndarray
    normal: np.ndarray


@dataclass
class Sample:
    """One picture as it lies on disk.

    Attributes:
        image: (H, W, 3) uint8 sRGB.
        depth: (H, W) float32 z-depth, in metres or an unknown unit; 0 = not measured.
        intrinsics: (4,) float32 fx, fy, cx, cy in pixels, pixel centres at +0.5; or None.
        plane: (H, W) uint8, a number for each planar surface, 0 = none; or None.
        dataset: where it comes from.
        scene: pictures of one place share it; evaluation averages over it first.
        valid: (H, W) bool, pixels that the data set's evaluation protocol counts; None = all that
            are measured.
        planes: surfaces of known orientation, for the planarity errors.
        edges: (H, W) bool, labelled depth edges, for the boundary error; or None.
    """

    image: np.ndarray
    depth: np.ndarray
    dataset: str
    scene: str
    intrinsics: np.ndarray | None = None
    plane: np.ndarray | None = None
    valid: np.ndarray | None = None
    planes: tuple[LabelledPlane, ...] = ()
    edges: np.ndarray | None = None

    def counted(self) -> np.ndarray:
        """(H, W) bool: pixels that metrics use, measured and inside the protocol's mask."""
        measured = (self.depth > 0) & np.isfinite(self.depth)
        return measured if self.valid is None else measured & self.valid


class Source(Protocol):
    """A reader: a sequence of samples."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


@dataclass
class Batch:
    """What training steps see.

    Attributes:
        image: (B, 3, S, S) float32 in [-1, 1].
        depth: (B, 1, S, S) float32, >= 0; +inf = sky.
        valid: (B, 1, S, S) bool, where depth was measured.
        intrinsics: (B, 4) float32 fx, fy, cx, cy in pixels of these pictures; NaN = unknown.
    """

    image: Tensor
    depth: Tensor
    valid: Tensor
    intrinsics: Tensor

    def to(self, device: torch.device | str) -> Batch:
        """On a device; from pinned memory the copy does not hold up the caller."""
        return self.each(lambda part: part.to(device, non_blocking=part.is_pinned()))

    def pin_memory(self) -> Batch:
        return self.each(Tensor.pin_memory)

    def each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        """What `change` makes of every tensor."""
        return Batch(*(change(getattr(self, field.name)) for field in fields(self)))


def collate(samples: Sequence[Sample]) -> Batch:
    """Stack samples of one size (S, S)."""
    image = torch.from_numpy(np.stack([s.image for s in samples])).permute(0, 3, 1, 2)
    depth = torch.from_numpy(np.stack([s.depth for s in samples])).unsqueeze(1).float()
    cameras = [UNKNOWN if s.intrinsics is None else s.intrinsics for s in samples]
    return Batch(
        image.float() / 127.5 - 1,
        depth,
        (depth > 0) & depth.isfinite(),
        torch.from_numpy(np.float32(cameras)),
    )
