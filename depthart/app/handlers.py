"""What the app does, as plain functions: no Gradio here, so all of it is tested without a browser.

Scales are 0-based in this file; the interface counts from 1.
"""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from depthart.app import plots, text
from depthart.app.state import KnownLength, Look, Session, portable
from depthart.geometry import Intrinsics
from depthart.images import Photo, open_photo
from depthart.prediction import Pixel, Prediction, PredictionStep
from depthart.visualize import (
    color_table,
    colorize,
    depth_limits,
    difference_map,
    entropy_map,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from depthart.predictor import Predictor
    from depthart.sampling import Sampler

# Photo and sampler in, one step per scale out: a predictor, or a predictor behind a GPU queue.
StepStream = Callable[[Photo, "Sampler | None"], Iterator[PredictionStep]]


@dataclass(frozen=True)
class View:
    """One scale as the Refine tab shows it: paths of pictures and HTML."""

    depth: str
    depth_caption: str
    difference: str
    difference_caption: str
    entropy: str
    entropy_caption: str
    entropy_curve: str
    change_curve: str
    ladder: str


@dataclass(frozen=True)
class CloudSettings:
    """How the point cloud is built. None of these runs the network again.

    Attributes:
        max_points: Point budget.
        remove_edges: Drop flying pixels.
        rtol: Relative depth step that makes an edge.
        keep_nearest: Share of the depth range that is kept, from the nearest, in (0, 1].
        color: "photo" or "depth".
    """

    max_points: int = 40_000
    remove_edges: bool = True
    rtol: float = 0.04
    keep_nearest: float = 1.0
    color: str = "photo"


# ---- a photo in, scales out ----------------------------------------------------------------


def read_photo(path: str | Path | None) -> Photo:
    """Open an uploaded picture; errors speak of its name, not of our temporary folder."""
    if path is None:
        raise ValueError("Choose a photo first: upload one, take one, paste one or use an example.")
    try:
        return open_photo(path)
    except (ValueError, OSError, ImportError) as error:
        message = str(error).replace(str(path), f"“{Path(path).name}”")
        raise type(error)(message) from None


def make_sampler(
    mode: str,
    seed: int = 0,
    temperature: float = 1.0,
    draws: int = 5,
    top_k: int = 900,
    top_p: float = 0.9,
) -> Sampler | None:
    """A sampler from the settings; None, the model's own default, for mode "default"."""
    if mode == "default":
        return None
    from depthart.sampling import Sampler

    return Sampler(
        mode=mode,  # type: ignore[arg-type]  # checked by Sampler
        seed=int(seed),
        temperature=float(temperature),
        draws=int(draws),
        top_k=int(top_k),
        top_p=float(top_p),
    )


def predictor_steps(
    predictor: Predictor, photo: Photo, sampler: Sampler | None
) -> Iterator[PredictionStep]:
    """The scales of a photo, each decoded and independent of the model."""
    for step in predictor.refine(photo, sampler):
        yield portable(step)


def new_session(predictor: Predictor, photo: Photo) -> Session:
    """A session before its first scale."""
    config = getattr(predictor.model, "config", None)
    scales = getattr(config, "scales", None)
    return Session(
        photo=photo,
        model=predictor.name,
        kind=predictor.kind,
        total=len(scales) if scales is not None else 1,
        vocabulary=getattr(config, "vocab_size", None),
    )


def refine(session: Session, stream: StepStream, sampler: Sampler | None) -> Iterator[int]:
    """Fill a session scale by scale; yields the index of each finished scale."""
    started = time.perf_counter()
    for step in stream(session.photo, sampler):
        session.steps.append(step)
        session.elapsed = time.perf_counter() - started
        yield session.last
    session.total = len(session.steps)


def progress(session: Session | None, working: bool = False) -> str:
    """The status line of a session, as HTML."""
    if session is None:
        return text.status(0, 1, 0, "empty")
    done = len(session.steps)
    state = "working" if working else "done" if done == session.total else "stopped"
    return text.status(done, session.total, session.elapsed, state)


# ---- looking at one scale --------------------------------------------------------------------


def view(session: Session, scale: int, look: Look) -> View:
    """Everything the Refine tab shows of a scale, from what the session keeps."""
    scale = session.clamp(scale)
    brightest = entropy_limit(session)
    unit = length_factor(session, scale)
    limits = limits_of(session)
    limit = change_limit(session, scale)
    sides = [s.side for s in session.steps]
    waiting = [None] * (session.total - len(sides))  # the curves grow into a frame of fixed size
    labels = [str(side) for side in sides] + [""] * len(waiting)
    means = [mean_entropy(s) for s in session.steps] + waiting
    changes = [mean_change(session, k) for k in range(len(sides))] + waiting
    return View(
        depth=depth_picture(session, scale, look),
        depth_caption=text.depth_caption(
            session.kind,
            (limits[0] * unit, limits[1] * unit),
            look.cmap,
            look.invert,
            session.known is not None,
        ),
        difference=session.picture(
            ("difference", scale), lambda: _difference(session, scale, limit)
        ),
        difference_caption=text.difference_caption(
            scale, limit * unit, " m" if session.known else ""
        ),
        entropy=session.picture(
            ("entropy", scale, brightest), lambda: _entropy(session, scale, brightest)
        ),
        entropy_caption=text.entropy_caption(means[scale], brightest, session.vocabulary),
        entropy_curve=plots.curve(means, labels, scale, text.ENTROPY_CURVE, "nats"),
        change_curve=plots.curve(changes, labels, scale, text.CHANGE_CURVE, ""),
        ladder=text.ladder(sides, scale, session.total),
    )


def before_after(session: Session, scale: int, before: int, look: Look) -> tuple[str, str]:
    """Two pictures for the slider. before: 0 is the photo, k the k-th scale counted from 1."""
    scale = session.clamp(scale)
    if 1 <= before <= len(session.steps):
        left = depth_picture(session, before - 1, look)
    else:
        left = photo_picture(session)
    return left, depth_picture(session, scale, look)


def photo_picture(session: Session) -> str:
    """Path of the preview of the photo, upright."""
    return session.picture("photo", lambda: session.preview.rgb, ".jpg")


def depth_picture(session: Session, scale: int, look: Look) -> str:
    """Path of a scale's coloured depth."""
    limits = limits_of(session)
    return session.picture(
        ("depth", scale, look, limits),
        lambda: colorize(
            session.preview_depth(scale), session.kind, look.cmap, look.invert, limits
        ),
    )


def limits_of(session: Session) -> tuple[float, float]:
    """One range of colours for all scales, of the finest, so that they can be compared."""
    return depth_limits(session.steps[-1].model_depth)


def mean_entropy(step: PredictionStep) -> float | None:
    """Nats per token; None for a model without tokens."""
    return float(step.entropy.mean()) if step.entropy is not None and step.entropy.size else None


def mean_change(session: Session, scale: int) -> float | None:
    """Mean absolute change of depth that a scale made; None for the first."""
    if scale == 0:
        return None
    steps = session.steps
    return float(np.abs(steps[scale].model_depth - steps[scale - 1].model_depth).mean())


def change_limit(session: Session, scale: int) -> float:
    """Change that gets the full colour: the 99 % quantile."""
    if scale == 0:
        return 0.0
    steps = session.steps
    return depth_limits(np.abs(steps[scale].model_depth - steps[scale - 1].model_depth))[1]


def entropy_limit(session: Session) -> float:
    """Entropy of the brightest colour, in nats: the highest token of all scales so far."""
    known = [s.entropy.max() for s in session.steps if mean_entropy(s) is not None]
    return float(max(known, default=1.0))


def length_factor(session: Session, scale: int) -> float:
    """Metres per unit of a scale's depth if a length is known, else 1."""
    if session.known is None:
        return 1.0
    return session.prediction(scale).metres_per_unit or 1.0


# ---- 3D --------------------------------------------------------------------------------------


def photo_fov(photo: Photo) -> tuple[float, bool]:
    """Horizontal field of view in degrees, and whether it comes from the photo's EXIF data."""
    return round(Intrinsics.of_photo(photo).fov_deg, 1), photo.focal_35mm is not None


def cloud(session: Session, scale: int, settings: CloudSettings) -> tuple[go.Figure, int]:
    """The point cloud of a scale and its number of points."""
    scale = session.clamp(scale)
    prediction = session.prediction(scale)
    depth = prediction.z_depth()
    far = float(depth.max())
    near = float(depth[depth > 0].min()) if (depth > 0).any() else 0.0
    max_depth = None
    if settings.keep_nearest < 1:
        max_depth = near + settings.keep_nearest * (far - near)
    points = prediction.points(settings.max_points, settings.remove_edges, settings.rtol, max_depth)
    if not len(points):
        raise ValueError(
            "No point is left: keep more of the background, or switch the edge removal off."
        )
    colors = None
    if settings.color == "depth":
        column = points.xyz[:, 2][None]
        colors = colorize(column, "scale_invariant", limits=depth_limits(depth))[0]
    unit = "m" if prediction.unit == "m" else "(relative)"
    figure = plots.cloud_figure(points, f"{id(session)}", unit, colors)
    return figure, len(points)


def mark(session: Session, pixel: Pixel) -> None:
    """Remember a click on the preview; the third click starts over."""
    session.marks = (*session.marks, pixel) if len(session.marks) < 2 else (pixel,)


def marked_photo(session: Session) -> str:
    """Path of the preview with the clicked pixels A and B and the line between them."""
    return session.picture(("marks", session.marks), lambda: _draw_marks(session), ".jpg")


def measured(session: Session, scale: int) -> str:
    """What the clicked pixels tell, in words."""
    if not session.marks:
        return "Click two points of the photo to measure between them."
    prediction = session.prediction(session.clamp(scale))
    unit = "m" if prediction.unit == "m" else "relative units"
    try:
        depths = [float(prediction.point_at(pixel)[2]) for pixel in session.marks]
    except ValueError as error:
        return f"{str(error)[:1].upper()}{str(error)[1:]}"
    if len(depths) == 1:
        return f"A lies at depth {text.number(depths[0])} {unit}. Click a second point."
    length = prediction.distance(*session.marks)
    return (
        f"**A to B: {text.number(length)} {unit}** (depth of A {text.number(depths[0])},"
        f" of B {text.number(depths[1])})."
    )


def know_length(session: Session, metres: float | None, scale: int) -> None:
    """From now on everything is in metres: the two clicked pixels are this far apart."""
    if len(session.marks) != 2:
        raise ValueError("Click the two ends of the known length in the photo first.")
    before, session.known = session.known, None
    try:
        relative = session.prediction(session.clamp(scale))
        metric = relative.with_known_length(*session.marks, float(metres or 0))
    except ValueError:
        session.known = before
        raise
    session.known = KnownLength(*session.marks, float(metres), metric.metres_per_unit)


def forget_length(session: Session) -> None:
    """Back to relative units, without clicks."""
    session.known, session.marks = None, ()


# ---- files -----------------------------------------------------------------------------------


def export(session: Session, scale: int, scales: bool = False) -> tuple[str, list[str]]:
    """Write every export of `Prediction.save` at the photo's full size.

    Returns:
        Path of a zip with all files, and the paths of the files.
    """
    scale = session.clamp(scale)
    name = "".join(c if c.isalnum() or c in "-_" else "_" for c in session.photo.name) or "photo"
    parent = session.folder() / f"scale-{scale + 1:02d}{'-all' if scales else ''}"
    paths = session.prediction(scale, full_size=True).save(parent / name, scales=scales)
    archive = parent / f"{name}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for path in paths:
            file.write(path, f"{name}/{path.name}")
    return str(archive), [str(path) for path in paths]


# ---- for programs ----------------------------------------------------------------------------


def summary(prediction: Prediction) -> dict[str, Any]:
    """What a program needs to know about a prediction, ready for JSON."""
    low, high = depth_limits(prediction.depth, 0, 1)
    return {
        "model": prediction.model,
        "kind": prediction.kind,
        "meaning": text.MEANING[prediction.kind],
        "unit": prediction.unit,
        "width": prediction.photo.width,
        "height": prediction.photo.height,
        "fov_deg": round(prediction.intrinsics.fov_deg, 3),
        "depth_min": low,
        "depth_max": high,
        "scales": [step.side for step in prediction.steps],
        "seconds": round(prediction.seconds, 3),
    }


def step_summary(session: Session, scale: int) -> dict[str, Any]:
    """One update of the streaming endpoint, ready for JSON."""
    step = session.steps[scale]
    return {
        "scale": scale + 1,
        "scales": session.total,
        "side": step.side,
        "tokens": step.side**2,
        "mean_entropy_nats": mean_entropy(step),
        "mean_change": mean_change(session, scale),
        "seconds": round(step.seconds, 4),
    }


def save_array(session: Session, prediction: Prediction) -> str:
    """Path of the depth as float32 .npy at the photo's size."""
    path = session.folder() / "depth.npy"
    np.save(path, prediction.scaled_depth())
    return str(path)


# ---- drawing ---------------------------------------------------------------------------------


def _difference(session: Session, scale: int, limit: float) -> np.ndarray:
    after = session.preview_depth(scale)
    before = session.preview_depth(scale - 1) if scale else after
    return difference_map(before, after, session.kind, limit or 1.0)


def _entropy(session: Session, scale: int, limit: float) -> np.ndarray:
    step, preview = session.steps[scale], session.preview
    if mean_entropy(step) is None:
        return np.full((preview.height, preview.width, 3), color_table("magma")[0], np.uint8)
    return entropy_map(step.entropy, preview.width, preview.height, limit)


def _draw_marks(session: Session) -> np.ndarray:
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.fromarray(session.preview.rgb)
    draw = ImageDraw.Draw(picture)
    size = max(picture.size) / 100
    font = ImageFont.load_default(max(12, 3 * size))
    if len(session.marks) == 2:
        for color, width in (("black", size), ("white", size / 2)):
            draw.line(session.marks, fill=color, width=max(1, round(width)))
    for name, (x, y) in zip("AB", session.marks, strict=False):
        for color, radius in (("black", 1.3 * size), ("white", size), ("#e11d48", 0.6 * size)):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)
        # Beside the dot, on the side where there is room.
        left = x > picture.width - 8 * size
        draw.text(
            (x - 2 * size if left else x + 2 * size, y),
            name,
            fill="white",
            font=font,
            anchor="rm" if left else "lm",
            stroke_width=max(2, round(size / 2)),
            stroke_fill="black",
        )
    return np.asarray(picture)
