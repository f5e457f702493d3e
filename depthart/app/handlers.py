"""What the app does, as plain functions: no Gradio here, so all of it is tested without a browser.

Scales are 0-based in this file; the interface counts from 1.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from depthart.app import plots, text, truth
from depthart.app.state import Look, Session, of_scale, portable
from depthart.images import Photo, open_photo
from depthart.prediction import PredictionStep
from depthart.visualize import (
    color_table,
    colorize,
    depth_limits,
    difference_map,
    entropy_map,
)

if TYPE_CHECKING:
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
    second_curve: str
    ladder: str


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
    config = getattr(getattr(predictor, "model", None), "config", None)
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
        session.total = max(session.total, len(session.steps))
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
    means = [mean_entropy(s) for s in session.steps]
    waiting = [None] * (session.total - len(sides))  # the curves grow into a frame of fixed size
    labels = [str(side or k + 1) for k, side in enumerate(sides)] + [""] * len(waiting)
    if session.truth is None:
        second = [mean_change(session, k) for k in range(len(sides))], text.CHANGE_CURVE
    else:
        errors = [truth.score(session, k) for k in range(len(sides))]
        second = [error.abs_rel for error in errors if error], text.ERROR_CURVE
    return View(
        depth=depth_picture(session, scale, look),
        depth_caption=text.depth_caption(
            session.kind,
            (limits[0] * unit, limits[1] * unit),
            look.cmap,
            look.invert,
            session.known is not None,
            session.sharp,
        ),
        difference=session.picture(
            ("difference", of_scale(scale)), lambda: _difference(session, scale, limit)
        ),
        difference_caption=text.difference_caption(
            scale, limit * unit, " m" if session.known else ""
        ),
        entropy=session.picture(
            ("entropy", of_scale(scale), brightest), lambda: _entropy(session, scale, brightest)
        ),
        entropy_caption=text.entropy_caption(means[scale], brightest, session.vocabulary),
        entropy_curve=plots.curve(means + waiting, labels, scale, text.ENTROPY_CURVE, "nats"),
        second_curve=plots.curve(second[0] + waiting, labels, scale, second[1], ""),
        ladder=text.ladder(sides, scale, session.total),
    )


def before_after(session: Session, scale: int, before: int, look: Look) -> tuple[str, str]:
    """Two pictures for the slider.

    Args:
        before: 0 is the photo, k the k-th scale counted from 1, `truth.BEFORE` the ground truth.
    """
    scale = session.clamp(scale)
    if 1 <= before <= len(session.steps):
        left = depth_picture(session, before - 1, look)
    elif before == truth.BEFORE and session.truth is not None:
        left = truth.picture(session, look)
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
        ("depth", of_scale(scale), look, limits, session.sharp),
        lambda: colorize(session.shown_depth(scale), session.kind, look.cmap, look.invert, limits),
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
    """Entropy of the brightest colour, in nats: a blind guess among all codes, ln V."""
    if session.vocabulary:
        return math.log(session.vocabulary)
    known = [s.entropy.max() for s in session.steps if mean_entropy(s) is not None]
    return float(max(known, default=1.0))


def length_factor(session: Session, scale: int) -> float:
    """Metres per unit of a scale's depth if a length is known, else 1."""
    if session.known is None:
        return 1.0
    return session.prediction(scale).metres_per_unit or 1.0


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
