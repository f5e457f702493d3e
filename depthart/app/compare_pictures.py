"""The pictures of the comparison, drawn once each. Plain functions, no Gradio."""

from __future__ import annotations

import json

import numpy as np

from depthart.align import TINY
from depthart.app import plots
from depthart.app.compare import TRUTH, Aligned, Reference, prediction_of
from depthart.app.handlers import photo_picture
from depthart.app.state import Look, Session
from depthart.app.truth import FULL_COLOR
from depthart.visualize import colorize, depth_limits, difference_map

PHOTO = "Photo"
MAX_CLOUDS = 6  # each takes one of the browser's 16 WebGL contexts
CLOUD_POINTS = 8_000  # of each
CARD_SIDE = 400  # pixels on the longer side of the small pictures


def limits_of(reference: Reference) -> tuple[float, float]:
    """Nearest and farthest depth of the colours, the same for all maps."""
    return depth_limits(np.where(reference.valid, reference.depth, np.nan))


def depth_picture(
    session: Session, shown: Aligned, reference: Reference, look: Look, small: bool = True
) -> str:
    """Path of an aligned result's coloured depth, of a card's size or of the preview's."""
    result = shown.result

    def draw() -> np.ndarray:
        return _colored(_shrunk(shown.depth) if small else shown.depth, reference, look)

    key = ("compared", result.model, result.steps, reference.source, look, small)
    return session.picture(key, draw, ".webp" if small else ".png")


def truth_picture(session: Session, reference: Reference, look: Look, small: bool = True) -> str:
    """Path of the coloured ground truth, grey where it is not known."""

    def draw() -> np.ndarray:
        depth = np.where(reference.valid, reference.depth, np.nan)
        return _colored(_shrunk(depth) if small else depth, reference, look)

    key = ("compared", TRUTH, reference.source, look, small)
    return session.picture(key, draw, ".webp" if small else ".png")


def difference_picture(session: Session, shown: Aligned, reference: Reference) -> str:
    """Path of the ratio to the reference: red is nearer, blue farther, full colour 1.25 times."""

    def draw() -> np.ndarray:
        known = np.where(reference.valid, reference.depth, np.nan)
        before, after = np.log(_shrunk(known)), np.log(np.maximum(_shrunk(shown.depth), TINY))
        return difference_map(before, after, limit=FULL_COLOR)

    key = ("difference", shown.result.model, shown.result.steps, reference.source)
    return session.picture(key, draw, ".webp")


def before_after(
    session: Session,
    reference: Reference,
    shown: dict[str, Aligned],
    pair: tuple[str, str],
    look: Look,
) -> tuple[str, str]:
    """Two pictures for the slider by name of a model, `TRUTH` or `PHOTO`."""

    def picture(name: str) -> str:
        if name in shown:
            return depth_picture(session, shown[name], reference, look, small=False)
        if name == TRUTH and reference.name == TRUTH:
            return truth_picture(session, reference, look, small=False)
        return photo_picture(session)

    return picture(pair[0]), picture(pair[1])


def clouds(session: Session, reference: Reference, shown: dict[str, Aligned]) -> str:
    """Point clouds of the first few answers for `plot_view.linked_plots`, flying pixels removed."""
    figures = []
    for name, row in list(shown.items())[:MAX_CLOUDS]:
        points = prediction_of(session, row, reference).points(CLOUD_POINTS)
        if len(points):
            unit = "m" if reference.metric else "(relative)"
            figure = plots.cloud_figure(points, f"{id(session)}", unit)
            figure.layout.scene.hovermode = False  # looking for the point below costs a drawing
            figures.append({"title": name, "figure": json.loads(figure.to_json())})
    return json.dumps(figures)


def _colored(depth: np.ndarray, reference: Reference, look: Look) -> np.ndarray:
    return colorize(depth, "scale_invariant", look.cmap, look.invert, limits_of(reference))


def _shrunk(depth: np.ndarray) -> np.ndarray:
    """Every so many pixels of a map, for a card."""
    stride = max(1, round(max(depth.shape) / CARD_SIDE))
    return depth[::stride, ::stride]
