"""Several models on one photo: who answers, and how the answers are brought to one reference.

Plain functions, no Gradio. Letters: h, w size of the photo's preview.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from depthart.align import TINY, Alignment, align, alignment_for
from depthart.app.handlers import length_factor
from depthart.app.models import Models
from depthart.app.state import Session
from depthart.geometry import Intrinsics
from depthart.images import Photo, resize_depth
from depthart.metrics import abs_rel, delta1
from depthart.prediction import LINEAR_KINDS, Kind, Prediction, PredictionStep

if TYPE_CHECKING:
    from depthart.predictor import Predictor
    from depthart.registry import ModelInfo

TRUTH = "Ground truth"
PRESELECTED = 5
_FLOOR = 1e-3  # share of the median below which a depth of the reference is not divided by

# Name and photo in; the number of finished steps while it works, then the result.
Answers = Callable[[str, Photo], Iterator["int | Result"]]


@dataclass(frozen=True, eq=False)
class Result:
    """One model's answer, all that is kept of it.

    Attributes:
        depth: As predicted, at the model's own size; disparity for kind "disparity".
        seconds: Network and decoding, without loading the model.
        steps: Number of steps it took; 1 for a model that predicts depth directly.
    """

    model: str
    kind: Kind
    depth: np.ndarray
    seconds: float
    steps: int


@dataclass(frozen=True)
class Failure:
    """Why a model gave no answer."""

    model: str
    reason: str


@dataclass(frozen=True)
class Working:
    """A model at work: `step` finished steps, `place` of `count` models, both from 1."""

    model: str
    step: int
    place: int
    count: int


@dataclass(frozen=True, eq=False)
class Reference:
    """What all are measured against.

    Attributes:
        name: `TRUTH` or the model's name.
        depth: (h, w) float64, positive where valid.
        valid: (h, w) bool.
        metric: In metres.
        source: What it was made from, for caches.
    """

    name: str
    depth: np.ndarray
    valid: np.ndarray
    metric: bool
    source: Any


@dataclass(frozen=True, eq=False)
class Aligned:
    """A result in the unit of the reference.

    Attributes:
        depth: (h, w) float32.
        how: The alignment; None for the reference itself.
        abs_rel: Mean of |depth - reference| / reference; 0 is best.
        delta1: Share of pixels within a factor of 1.25 of the reference; 1 is best.
    """

    result: Result
    depth: np.ndarray
    how: Alignment | None
    abs_rel: float = 0.0
    delta1: float = 1.0


# ---- who answers -----------------------------------------------------------------------------


def preselected(default: str, infos: Iterable[ModelInfo]) -> list[str]:
    """The models ticked at the start: the chosen one and a handful of those that are bundled."""
    bundled = [info.name for info in infos if info.available and info.family != "pretrained"]
    return list(dict.fromkeys([default, *bundled]))[:PRESELECTED]


def answer(predictor: Predictor, photo: Photo) -> Iterator[int | Result]:
    """Run a model; only the depth of its last step is decoded and kept."""
    seconds, count, step = 0.0, 0, None
    for count, step in enumerate(predictor.refine(photo), start=1):
        seconds += step.seconds
        yield count
    if step is None:
        raise ValueError(f"{predictor.name} gave no depth for this photo.")
    yield _result(predictor.name, predictor.kind, step, seconds, count)


def run(
    session: Session, names: Iterable[str], models: Models, answers: Answers
) -> Iterator[Working]:
    """Let every model answer that has not yet; a failing one does not stop the others."""
    done = results_of(session)
    waiting = [name for name in names if name not in done]
    for place, name in enumerate(waiting, start=1):
        yield Working(name, 0, place, len(waiting))
        try:
            models.get(name)  # loading is not part of its time
            for news in answers(name, session.photo):
                if isinstance(news, Result):
                    session.results[name] = news
                else:
                    yield Working(name, news, place, len(waiting))
        except Exception as error:  # noqa: BLE001 - one model's trouble is told in its own card
            session.results[name] = Failure(name, str(error) or type(error).__name__)


def results_of(session: Session) -> dict[str, Result]:
    """All answers to this photo by model, that of the chosen model first."""
    steps = session.steps
    own = _result(
        session.model, session.kind, steps[-1], sum(step.seconds for step in steps), len(steps)
    )
    others = {name: got for name, got in session.results.items() if isinstance(got, Result)}
    return {own.model: own} | {n: got for n, got in others.items() if n != own.model}


def _result(model: str, kind: Kind, step: PredictionStep, seconds: float, count: int) -> Result:
    depth = step.model_depth
    return Result(model, kind, depth, seconds + step.decode_seconds, count)


# ---- one reference for all ----------------------------------------------------------------


def reference_of(session: Session, names: Iterable[str] = ()) -> Reference:
    """What the answers are aligned to and measured against.

    The ground truth if there is one, else the chosen model's finest scale if its depth is linear,
    else the first linear answer among `names`. With none of these the chosen model's own depth with
    a guessed offset: better than nothing to look at.
    """
    if session.truth is not None:
        depth = session.truth.depth_m.astype(np.float64)
        return Reference(TRUTH, depth, session.truth.valid, True, session.truth)
    results = results_of(session)
    chosen = [results[name] for name in [session.model, *names] if name in results]
    linear = [got for got in chosen if got.kind in LINEAR_KINDS]
    result = (linear or chosen)[0]
    depth = _at_preview(session, result)
    if result.kind == "disparity":
        depth = 1 / np.maximum(depth, 0.05 * depth.max() + TINY)
    elif result.kind == "affine_invariant":
        depth = depth - depth.min() + 0.05 * np.ptp(depth)
    known = session.known if result.model == session.model else None
    if known is not None:
        depth = depth * length_factor(session, session.last)
    valid = depth > max(_FLOOR * float(np.median(depth)), TINY)
    metric = result.kind == "metric" or known is not None
    return Reference(result.model, depth, valid, metric, (result.model, known))


def aligned(session: Session, result: Result, reference: Reference) -> Aligned:
    """A result brought to the reference as its kind demands.

    Raises:
        ValueError: The reference has no valid pixel.
    """
    if result.model == reference.name:
        return Aligned(result, reference.depth.astype(np.float32), None)
    how = alignment_for(result.kind)
    if how == "none" and not reference.metric:
        how = "scale"  # metres against a unit that is not known
    fitted = align(_at_preview(session, result), reference.depth, reference.valid, how)
    scores = [metric(fitted, reference.depth, reference.valid) for metric in (abs_rel, delta1)]
    return Aligned(result, fitted.astype(np.float32), how, *scores)


def compared(session: Session, names: Iterable[str]) -> tuple[Reference, dict[str, Aligned]]:
    """The reference and the answers there are of these models, the chosen model's first."""
    names = list(dict.fromkeys([session.model, *names]))
    reference, results = reference_of(session, names), results_of(session)
    shown = {n: aligned(session, results[n], reference) for n in names if n in results}
    return reference, shown


def prediction_of(session: Session, shown: Aligned, reference: Reference) -> Prediction:
    """An aligned result as a prediction in the reference's unit, for point clouds and planes."""
    return Prediction(
        session.preview,
        np.maximum(shown.depth, 0),
        "metric" if reference.metric else "scale_invariant",
        shown.result.model,
        Intrinsics.of_photo(session.preview, session.fov_deg),
        seconds=shown.result.seconds,
    )


def _at_preview(session: Session, result: Result) -> np.ndarray:
    """(h, w) float64."""
    depth = resize_depth(result.depth, session.preview.height, session.preview.width)
    return depth.astype(np.float64)
