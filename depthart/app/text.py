"""The words of the app: what the numbers mean, legends, status. Returns HTML."""

from __future__ import annotations

import math
from html import escape

import numpy as np

from depthart.prediction import LINEAR_KINDS
from depthart.visualize import color_table, difference_map

TITLE = "DepthART"
TAGLINE = "Depth from one photo, refined in ten steps from one token to 16 × 16. Step through them."

MEANING = {
    "scale_invariant": "Linear depth up to one unknown factor: 0 is the camera, larger is farther,"
    " and twice the number is twice as far.",
    "affine_invariant": "Depth up to an unknown factor and offset: larger is farther, but twice the"
    " number is not twice as far.",
    "disparity": "Inverse depth up to an unknown factor and offset: larger is nearer.",
    "metric": "Depth in metres along the viewing axis: larger is farther.",
}
KNOWN_LENGTH_MEANING = (
    "Depth in metres along the viewing axis, by the length you gave: larger is farther."
)
ENSEMBLE_HINT = (
    "A prediction is a draw from a distribution. Several draws with different seeds give a steadier"
    " mean and show where the answers differ. Temperature, top-k and top-p count (left column)."
)
SHARPENED = "Edges follow the photo; the model's own map, softer, shows without “Sharpen”."
SHARPEN = "Sharpen with the photo"
SHARPEN_INFO = "Moves soft edges to where the photo has them. No part of the model."
EMPTY = "Choose a photo and press <b>Estimate depth</b>."
ENTROPY_CURVE = "Mean entropy by grid side"
CHANGE_CURVE = "Mean change by grid side"
ERROR_CURVE = "Error (AbsRel) by grid side"
TRUTH_HINT = (
    "True depth of this photo: 16-bit PNG, TIFF, .npy or .npz, 0 where unknown. Every scale then"
    " gets its error."
)
CLOUD_EMPTY = "The points of the chosen scale appear here. Drag to turn, scroll to zoom."
FOV_UNKNOWN = "Not in the photo: 55° is a guess. It sets how deep the scene looks."
FOV_EXIF = "From the photo's EXIF data."
MEASURE_EMPTY = "Estimate depth, then click two points of the photo to measure between them."
FILES = {
    "depth.npy": "float32 depth, one number per photo pixel",
    "depth.png": "16-bit depth, its scale in the metadata and in depth.json",
    "depth.json": "what the numbers mean, camera, model, timing",
    "depth_color.png": "the coloured map, near warm and far cold",
    "share.jpg": "photo and depth side by side, to show around",
    "cloud.ply": "coloured point cloud for MeshLab, CloudCompare, Blender",
    "cloud.glb": "coloured point cloud, glTF",
    "mesh.glb": "textured mesh, glTF",
    "refinement.gif": "all scales as an animation",
    "mean/": "mean and uncertainty, once you asked for several draws",
}


def number(value: float) -> str:
    """Three significant digits without an exponent."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 6)}f}"


def legend(left: str, right: str, colors: np.ndarray, what: str) -> str:
    """A colour bar between two labels. colors: (256, 3) uint8, left to right."""
    stops = ",".join("#{:02x}{:02x}{:02x}".format(*color) for color in colors[::17])
    return (
        f'<div class="legend" role="img" aria-label="{escape(what)}"><span>{escape(left)}</span>'
        f'<i style="background:linear-gradient(90deg,{stops})"></i>'
        f"<span>{escape(right)}</span></div>"
    )


def caption(bar: str, line: str) -> str:
    """A colour bar and one sentence below a map."""
    return f'<div class="caption">{bar}<p>{line}</p></div>'


def depth_caption(
    kind: str,
    limits: tuple[float, float],
    cmap: str,
    invert: bool,
    known: bool,
    sharp: bool = False,
) -> str:
    """What the depth map's colours and numbers mean, and whether it follows the photo's edges."""
    near, far = limits[::-1] if kind == "disparity" else limits
    unit = " m" if known or kind == "metric" else ""
    bar = legend(
        f"near {number(near)}{unit}",
        f"{number(far)}{unit} far",
        color_table(cmap, invert)[::-1],
        "colours from near to far",
    )
    meaning = KNOWN_LENGTH_MEANING if known else MEANING[kind]
    return caption(bar, f"{meaning} {SHARPENED}" if sharp else meaning)


def difference_caption(scale: int, limit: float, unit: str) -> str:
    """What the difference map means. scale: 0-based."""
    if scale == 0:
        line = "The first step: nothing before it to differ from."
    else:
        line = (
            f"What scale {scale + 1} changed: red moved nearer, blue farther, white stayed."
            f" Full colour is a change of {number(limit)}{unit}."
        )
    colors = difference_map(*_ramp(), limit=1)[0]
    return caption(legend("farther", "nearer", colors, "colours from farther to nearer"), line)


def entropy_caption(mean: float | None, limit: float, vocabulary: int | None) -> str:
    """What the entropy map means."""
    if mean is None:
        return caption("", "This model predicts depth directly: it has no tokens to be unsure of.")
    bar = legend("sure 0", f"{number(limit)} unsure", color_table("magma"), "from sure to unsure")
    line = (
        f"Where the model hesitated: entropy of each token's prediction, {mean:.2f} nats on average"
    )
    if vocabulary:
        line += f"; a blind guess among {vocabulary:,} codes would be {math.log(vocabulary):.2f}"
    return caption(bar, line + ".")


def error_caption(abs_rel: float, delta1: float, kind: str) -> str:
    """What the error map means, and the two numbers of the chosen scale."""
    bar = legend(
        "25 % too far",
        "too near",
        difference_map(*_ramp(), limit=1)[0],
        "colours from too far to too near",
    )
    fitted = {
        "scale_invariant": "after scaling by one factor",
        "affine_invariant": "after fitting factor and offset",
        "disparity": "after fitting factor and offset in inverse depth",
        "metric": "in metres as predicted",
    }[kind]
    line = (
        f"<b>AbsRel {abs_rel:.3f}</b>, <b>δ₁ {100 * delta1:.1f} %</b> (pixels within 25 %),"
        f" {fitted}. Grey: no true depth."
    )
    return caption(bar, line)


def score_table(scores: list[tuple[float, float]], sides: list[int], chosen: int, name: str) -> str:
    """AbsRel and delta-1 of every scale. scores: one pair per scale. chosen: 0-based."""
    rows = "".join(
        f"<tr{' class=chosen' * (i == chosen)}><td>{i + 1}</td><td>{grid(side)}</td>"
        f"<td>{abs_rel:.3f}</td><td>{100 * delta1:.1f} %</td></tr>"
        for i, (side, (abs_rel, delta1)) in enumerate(zip(sides, scores, strict=True))
    )
    return (
        f'<table class="scores"><caption>Against {escape(name)}</caption><thead><tr>'
        '<th scope="col">Scale</th><th scope="col">Tokens</th>'
        '<th scope="col">AbsRel ↓</th><th scope="col">δ₁ ↑</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def ensemble_status(count: int, wished: int, same: bool) -> str:
    """How many of the wished draws are there. same: they do not differ at all."""
    line = f"{count} of {wished} draws"
    if same and count > 1:
        line += ": all alike. This model answers the same whatever the seed"
    return f'<p class="hint" role="status">{line}.</p>'


def spread_caption(limit: float, mean: float, unit: str) -> str:
    """What the uncertainty map means."""
    bar = legend("agree 0", f"{number(limit)}{unit} differ", color_table("magma"), "uncertainty")
    line = (
        "Standard deviation of depth over the draws, in the unit of the depth map;"
        f" {number(mean)}{unit} on average. It shows what the model doubts, not all it gets wrong."
    )
    return caption(bar, line)


def before_choices(scales: int, truth: bool) -> list[tuple[str, int]]:
    """What the left side of the before/after slider can be; see `handlers.before_after`."""
    choices = [("Photo", 0)] + [("Ground truth", -1)] * truth
    return choices + [(f"Scale {k}", k) for k in range(1, scales + 1)]


def grid(side: int) -> str:
    """Such as "3 × 3"; a dash for a model without tokens."""
    return f"{side} × {side}" if side else "–"


def status(done: int, total: int, seconds: float, state: str) -> str:
    """The line and the bar above the results.

    Args:
        done, total: Scales.
        seconds: Since the click.
        state: "empty", "working", "done" or "stopped".
    """
    share = round(100 * done / max(total, 1))
    words = {
        "empty": EMPTY,
        "working": f"Scale {done} of {total} …" if done else "Looking at the photo …",
        "done": f"{total} scale{'s' * (total > 1)} in {seconds:.1f} s.",
        "stopped": f"Stopped after scale {done} of {total}. The finished scales stay.",
    }[state]
    return (
        f'<div class="status {state}" role="status" aria-live="polite"><span>{words}</span>'
        f'<div class="bar" role="progressbar" aria-valuenow="{share}" aria-valuemin="0"'
        f' aria-valuemax="100" aria-label="progress"><i style="width:{share}%"></i></div></div>'
    )


def ladder(sides: list[int], scale: int, total: int) -> str:
    """The scales as growing grids, the chosen one marked, and its figures in words."""
    if not sides:
        return '<div class="ladder"><p>&nbsp;</p></div>'
    side = sides[scale]
    if not side:
        words = f"<b>Step {scale + 1} of {total}</b>" if total > 1 else "<b>One step</b>, no tokens"
        return f'<div class="ladder" data-scale="{scale + 1}"><p>{words}</p></div>'
    tokens = side * side
    before = sum(s * s for s in sides[:scale])
    plural = "s" if tokens > 1 else ""
    words = f"<b>Scale {scale + 1} of {total}</b> · {side} × {side} = {tokens} token{plural}"
    if scale:
        words += f" on top of {before}"
    return f'<div class="ladder" data-scale="{scale + 1}"><p>{words}</p></div>'


def notice(message: str) -> str:
    """A box that cannot be overlooked, for a model that cannot be loaded."""
    return f'<div class="notice" role="alert"><b>No model yet.</b> {escape(message)}</div>'


def cloud_caption(points: int, scale: int, kind: str, known: bool) -> str:
    """What the point cloud shows. scale: 0-based."""
    unit = {
        True: "In metres.",
        False: "Relative units: shape is right up to one factor, size is not known.",
    }[known or kind == "metric"]
    if kind not in LINEAR_KINDS:
        unit = "The unknown offset of this model bends the shape; take it as an impression."
    return caption(
        "", f"{points:,} points of scale {scale + 1}. {unit} Drag to turn, scroll to zoom."
    )


def files_note(scale: int | None, width: int = 0, height: int = 0) -> str:
    """Of what the files are. scale: 0-based, None before the first prediction."""
    if scale is None:
        return (
            '<p class="files">Estimate depth first; the files are made when this tab is opened.</p>'
        )
    return (
        f'<p class="files">Files of <b>scale {scale + 1}</b>, maps at the photo\'s'
        f" {width} × {height} pixels.</p>"
    )


def file_list() -> str:
    """What each file is for."""
    items = "".join(f"<dt>{name}</dt><dd>{escape(what)}</dd>" for name, what in FILES.items())
    return f'<dl class="files">{items}</dl>'


def _ramp() -> tuple[np.ndarray, np.ndarray]:
    """Two rows of depths whose difference map runs from farther to nearer."""
    change = np.linspace(1, -1, 256)[None]
    return np.zeros_like(change), change
