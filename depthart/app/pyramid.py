"""How the model writes this picture: its tokens, what each scale adds, and the tokenizer's limit.

Plain functions, no Gradio. Scales are 0-based in this file. Letters: K scales · s side of a grid ·
h, w preview size.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from depthart.app import handlers, pyramid_text, truth
from depthart.app.state import Look, Session, of_scale
from depthart.images import resize_depth
from depthart.prediction import Pixel
from depthart.tokens import Reconstruction
from depthart.visualize import colorize, depth_limits, difference_map

THUMB_SIDE = 144  # longest side of the small pictures in the rows

# Model name, depth (h, w) and where it is known in; colours of the codes and reconstruction out.
Explain = Callable[[str, np.ndarray, "np.ndarray | None"], "Explanation"]
# Model name, code and scale in, depth (256, 256) out.
DrawCode = Callable[[str, int, int], np.ndarray]


@dataclass(frozen=True, eq=False)
class Explanation:
    """What only the model can tell.

    Attributes:
        colors: (V, 3) uint8, one colour per code.
        limit: The tokenizer's own version of the depth.
        of_truth: Whether that depth was the ground truth, else the prediction.
    """

    colors: np.ndarray
    limit: Reconstruction
    of_truth: bool = False


@dataclass(frozen=True)
class Token:
    """One token of a scale: its place in the grid, its code, how unsure the model was of it."""

    row: int
    column: int
    code: int
    entropy: float


def explanation(session: Session, explain: Explain) -> Explanation:
    """The session's explanation, made once per number of scales and ground truth."""
    key = ("explanation", session.last, id(session.truth))
    if key not in session.kept:
        known = session.truth
        if known is None:
            made = explain(session.model, session.steps[-1].model_depth, None)
        else:
            made = explain(session.model, known.depth_m, known.valid)
        session.kept[key] = Explanation(made.colors, made.limit, known is not None)
    return session.kept[key]


def token_picture(session: Session, scale: int, colors: np.ndarray) -> str:
    """Path of a scale's tokens as tiles over the whole picture, each in its code's colour."""
    width, height = session.preview.width, session.preview.height
    return session.picture(
        ("tokens", of_scale(scale)),
        lambda: _tiles(session.steps[scale].indices, colors, width, height),
    )


def token_at(session: Session, scale: int, pixel: Pixel) -> Token:
    """The token whose tile holds a pixel (column, row) of the preview."""
    step = session.steps[scale]
    column = min(int(pixel[0] * step.side / session.preview.width), step.side - 1)
    row = min(int(pixel[1] * step.side / session.preview.height), step.side - 1)
    return Token(row, column, int(step.indices[row, column]), float(step.entropy[row, column]))


def code_picture(session: Session, code: int, scale: int, look: Look, draw: DrawCode) -> str:
    """Path of what the decoder makes of one code alone, in the colours of the depth map."""

    def picture() -> np.ndarray:
        depth = resize_depth(
            draw(session.model, code, scale), session.preview.height, session.preview.width
        )
        return colorize(depth, session.kind, look.cmap, look.invert, handlers.limits_of(session))

    return session.picture(("code", str(code), scale, look, handlers.limits_of(session)), picture)


def rows(session: Session, scale: int, look: Look, explained: Explanation) -> str:
    """The four rows of small pictures, one column per scale, as HTML; `scale` is marked."""
    width, height = _thumb_size(session)
    limits = handlers.limits_of(session)
    depths = [step.model_depth for step in session.steps]
    change = max((handlers.change_limit(session, k) for k in range(1, len(depths))), default=1.0)

    def depth_cell(depth: np.ndarray, span: tuple[float, float]) -> str:
        small = resize_depth(depth, height, width)
        return _data_uri(colorize(small, session.kind, look.cmap, look.invert, span), "JPEG")

    def added(k: int) -> str:
        before = depths[k - 1] if k else depths[0]
        picture = difference_map(before, depths[k], session.kind, change)
        return _data_uri(_resized(picture, width, height), "JPEG")

    sides = [step.side for step in session.steps]
    limit = explained.limit.depths[: len(depths)]
    span = depth_limits(explained.limit.depths[-1])
    made = {
        "tokens": [_data_uri(explained.colors[step.indices], "PNG") for step in session.steps],
        "added": [added(k) for k in range(len(depths))],
        "sum": [depth_cell(depth, limits) for depth in depths],
        "limit": [depth_cell(depth, span) for depth in limit],
    }
    return pyramid_text.pyramid(
        made,
        sides,
        scale,
        f"{width} / {height}",
        session.vocabulary or 0,
        limit_words(session, explained),
    )


def limit_words(session: Session, explained: Explanation) -> str:
    """What the soft limit is of, and in numbers where there is a truth."""
    if session.truth is None or not explained.of_truth:
        return pyramid_text.LIMIT_OF_PREDICTION
    height, width = session.truth.depth_m.shape
    best = resize_depth(explained.limit.depths[-1], height, width)
    limit = truth.measure(best, "scale_invariant", session.truth)
    reached = truth.score(session, session.last)
    return pyramid_text.limit_of_truth(limit.abs_rel, reached.abs_rel if reached else float("nan"))


def _tiles(indices: np.ndarray, colors: np.ndarray, width: int, height: int) -> np.ndarray:
    """(s, s) codes -> (height, width, 3) uint8, with thin dark lines between the tiles."""
    picture = _resized(colors[indices], width, height, Image.Resampling.NEAREST).copy()
    side = len(indices)
    for k in range(1, side):
        picture[round(k * height / side)] //= 2
        picture[:, round(k * width / side)] //= 2
    return picture


def _thumb_size(session: Session) -> tuple[int, int]:
    shrink = THUMB_SIDE / max(session.preview.width, session.preview.height)
    size = session.preview.width, session.preview.height
    return max(1, round(size[0] * shrink)), max(1, round(size[1] * shrink))


def _resized(
    picture: np.ndarray, width: int, height: int, how: Image.Resampling = Image.Resampling.BICUBIC
) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).resize((width, height), how))


def _data_uri(picture: np.ndarray, kind: str) -> str:
    """A small picture that travels inside the page. kind: "PNG" or "JPEG"."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, quality=88, subsampling=0)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"
