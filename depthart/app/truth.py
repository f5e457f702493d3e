"""Ground truth for the visitor's photo, and how far each scale is from it. No Gradio here.

Scales are 0-based in this file. Letters: H, W size of the file's map · h, w preview size.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from depthart.align import TINY, align, alignment_for
from depthart.app.state import of_scale
from depthart.images import MAX_PIXELS
from depthart.metrics import abs_rel, delta1
from depthart.visualize import colorize, difference_map

if TYPE_CHECKING:
    from depthart.app.state import Look, Session
    from depthart.images import Photo
    from depthart.prediction import Kind

AUTO = "auto"
# Metres per number in the file. A map up to an unknown factor may be given in any of them: all
# but metric predictions are aligned to it.
UNITS = {"m": 1.0, "mm": 1e-3, "cm": 1e-2, "1/256 m": 1 / 256, "1/5000 m": 1 / 5000}
SUFFIXES = (".png", ".tif", ".tiff", ".npy", ".npz")
ASPECT_TOLERANCE = 0.02
MIN_VALID = 64
BEFORE = -1  # of the before/after slider: the ground truth on the left
FULL_COLOR = float(np.log(1.25))  # of the error map: where delta-1 stops counting a pixel


@dataclass(frozen=True, eq=False)
class Truth:
    """The true depth of a photo, at the size of its preview.

    Attributes:
        depth_m: (h, w) float32 z-depth in metres, 0 where unknown.
        valid: (h, w) bool, where it is known.
        name: Of the file.
    """

    depth_m: np.ndarray
    valid: np.ndarray
    name: str = "ground truth"


@dataclass(frozen=True)
class Score:
    """One prediction against the truth: AbsRel (0 is best) and delta-1 (1 is best)."""

    abs_rel: float
    delta1: float


def read_truth(path: str | Path, photo: Photo, unit: str = AUTO) -> Truth:
    """Open a depth map and bring it to a photo's size.

    Args:
        path: 16-bit PNG or TIFF, 32-bit float TIFF, `.npy`, or `.npz` with "depth" or one array.
        photo: What it belongs to; a map of another size is resampled (nearest) if its shape fits.
        unit: One of `UNITS`, or "auto": the scale in our own `depth.png`, else millimetres for
            whole numbers and metres for floats.

    Raises:
        ValueError: Not such a file, another shape than the photo, or hardly any valid depth.
    """
    path = Path(path)
    if unit != AUTO and unit not in UNITS:
        raise ValueError(f"unknown unit {unit!r}; known: {AUTO}, {', '.join(UNITS)}.")
    name = f"“{path.name}”"
    values, text = _read(path, name)
    if values.ndim == 3 and 1 in (values.shape[0], values.shape[2]):
        values = values.squeeze(0 if values.shape[0] == 1 else 2)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"{name} must be (height, width) numbers; its shape is {values.shape}.")
    _check_shape(values.shape, photo, name)
    rows = ((np.arange(photo.height) + 0.5) * (values.shape[0] / photo.height)).astype(int)
    columns = ((np.arange(photo.width) + 0.5) * (values.shape[1] / photo.width)).astype(int)
    values = values[np.ix_(rows, columns)]
    # Whole numbers use 0 and often their largest value for "unknown"; floats 0, NaN or infinity.
    valid = np.isfinite(values) & (values > 0)
    depth = values.astype(np.float32)
    if unit == AUTO and "scale" in text:
        depth = depth * float(text["scale"]) + float(text.get("offset", 0))
        valid = np.isfinite(depth) & (depth > 0)
    else:
        whole = np.issubdtype(values.dtype, np.integer)
        if whole:
            valid &= values < np.iinfo(np.uint16).max
        depth *= UNITS[("mm" if whole else "m") if unit == AUTO else unit]
    if valid.sum() < MIN_VALID:
        raise ValueError(f"{name} has only {valid.sum()} pixels with a positive, finite depth.")
    return Truth(np.where(valid, depth, 0).astype(np.float32), valid, path.name)


def give(session: Session, truth: Truth | None) -> None:
    """Compare this session with a ground truth from now on; None with none."""
    session.truth = truth
    session.scores.clear()


def score(session: Session, scale: int) -> Score | None:
    """How good a scale is, computed once; None without ground truth."""
    if session.truth is None:
        return None
    if scale not in session.scores:
        session.scores[scale] = measure(session.preview_depth(scale), session.kind, session.truth)
    return session.scores[scale]


def picture(session: Session, look: Look) -> str:
    """Path of the coloured ground truth; unknown depth is grey."""
    truth = session.truth
    if truth is None:
        raise ValueError("There is no ground truth for this photo.")
    return session.picture(
        ("truth", id(truth), look),
        lambda: colorize(
            np.where(truth.valid, truth.depth_m, np.nan), "metric", look.cmap, look.invert
        ),
    )


def error_picture(session: Session, scale: int) -> str:
    """Path of a scale's `error_map`."""
    truth = session.truth
    if truth is None:
        raise ValueError("There is no ground truth for this photo.")
    return session.picture(
        ("error", of_scale(scale), id(truth)),
        lambda: error_map(session.preview_depth(scale), session.kind, truth),
    )


def aligned(depth: np.ndarray, kind: Kind, truth: Truth) -> np.ndarray:
    """A prediction (h, w), or disparity, as depth in metres, aligned as its kind demands."""
    return align(depth, truth.depth_m, truth.valid, alignment_for(kind))


def measure(depth: np.ndarray, kind: Kind, truth: Truth) -> Score:
    """AbsRel and delta-1 of a prediction (h, w) at the truth's size, after alignment."""
    fitted = aligned(depth, kind, truth)
    return Score(*(metric(fitted, truth.depth_m, truth.valid) for metric in (abs_rel, delta1)))


def error_map(depth: np.ndarray, kind: Kind, truth: Truth) -> np.ndarray:
    """Where a prediction (h, w) is too near (red) or too far (blue); grey where nothing is known.

    Full colour is a factor of 1.25, where delta-1 stops counting a pixel.

    Returns:
        (h, w, 3) uint8.
    """
    known = np.where(truth.valid, truth.depth_m, np.nan)
    fitted = np.maximum(aligned(depth, kind, truth), TINY)
    return difference_map(np.log(known), np.log(fitted), limit=FULL_COLOR)


def _read(path: Path, name: str) -> tuple[np.ndarray, dict[str, Any]]:
    """The numbers as they are in the file, and a PNG's text."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{name} is no depth map: give one of {', '.join(SUFFIXES)}.")
    try:
        if suffix in (".npy", ".npz"):
            return _read_numpy(path, name), {}
        with Image.open(path, formats=["PNG", "TIFF"]) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"{name} is larger than {MAX_PIXELS:,} pixels.")
            if not image.mode.startswith(("I", "F")):
                raise ValueError(
                    f"{name} has 8 bits per channel: it is a picture of depth, not depth itself."
                    " Give a 16-bit PNG or a .npy file."
                )
            return np.asarray(image), dict(getattr(image, "text", {}))
    except (UnidentifiedImageError, OSError, EOFError, SyntaxError, zipfile.BadZipFile) as error:
        raise ValueError(f"{name} cannot be read: it is damaged or of another format.") from error


def _read_numpy(path: Path, name: str) -> np.ndarray:
    try:
        loaded = np.load(path, allow_pickle=False, mmap_mode="r")
    except ValueError as error:  # pickles, which could run code, or not numpy's at all
        raise ValueError(f"{name} holds no plain array of numbers.") from error
    if isinstance(loaded, np.lib.npyio.NpzFile):
        with loaded as archive:
            if sum(info.file_size for info in archive.zip.infolist()) > 8 * MAX_PIXELS:
                raise ValueError(f"{name} is larger than {MAX_PIXELS:,} pixels.")
            names = archive.files if len(archive.files) == 1 else ["depth"]
            if names[0] not in archive.files:
                raise ValueError(f"{name} must hold one array, or one named “depth” among several.")
            loaded = archive[names[0]]
    if loaded.size > MAX_PIXELS or loaded.dtype.kind not in "fiu":
        raise ValueError(f"{name} must hold at most {MAX_PIXELS:,} real numbers, one per pixel.")
    return np.asarray(loaded)


def _check_shape(shape: tuple[int, ...], photo: Photo, name: str) -> None:
    """A map of another aspect shows something else."""
    height, width = shape
    ratio = (width / height) / (photo.width / photo.height)
    if abs(np.log(ratio)) > ASPECT_TOLERANCE:
        turned = abs(np.log((height / width) / (photo.width / photo.height))) <= ASPECT_TOLERANCE
        hint = " It seems to be turned by 90°." if turned else ""
        raise ValueError(
            f"{name} ({width} × {height}) does not have the shape of the photo"
            f" ({photo.width} × {photo.height}): a map of this very photo is needed.{hint}"
        )
