"""Many roll-outs of one photo with different seeds: their mean, and where they disagree.

Plain functions, no Gradio. Letters: h, w size of the model's own map.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from depthart.app.handlers import limits_of
from depthart.app.state import Look, Session
from depthart.images import Photo, resize_depth
from depthart.prediction import Prediction
from depthart.sampling import Sampler
from depthart.visualize import color_table, colorize, depth_limits

MOST = 32

# Model name, photo and samplers in; the final map (h, w) of each roll-out out.
RollOuts = Callable[[str, Photo, list[Sampler]], Iterator[np.ndarray]]


@dataclass(frozen=True, eq=False)
class Ensemble:
    """What some roll-outs agree on.

    Attributes:
        count: Roll-outs so far.
        mean: (h, w) float32, of their maps.
        spread: (h, w) float32, standard deviation (of all of them, ddof = 0).
    """

    count: int
    mean: np.ndarray
    spread: np.ndarray


def samplers(sampler: Sampler | None, count: int) -> list[Sampler]:
    """`count` samplers of random draws with consecutive seeds, as `Predictor.predict` takes them.

    Raises:
        ValueError: Fewer than 2 or more than `MOST`.
    """
    if not 2 <= count <= MOST:
        raise ValueError(f"An ensemble needs 2 to {MOST} draws, got {count}.")
    base = replace(sampler or Sampler(), mode="sample")
    return [base.with_seed(base.seed + k) for k in range(count)]


def gather(session: Session, roll_outs: RollOuts, chosen: list[Sampler]) -> Iterator[Ensemble]:
    """Yield mean and spread after each roll-out (Welford's update); the last stays in the session.

    A session that is stopped half-way keeps what it has.
    """
    session.ensemble = None
    mean = squares = np.zeros(())
    for count, depth in enumerate(roll_outs(session.model, session.photo, chosen), start=1):
        deviation = depth.astype(np.float64) - mean
        mean = mean + deviation / count
        squares = squares + deviation * (depth - mean)
        session.ensemble = Ensemble(
            count, mean.astype(np.float32), np.sqrt(squares / count).astype(np.float32)
        )
        yield session.ensemble


def mean_picture(session: Session, ensemble: Ensemble, look: Look) -> str:
    """Path of the mean in the colours of the depth map."""
    limits, (width, height) = limits_of(session), _size(session)
    return session.picture(
        ("mean", id(ensemble), look, limits),
        lambda: colorize(
            resize_depth(ensemble.mean, height, width),
            session.kind,
            look.cmap,
            look.invert,
            limits,
        ),
    )


def spread_limit(ensemble: Ensemble) -> float:
    """Standard deviation of the brightest colour: the 99 % quantile."""
    return depth_limits(ensemble.spread)[1]


def spread_picture(session: Session, ensemble: Ensemble) -> str:
    """Path of the uncertainty map: dark where the roll-outs agree, bright where not."""
    (width, height), limit = _size(session), max(spread_limit(ensemble), 1e-12)

    def picture() -> np.ndarray:
        share = np.clip(resize_depth(ensemble.spread, height, width) / limit, 0, 1)
        return color_table("magma")[(share * 255 + 0.5).astype(np.uint8)]

    return session.picture(("uncertainty", id(ensemble)), picture)


def prediction(session: Session, ensemble: Ensemble) -> Prediction:
    """The mean, never sharpened, as a prediction with its uncertainty, at the photo's size."""
    last = session.prediction(session.last, full_size=True)
    size = session.photo.height, session.photo.width
    return replace(
        last,
        depth=resize_depth(ensemble.mean, *size),
        uncertainty=resize_depth(ensemble.spread, *size),
        sharpened=False,
    )


def _size(session: Session) -> tuple[int, int]:
    return session.preview.width, session.preview.height
