"""Draw the README's figures: `python -m train.figures method`.

`method` shows the token pyramid of a rendered room and what distinguishes DepthART's training. With
`--checkpoint` the pyramid is that of its VQ-VAE; without, the same decomposition is done on the
depth map itself (one channel, no codebook). The predictions in the lower half are made up: the
right answer, damped, plus seeded noise.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from depthart.normalize import fill_invalid, normalize_depth
from depthart.scales import PAPER_SIDES, Scales
from depthart.visualize import color_table, difference_map
from train.pyramid import CodedPyramid, Level, PlainPyramid, Pyramid, Story

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 1660, 1092  # pixels; twice the width of a README's column
SHOWN = (0, 1, 3, 6, 9)  # the scales of the lower half: 1, 2, 4, 8, 16


@dataclass(frozen=True)
class Theme:
    page: str
    card: str
    line: str
    text: str
    muted: str
    truth: str  # colour of the arrow from the ground truth
    own: str  # colour of the arrow from the model's own prediction


THEMES = {
    "light": Theme("#ffffff", "#f6f8fa", "#d1d9e0", "#1f2328", "#59636e", "#0969da", "#cf222e"),
    "dark": Theme("#0d1117", "#151b23", "#3d444d", "#f0f6fc", "#9198a1", "#58a6ff", "#ff7b72"),
}


class Canvas:
    """An axes in pixels, y down, with the few marks that the figure is made of."""

    def __init__(self, width: int, height: int, theme: Theme) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.theme = theme
        self.figure: Figure = Figure(figsize=(width / 100, height / 100), dpi=100)
        FigureCanvasAgg(self.figure)
        self.figure.patch.set_facecolor(theme.page)
        self.axes: Axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, width), ylim=(height, 0))
        self.axes.axis("off")

    def text(self, x: float, y: float, words: str, size: float = 16, **style: object) -> None:
        style = {"color": self.theme.text, "va": "center", **style}
        self.axes.text(x, y, words, fontsize=size * 0.72, **style)

    def picture(self, x: float, y: float, side: float, rgb: np.ndarray, smooth=True) -> None:
        self.axes.imshow(
            rgb,
            extent=(x, x + side, y + side, y),
            interpolation="antialiased" if smooth else "nearest",
            aspect="auto",
            zorder=2,
        )
        self.box(x, y, side, side, fill="none", radius=0)

    def box(self, x, y, width, height, fill: str, radius: float = 14) -> None:
        from matplotlib.patches import FancyBboxPatch

        shape = f"round,pad=0,rounding_size={radius}" if radius else "square,pad=0"
        self.axes.add_patch(
            FancyBboxPatch(
                (x, y),
                width,
                height,
                boxstyle=shape,
                facecolor=fill,
                edgecolor=self.theme.line,
                linewidth=1.2,
                zorder=1 if radius else 3,
            )
        )

    def arrow(self, start, end, color: str, bend: float = 0.0, width: float = 2.2) -> None:
        from matplotlib.patches import FancyArrowPatch

        self.axes.add_patch(
            FancyArrowPatch(
                start,
                end,
                arrowstyle="-|>",
                mutation_scale=14,
                connectionstyle=f"arc3,rad={bend}",
                color=color,
                linewidth=width,
                zorder=4,
                shrinkA=1,
                shrinkB=1,
            )
        )


def depth_rgb(depth: np.ndarray) -> np.ndarray:
    """Depth (h, w) in 0 to 1 -> (h, w, 3) uint8, warm is near."""
    return color_table()[255 - (np.clip(depth, 0, 1) * 255).astype(int)]


def change_rgb(change: np.ndarray) -> np.ndarray:
    """Signed change of depth (s, s) -> (s, s, 3) uint8, red is nearer, blue is farther.

    The root lets the small corrections of the fine scales be seen beside those of the first.
    """
    strength = np.sign(change) * np.sqrt(np.abs(change) / 0.35)
    return difference_map(np.zeros_like(change), strength, limit=1)


def method(photo: np.ndarray, depth: Tensor, story: Story, theme: Theme) -> Figure:
    """The figure: refinement above, the two ways to train below.

    Args:
        photo: (256, 256, 3) uint8.
        depth: (256, 256), 0 to 1.
        story: the same depth, scale by scale.
        theme: colours.
    """
    canvas = Canvas(WIDTH, HEIGHT, theme)
    _refinement(canvas, photo, depth.numpy(), story.refinement)
    card_width = (WIDTH - 120) / 2
    _training(
        canvas,
        40,
        card_width,
        story.var,
        own=False,
        title="VAR: teacher forcing",
        lines=(
            "Sees the ground truth's own sum at every scale; its mistakes lead nowhere.",
            "At test time it meets its own sums, which it has never seen.",
        ),
    )
    _training(
        canvas,
        80 + card_width,
        card_width,
        story.depthart,
        own=True,
        title="DepthART: refine your own prediction",
        lines=(
            "Sees the sum of its own predictions, exactly as at test time.",
            "The target is computed anew: whatever is still missing, mistakes included.",
        ),
    )
    return canvas.figure


def _refinement(canvas: Canvas, photo: np.ndarray, depth: np.ndarray, levels: list[Level]) -> None:
    """Upper half: each scale's token map, and the depth once it is added."""
    theme, top, side, gap = canvas.theme, 104, 118, 14
    canvas.text(
        40, 36, "A depth map is the sum of ten token maps, coarse to fine", 26, weight="bold"
    )
    left = WIDTH - 40 - 10 * side - 9 * gap
    canvas.picture(40, top, 138, photo)
    canvas.text(192, top + 69, "photo", 17, color=theme.muted)
    canvas.picture(40, top + 148, 138, depth_rgb(depth))
    canvas.text(192, top + 217, "depth", 17, color=theme.muted)
    canvas.arrow((248, top + 217), (left - 12, top + 217), theme.muted)
    for k, level in enumerate(levels):
        x = left + k * (side + gap)
        canvas.text(x + side / 2, top - 16, f"{level.side}×{level.side}", 18, ha="center")
        canvas.picture(x, top, side, change_rgb(level.predicted), smooth=False)
        canvas.picture(x, top + side + 50, side, depth_rgb(level.depth))
        middle = x + side / 2
        canvas.arrow((middle, top + side + 8), (middle, top + side + 44), theme.muted, width=1.6)
        if k:
            canvas.text(x - gap / 2, top + side / 2, "+", 20, ha="center", color=theme.muted)
            y = top + side * 1.5 + 50
            canvas.arrow((x - gap, y), (x + 1, y), theme.muted, width=1.4)
    canvas.text(
        left,
        top + 2 * side + 76,
        "Above: how far each token moves the depth, red nearer, blue farther.   "
        "Below: their sum so far, which decodes to depth after every scale.",
        17,
        color=theme.muted,
    )


def _training(canvas, left, width, levels: list[Level], own: bool, title, lines) -> None:
    """One card of the lower half: what is seen, predicted and asked for at five scales."""
    theme, top = canvas.theme, 470
    label, side = 104, 94
    gap = (width - 48 - label - len(SHOWN) * side) / (len(SHOWN) - 1)
    canvas.box(left, top, width, HEIGHT - top - 40, theme.card)
    canvas.text(left + 24, top + 38, title, 24, weight="bold")
    for i, line in enumerate(lines):
        canvas.text(left + 24, top + 78 + 27 * i, line, 17, color=theme.muted)
    rows = {"sees": top + 136, "predicts": top + 266, "target": top + 396}
    for name, y in rows.items():
        canvas.text(left + 24, y + side / 2, name, 18, weight="bold")
    symbols = {
        "predicts": "$z_k$",
        "target": "$t_k$" if own else "$x_k$",
    }
    for name, symbol in symbols.items():
        canvas.text(left + 24, rows[name] + side / 2 + 27, symbol, 20)
    columns = [left + 24 + label + i * (side + gap) for i in range(len(SHOWN))]
    for x, k in zip(columns, SHOWN, strict=True):
        level, middle = levels[k], x + side / 2
        if k:
            canvas.picture(x, rows["sees"], side, depth_rgb(level.seen))
        else:
            canvas.box(x, rows["sees"], side, side, theme.page, radius=8)
            canvas.text(middle, rows["sees"] + side / 2, "start", 17, ha="center")
        canvas.picture(x, rows["predicts"], side, change_rgb(level.predicted), smooth=False)
        canvas.picture(x, rows["target"], side, change_rgb(level.target), smooth=False)
        canvas.arrow(
            (middle, rows["sees"] + side + 5),
            (middle, rows["predicts"] - 5),
            theme.muted,
            width=1.6,
        )
        canvas.text(
            middle,
            (rows["predicts"] + side + rows["target"]) / 2,
            "loss",
            15,
            ha="center",
            color=theme.muted,
        )
    source, color = ("predicts", theme.own) if own else ("target", theme.truth)
    for x, following in zip(columns, columns[1:], strict=False):
        start = (x + side + 3, rows[source] + side * 0.4)
        canvas.arrow(
            start, (following - 4, rows["sees"] + side * 0.62), color, bend=0.12 if own else 0.05
        )
    sum_of, given = ("z_i", "t_k") if own else ("x_i", "x_k")
    formula = rf"${given} = Q\,[\,S(f_D - \sum_{{i<k}}\eta_i({sum_of}),\ s_k)\,]$"
    canvas.text(left + 24 + label, HEIGHT - 86, formula, 23, color=color)


def rendered(seed: int) -> tuple[np.ndarray, Tensor]:
    """A rendered room: photo (256, 256, 3) uint8 and its depth (256, 256) as in eq. 9, 0 to 1."""
    from train.render import render_batch

    batch = render_batch([seed])
    depth = batch.depth_m[:, None]
    depth = (normalize_depth(fill_invalid(depth, depth > 0)) + 1) / 2
    return batch.image[0].permute(1, 2, 0).numpy(), depth[0, 0]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m train.figures", description=__doc__)
    parser.add_argument("figure", choices=["method"])
    parser.add_argument("--seed", type=int, default=10, help="of the rendered room")
    parser.add_argument("--checkpoint", type=Path, help="folder of a model whose VQ-VAE to use")
    parser.add_argument("-o", "--output", type=Path, default=Path("assets/figures"))
    options = parser.parse_args(arguments)
    photo, depth = rendered(options.seed)
    pyramid: Pyramid = PlainPyramid(depth, Scales(PAPER_SIDES))
    if options.checkpoint:
        from depthart.predictor import Predictor

        pyramid = CodedPyramid(depth, Predictor.from_folder(options.checkpoint).model.vqvae)
    options.output.mkdir(parents=True, exist_ok=True)
    story = Story.of(pyramid)
    for name, theme in THEMES.items():
        path = options.output / f"{options.figure}{'' if name == 'light' else '-dark'}.png"
        method(photo, depth, story, theme).savefig(path)
        print(path)


if __name__ == "__main__":
    main()
