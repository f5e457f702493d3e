"""The paper's figure 4: error and entropy after each scale, one line per method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours for all kinds of sight, dark ones first.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
TEXT, MUTED, GRID = "#1f2328", "#59636e", "#e3e7eb"


def draw_scales(
    curves: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]],
    sides: Sequence[int],
    path: str | Path,
    limit: str,
) -> Path:
    """Draw AbsRel (left) and mean entropy (right) over the scales, one row per data set.

    Args:
        curves: {data set: {method: {"abs_rel_per_scale": [...], "entropy_per_scale": [...]}}}; a
            method without entropy is left out on the right.
        sides: Sides of the token grids, one per scale.
        path: PNG to write.
        limit: The method drawn dashed and grey: the VQ-VAE's reconstruction, which no prediction
            made of its tokens is expected to beat.

    Raises:
        ValueError: there is nothing to draw, or a curve has not one value per scale.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not any(curves.values()):
        raise ValueError("there are no scores per scale to draw")
    methods = list(dict.fromkeys(method for group in curves.values() for method in group))
    predicted = [method for method in methods if method != limit]
    styles = {
        method: {"color": COLORS[i % len(COLORS)], "marker": "os^Dvp"[i % 6], "zorder": 3}
        for i, method in enumerate(predicted)
    }
    styles[limit] = {"color": MUTED, "linestyle": (0, (4, 3)), "zorder": 2}
    height = 2.7 * len(curves) + 0.6
    figure = Figure(figsize=(9, height), dpi=150, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.08)  # inches
    rows = figure.subplots(len(curves), 2, squeeze=False)
    for (error, entropy), (name, group) in zip(rows, curves.items(), strict=True):
        _plot(error, group, "abs_rel_per_scale", sides, styles)
        _plot(entropy, group, "entropy_per_scale", sides, styles)
        error.set_title(f"{name}: AbsRel", fontsize=10, color=TEXT, loc="left")
        entropy.set_title(f"{name}: entropy (nats)", fontsize=10, color=TEXT, loc="left")
    for axes in rows[-1]:
        axes.set_xlabel("token grid of the scale", fontsize=9, color=MUTED)
    lines = {line.get_label(): line for axes in rows.flat for line in axes.get_lines()}
    shown = [method for method in [*predicted, limit] if method in lines]
    figure.legend(
        [lines[method] for method in shown],
        shown,
        loc="outside lower center",
        ncols=len(shown) if len(shown) <= 3 else 2,
        frameon=False,
        fontsize=9,
        labelcolor=TEXT,
    )
    figure.savefig(path)
    return Path(path)


def _plot(
    axes: Axes,
    group: Mapping[str, Mapping[str, Sequence[float]]],
    key: str,
    sides: Sequence[int],
    styles: Mapping[str, dict],
) -> None:
    for method, scores in group.items():
        values = scores.get(key)
        if values is None:
            continue
        if len(values) != len(sides):
            raise ValueError(f"{method} has {len(values)} values of {key} for {len(sides)} scales")
        axes.plot(values, label=method, linewidth=1.8, markersize=4, **styles[method])
    axes.set_ylim(bottom=0)
    axes.locator_params(axis="y", nbins=5)
    axes.set_xticks(range(len(sides)), [f"{side}²" for side in sides])
    axes.tick_params(colors=MUTED, labelsize=8, length=0)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
