"""The words and rows of the How it works tab. Returns HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence

from depthart.app.text import number

EMPTY = "Estimate depth first; then this tab takes the result apart."
NO_TOKENS = (
    "This model predicts depth directly, in one go or by denoising: it has no tokens to show."
    " Choose a DepthART model to see how it writes depth."
)
CLICK = "Click a tile of the token map to see what its code stands for."
LIMIT_OF_PREDICTION = (
    "The predicted depth, handed to the model's own tokenizer and read back. What is lost on this"
    " way no prediction can contain. With a ground truth (left column) this row shows the truth's"
    " version instead: the best that these tokens can say about this scene."
)
_ROWS = {
    "tokens": (
        "1 · Tokens",
        "The model writes depth as a pyramid of small grids, from one token for the whole picture"
        " to {finest} of them. Every token is one of {vocabulary:,} codes of a learned dictionary."
        " A colour stands for a code, alike colours for codes of alike meaning.",
    ),
    "added": (
        "2 · What each grid adds",
        "A grid is enlarged, smoothed and added to the sum of those before it; then the sum is"
        " turned back into depth. Here is what that changed: red came nearer, blue moved away."
        " Coarse grids lay out the scene, fine ones mend what is left.",
    ),
    "sum": (
        "3 · The sum so far",
        "All grids up to this one, decoded. Before each new grid the model looks at this sum and at"
        " the photo. DepthART is trained on its own sums, mistakes included, so that later grids"
        " learn to correct earlier ones.",
    ),
    "limit": ("4 · The soft limit", "{limit}"),
}
_CHOOSE = "Show scale {k}: {side} by {side} tokens"


def pyramid(
    pictures: dict[str, list[str]],
    sides: Sequence[int],
    chosen: int,
    aspect: str,
    vocabulary: int,
    limit: str,
) -> str:
    """All rows.

    Args:
        pictures: Addresses of the pictures of each row, one per scale.
        sides: Of the grids.
        chosen: 0-based scale that is marked.
        aspect: Of the photo, for CSS.
        vocabulary: Number of codes.
        limit: What the last row shows.
    """
    facts = {"finest": max(sides) ** 2, "vocabulary": vocabulary, "limit": limit}
    return "".join(
        _row(name, title, words.format(**facts), pictures[name], sides, chosen, aspect)
        for name, (title, words) in _ROWS.items()
    )


def limit_of_truth(limit: float, reached: float) -> str:
    """The soft limit in numbers. limit, reached: AbsRel of tokenizer and model."""
    return (
        "The ground truth, written in ten grids by the model's own tokenizer and read back: the"
        f" best these tokens can say about this scene, <b>AbsRel {limit:.3f}</b>. The model"
        f" reached <b>{reached:.3f}</b>; the difference is what it could still learn. The limit is"
        " soft because the tokenizer, too, works its way from coarse to fine without looking back."
    )


def token(row: int, column: int, code: int, vocabulary: int, entropy: float, side: int) -> str:
    """A clicked token in words. row, column: 0-based."""
    choices = round(math.exp(entropy))
    return (
        f'<p class="hint"><b>Code {code:,}</b> of {vocabulary:,}, row {row + 1} and column'
        f" {column + 1} of {side} × {side}.<br>Entropy {number(entropy)} nats: the model was as"
        f" unsure as between <b>{choices:,}</b> equally likely code{'s' * (choices != 1)}.</p>"
    )


def _row(
    name: str,
    title: str,
    words: str,
    pictures: Sequence[str],
    sides: Sequence[int],
    chosen: int,
    aspect: str,
) -> str:
    cells = []
    for k, (picture, side) in enumerate(zip(pictures, sides, strict=False)):
        mark = ' aria-current="true" class="chosen"' if k == chosen else ""
        cells.append(
            f'<button type="button" data-scale="{k + 1}"{mark}'
            f' aria-label="{title}. {_CHOOSE.format(k=k + 1, side=side)}">'
            f'<img src="{picture}" alt="" style="aspect-ratio:{aspect}"><span>{side}×{side}</span>'
            "</button>"
        )
    return (
        f'<section class="pyramid {name}"><h3>{title}</h3><p>{words}</p>'
        f"<div>{''.join(cells)}</div></section>"
    )
