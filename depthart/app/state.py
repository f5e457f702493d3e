"""What one visitor's session remembers: a photo, its refinement, and the length they know.

Nothing here is shared between sessions. Letters: H, W photo size · h, w preview size.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from depthart.geometry import Intrinsics
from depthart.images import Photo
from depthart.prediction import Kind, Pixel, Prediction, PredictionStep

if TYPE_CHECKING:
    from depthart.app.compare import Failure, Result
    from depthart.app.ensemble import Ensemble
    from depthart.app.truth import Score, Truth

PREVIEW_SIDE = 768  # longest side of the pictures shown; depth is predicted at 256


@dataclass(frozen=True)
class Look:
    """How depth is coloured."""

    cmap: str = "spectral"
    invert: bool = False


@dataclass(frozen=True)
class KnownLength:
    """A true distance between two pixels (column, row) of the preview.

    Attributes:
        metres_per_unit: What it made of the scale it was given at; for scales without depth there.
    """

    a: Pixel
    b: Pixel
    metres: float
    metres_per_unit: float


@dataclass(eq=False, repr=False)
class Session:
    """One refinement and what was asked of it since.

    Attributes:
        photo: The picture at full size.
        model: Name of the model.
        kind: Kind of its predictions.
        total: Number of scales it makes.
        vocabulary: Number of codes, None for a model without tokens.
        steps: Scales computed so far, each with its features and decoded depth.
        preview: The picture with at most `PREVIEW_SIDE` pixels on its longer side.
        fov_deg: Horizontal field of view; None takes it from EXIF, else 55 degrees.
        marks: Up to two clicked pixels of the preview.
        known: Set once the visitor has given a length.
        elapsed: Seconds from the click to the last finished scale.
        truth: Ground truth at the preview's size, if the visitor gave one; see `app.truth`.
        scores: Error of each scale against it, as far as computed.
        ensemble: Mean and spread of several roll-outs, if asked for; see `app.ensemble`.
        kept: What tabs have worked out and may ask for again.
        results: Other models' answers to the photo by name; see `app.compare`.
        box: The rectangle of the plane probe in shares of the preview: left, top, right, bottom.
        sharp: Whether depth is shown, measured and saved with the photo's edges; `steps`, what
            scales changed and all errors stay the model's own.
    """

    photo: Photo
    model: str
    kind: Kind
    total: int
    vocabulary: int | None = None
    steps: list[PredictionStep] = field(default_factory=list)
    fov_deg: float | None = None
    marks: tuple[Pixel, ...] = ()
    known: KnownLength | None = None
    elapsed: float = 0.0
    truth: Truth | None = None
    scores: dict[int, Score] = field(default_factory=dict)
    ensemble: Ensemble | None = None
    kept: dict[Hashable, Any] = field(default_factory=dict)
    results: dict[str, Result | Failure] = field(default_factory=dict)
    box: tuple[float, float, float, float] | None = None
    sharp: bool = False

    def __post_init__(self) -> None:
        self.preview = shrink(self.photo, PREVIEW_SIDE)
        self._files: dict[Hashable, str] = {}
        self._lock = threading.Lock()
        self._folder: tempfile.TemporaryDirectory | None = None

    @property
    def last(self) -> int:
        """Index of the finest scale computed so far."""
        return len(self.steps) - 1

    def clamp(self, scale: int) -> int:
        """The computed scale nearest to a wished one (0-based)."""
        return min(max(scale, 0), self.last)

    def preview_depth(self, scale: int) -> np.ndarray:
        """(h, w) float32 depth after a scale, at the preview's size."""
        return self.steps[scale].depth_at(self.preview.height, self.preview.width)

    def shown_depth(self, scale: int) -> np.ndarray:
        """As `preview_depth`, and with the photo's edges if they are wanted."""
        return self.prediction(scale).depth

    def prediction(self, scale: int, full_size: bool = False) -> Prediction:
        """The prediction as it stood after a scale, in metres if a length is known.

        Args:
            scale: 0-based.
            full_size: At the photo's size instead of the preview's.
        """
        photo = self.photo if full_size else self.preview
        steps = tuple(_resized(step, photo) for step in self.steps[: scale + 1])
        prediction = Prediction(
            photo,
            steps[-1].depth,
            self.kind,
            self.model,
            Intrinsics.of_photo(photo, self.fov_deg),
            steps,
            seconds=sum(step.seconds for step in steps),
        )
        if self.sharp:
            prediction = prediction.sharpen()
        if self.known is None:
            return prediction
        a, b = (self._to_photo(pixel, photo) for pixel in (self.known.a, self.known.b))
        try:
            return prediction.with_known_length(a, b, self.known.metres)
        except ValueError:
            return replace(prediction, metres_per_unit=self.known.metres_per_unit)

    def folder(self) -> Path:
        """This session's own folder; it is deleted with the session."""
        with self._lock:  # a visitor's events run side by side
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(
                    prefix="depthart-", ignore_cleanup_errors=True
                )
            return Path(self._folder.name)

    @property
    def name(self) -> str:
        """The photo's name as it may stand in names of files."""
        return file_name(self.photo.name) or "photo"

    def picture(self, key: Hashable, draw: Callable[[], np.ndarray], suffix: str = ".png") -> str:
        """Path of a picture drawn once per key; its name tells what it is, once downloaded.

        Args:
            key: Begins with words for what it shows, then all else that it depends on.
            draw: -> (H, W, 3) uint8.
            suffix: ".png" for maps, ".jpg" for photos.
        """
        if key not in self._files:
            words = [key] if isinstance(key, str) else takewhile(lambda k: isinstance(k, str), key)
            name = "-".join([self.name, *map(file_name, words)])
            path = Path(tempfile.mkdtemp(dir=self.folder())) / (name + suffix)
            # Level 1: packing harder takes five times as long. PNG ignores quality, JPEG level.
            Image.fromarray(draw()).save(path, compress_level=1, quality=92)
            self._files[key] = str(path)
        return self._files[key]

    def close(self) -> None:
        """Delete this session's files."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
            self._files.clear()

    def _to_photo(self, pixel: Pixel, photo: Photo) -> Pixel:
        x, y = photo.width / self.preview.width, photo.height / self.preview.height
        return (pixel[0] + 0.5) * x, (pixel[1] + 0.5) * y


def of_scale(scale: int) -> str:
    """A scale (0-based) as the names of files say it."""
    return f"scale_{scale + 1:02d}"


def file_name(words: str) -> str:
    """Words as they may stand in the name of a file."""
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in words)


def close_session(session: Session | None) -> None:
    """For Gradio, which calls it when a visitor has left."""
    if session is not None:
        session.close()


def shrink(photo: Photo, side: int) -> Photo:
    """The photo with at most `side` pixels on its longer side; its focal length stays."""
    scale = side / max(photo.width, photo.height)
    if scale >= 1:
        return photo
    size = max(16, round(photo.width * scale)), max(16, round(photo.height * scale))
    small = Image.fromarray(photo.rgb).resize(size, Image.Resampling.BICUBIC, reducing_gap=2)
    return replace(photo, rgb=np.asarray(small))


def portable(step: PredictionStep) -> PredictionStep:
    """The step with its depth decoded, on the CPU and free of the model.

    It can then be stepped through without the network, and travel between the processes of ZeroGPU.
    """
    features = None if step.features is None else step.features.cpu()
    return replace(step, features=features, decode=partial(np.asarray, step.model_depth))


def _resized(step: PredictionStep, photo: Photo) -> PredictionStep:
    if (step.height, step.width) == (photo.height, photo.width):
        return step
    return replace(step, height=photo.height, width=photo.width, decode=lambda: step.model_depth)
