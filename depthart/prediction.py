"""What a model says about one photo: its depth map, what the numbers mean, and how it got there.

Letters: H, W photo size · s side of one scale's token grid · z latent channels.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from depthart.geometry import Intrinsics
from depthart.images import Photo, resize_depth
from depthart.pointcloud import PointCloud, point_cloud
from depthart.sharpen import sharpen

if TYPE_CHECKING:
    from torch import Tensor

    from depthart.model import Step

Kind = Literal["scale_invariant", "affine_invariant", "disparity", "metric"]
LINEAR_KINDS = ("scale_invariant", "metric")  # without an offset: twice the number, twice as far
Pixel = tuple[float, float]

# 1 / disparity has no limit; disparities below this share of the largest (sky) get no depth.
_MIN_DISPARITY = 0.02


@dataclass(eq=False)
class PredictionStep:
    """One step of a prediction, at the photo's size: a scale of a refinement, a denoising step, or
    all there is.

    Attributes:
        scale: Number of the step; 0 is the first, the coarsest.
        side: Side of this scale's token grid; 0 for models without tokens.
        indices: (side, side) int64 codebook indices; None without tokens.
        entropy: (side, side) float32 nats, of the distributions the codes came from; None without
            tokens.
        features: (1, z, 16, 16) sum of all contributions so far; None without tokens.
        seconds: Time this step took, without decoding.
        height, width: Size of the photo.
        decode: Gives the model's own depth map (h, w); called at most once.
        decode_seconds: Time the decoding took; 0 before.
    """

    scale: int
    side: int
    indices: np.ndarray | None
    entropy: np.ndarray | None
    features: Tensor | None
    seconds: float
    height: int
    width: int
    decode: Callable[[], Tensor | np.ndarray]
    decode_seconds: float = 0.0

    @classmethod
    def from_step(cls, step: Step, height: int, width: int, row: int = 0) -> PredictionStep:
        """Item `row` of a model's batched `Step`, for a photo of height x width pixels."""
        shape = step.side, step.side
        return cls(
            scale=step.scale,
            side=step.side,
            indices=step.indices[row].reshape(shape).cpu().numpy(),
            entropy=step.entropy[row].reshape(shape).float().cpu().numpy(),
            features=step.features[row : row + 1],
            seconds=step.seconds,
            height=height,
            width=width,
            decode=lambda: step.depth[row],
        )

    @classmethod
    def without_tokens(
        cls, number: int, depth: Tensor | np.ndarray, seconds: float, height: int, width: int
    ) -> PredictionStep:
        """Step `number` (0-based) of a model without tokens: its map (h, w), already decoded."""
        return cls(number, 0, None, None, None, seconds, height, width, lambda: depth)

    @cached_property
    def model_depth(self) -> np.ndarray:
        """(h, w) float32 map as the model gives it; DepthART's is 256 x 256, in [0, 1]."""
        started = time.perf_counter()
        depth = self.decode()
        if not isinstance(depth, np.ndarray):
            depth = depth.detach().float().cpu().numpy()
        self.decode_seconds += time.perf_counter() - started
        return depth

    @cached_property
    def depth(self) -> np.ndarray:
        """(H, W) float32 depth at the photo's size, up to scale."""
        return self.depth_at(self.height, self.width)

    def depth_at(self, height: int, width: int) -> np.ndarray:
        """(height, width) float32, for previews of large photos."""
        return resize_depth(self.model_depth, height, width)


@dataclass(eq=False)
class Prediction:
    """Depth of one photo.

    Attributes:
        photo: The picture.
        depth: (H, W) float32 >= 0 at the photo's size. Linear depth along the optical axis, growing
            with distance; for kind "disparity" the model's disparity, growing with nearness.
        kind: What is fixed: everything ("metric", metres), all but one factor ("scale_invariant"),
            all but factor and offset ("affine_invariant", and "disparity" in inverse depth).
        model: Name of the model.
        intrinsics: The camera, measured (EXIF) or assumed.
        steps: The scales, coarse to fine, or the denoising steps; one step, or none, for models
            that answer at once.
        uncertainty: (H, W) standard deviation over an ensemble, in the unit of depth.
        seconds: Time it took.
        metres_per_unit: Factor from depth to metres once it is known. `depth` and `steps` stay as
            predicted; points, distances and files apply it.
        sharpened: Whether `depth` follows the photo's edges, see `sharpen`; `steps` never do.
    """

    photo: Photo
    depth: np.ndarray
    kind: Kind
    model: str
    intrinsics: Intrinsics
    steps: tuple[PredictionStep, ...] = ()
    uncertainty: np.ndarray | None = None
    seconds: float = 0.0
    metres_per_unit: float | None = None
    sharpened: bool = False

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"unknown kind {self.kind!r}; known: {', '.join(get_args(Kind))}.")
        size = self.photo.height, self.photo.width
        if self.depth.shape != size:
            raise ValueError(f"depth has shape {self.depth.shape}, its photo {size}.")
        if (self.intrinsics.height, self.intrinsics.width) != size:
            raise ValueError(f"the camera {self.intrinsics} does not fit a photo of shape {size}.")
        low, high = float(self.depth.min()), float(self.depth.max())
        if not (low >= 0 and math.isfinite(high)):
            raise ValueError(f"depth must be finite and >= 0, got values from {low} to {high}.")
        self.depth = np.asarray(self.depth, np.float32)
        if self.kind == "metric" and self.metres_per_unit is None:
            self.metres_per_unit = 1.0

    @property
    def refined(self) -> bool:
        """Whether there is a refinement to look at: more than one step."""
        return len(self.steps) > 1

    @property
    def unit(self) -> Literal["m", "relative"]:
        """Unit of points, distances and files."""
        return "relative" if self.metres_per_unit is None else "m"

    def scaled_depth(self) -> np.ndarray:
        """(H, W) float32 depth in `unit`."""
        factor = 1.0 if self.metres_per_unit is None else self.metres_per_unit
        return self.depth if factor == 1 else self.depth * np.float32(factor)

    def z_depth(
        self, rows: np.ndarray | None = None, columns: np.ndarray | None = None
    ) -> np.ndarray:
        """Depth along the optical axis in `unit`; 0 where there is none (disparity near 0).

        Args:
            rows, columns: (h,) and (w,) pixels to look at; all by default.

        Returns:
            (h, w) float32.
        """
        values = self.depth
        if rows is not None or columns is not None:
            rows = np.arange(self.photo.height) if rows is None else rows
            columns = np.arange(self.photo.width) if columns is None else columns
            values = values[np.ix_(rows, columns)]
        if self.kind == "disparity":
            far = values < max(_MIN_DISPARITY * self._max_value, 1e-12)
            values = np.divide(1, values, out=np.zeros_like(values), where=~far)
        return values if self.metres_per_unit is None else values * np.float32(self.metres_per_unit)

    def at(self, scale: int) -> Prediction:
        """The prediction as it stood after a scale or step (0-based).

        Raises:
            ValueError: No such step.
        """
        if not 0 <= scale < len(self.steps):
            raise ValueError(
                f"scale {scale} does not exist; {self.model} gave {len(self.steps)} scales,"
                " counted from 0."
            )
        steps = self.steps[: scale + 1]
        seconds = sum(step.seconds for step in steps)
        return replace(
            self,
            depth=steps[-1].depth,
            steps=steps,
            uncertainty=None,
            seconds=seconds,
            sharpened=False,
        )

    def sharpen(self) -> Prediction:
        """The same prediction with the photo's edges in its depth; see `depthart.sharpen`.

        Points, meshes and files take them over. This is no part of the model.
        """
        if self.sharpened:
            return self
        single = self.steps and self.uncertainty is None
        own = self.steps[-1].model_depth if single else self.depth
        depth = sharpen(own, self.photo.rgb, log=self.kind in LINEAR_KINDS)
        return replace(self, depth=depth, sharpened=True)

    def points(
        self,
        max_points: int | None = None,
        remove_edges: bool = True,
        rtol: float = 0.04,
        max_depth: float | None = None,
    ) -> PointCloud:
        """Coloured points in `unit`, OpenCV axes (x right, y down, z forward).

        Args:
            max_points: Upper limit, met by a coarser grid of pixels; all pixels by default.
            remove_edges: Drop flying pixels.
            rtol: Relative depth step that makes an edge.
            max_depth: Drop points farther than this, in `unit`.
        """
        return point_cloud(self, max_points, remove_edges, rtol, max_depth)

    def point_at(self, pixel: Pixel) -> np.ndarray:
        """(3,) float64 point in `unit` seen at pixel (column, row).

        Raises:
            ValueError: Outside the photo, or no depth there.
        """
        column, row = (math.floor(value) for value in pixel)
        if not (0 <= column < self.photo.width and 0 <= row < self.photo.height):
            raise ValueError(
                f"pixel (x = {column}, y = {row}) lies outside the photo of {self.photo.width} x"
                f" {self.photo.height} pixels."
            )
        rows, columns = np.array([row]), np.array([column])
        depth = float(self.z_depth(rows, columns)[0, 0])
        if depth <= 0:
            raise ValueError(f"there is no depth at pixel (x = {column}, y = {row}).")
        return self.intrinsics.rays(rows, columns)[0, 0].astype(np.float64) * depth

    def distance(self, pixel_a: Pixel, pixel_b: Pixel) -> float:
        """Straight distance in `unit` between the points seen at two pixels (column, row)."""
        return float(np.linalg.norm(self.point_at(pixel_a) - self.point_at(pixel_b)))

    def with_known_length(self, pixel_a: Pixel, pixel_b: Pixel, metres: float) -> Prediction:
        """The same prediction in metres, given the true distance between two pixels (column, row).

        Raises:
            ValueError: The length is not positive, the pixels show the same point, or the kind has
                an unknown offset besides its factor, which one length cannot fix.
        """
        if self.kind not in LINEAR_KINDS:
            raise ValueError(
                f"one known length cannot turn {self.kind} predictions of {self.model} into metres:"
                " they have an unknown offset besides the unknown factor."
            )
        if not (math.isfinite(metres) and metres > 0):
            raise ValueError(f"the known length must be positive, got {metres} m.")
        length = self.distance(pixel_a, pixel_b)
        if length <= 0:
            raise ValueError("both pixels show the same point; choose two different ones.")
        now = 1.0 if self.metres_per_unit is None else self.metres_per_unit
        return replace(self, metres_per_unit=now * metres / length)

    def save(
        self,
        folder: str | Path,
        formats: Iterable[str] | None = None,
        scales: bool = False,
        cmap: str = "spectral",
        invert: bool = False,
    ) -> list[Path]:
        """Write the prediction's files into a folder; see `depthart.export.save_prediction`."""
        from depthart.export import save_prediction  # export builds on this module

        return save_prediction(self, Path(folder), formats, scales, cmap, invert)

    @cached_property
    def _max_value(self) -> float:
        return float(self.depth.max())
