"""The paper's Table 1 in Markdown, from the means that `train.evaluate --models` left.

Ranks follow the paper: among the models trained under equal conditions and aligned by scale, here
those trained in this project; see `train.ranking.average_ranks`. Floors, models of disparity,
pretrained ones and published numbers stand beside them without a rank of ours.
"""

from __future__ import annotations

from collections.abc import Mapping

from train.published import COLUMNS, OURS, RANKS, TABLE_1
from train.ranking import RANKED, SETS, average_ranks

Scores = Mapping[str, Mapping[str, Mapping[str, object]]]  # {data set: {method: means}}

FAMILIES = {
    "depthart": "trained here",
    "baseline": "trained here",
    "other": "other checkpoints",
    "pretrained": "pretrained elsewhere",
    "floor": "trivial guesses",
}
_TRAINED_ELSEWHERE = frozenset({"depthart-paper"})  # though of the family
_LABELS = {"eth3d": "ETH3D", "tum_dynamic": "TUM", "nyuv2": "NYUv2", "ibims1": "iBims-1"} | SETS


def table_1(summary: Scores) -> str:
    """Our table, the published one, and what their orders say.

    Args:
        summary: of `train.scoring.summarize`; the data sets may differ from the paper's.

    Raises:
        ValueError: if there is no data set or no model in it.
    """
    methods = _methods(summary)
    if not methods:
        raise ValueError("there are no results of models; run python -m train.evaluate --models")
    columns = [
        (name, score)
        for name, parts in summary.items()
        for score in RANKED
        if any(score in parts.get(method, {}) for method in methods)
    ]
    ranks = equal_ranks(summary)
    parts = [_our_table(summary, methods, columns, ranks), _notes(summary, methods, ranks)]
    parts.append(published_table(summary))
    if said := order_note(ranks):
        parts.append(said)
    return "\n\n".join(part for part in parts if part)


def equal_ranks(summary: Scores) -> dict[str, float]:
    """Average rank of the models trained here, by the scores that all of them have."""
    methods = [
        method
        for method, family in _methods(summary).items()
        if FAMILIES[family] == "trained here"
        and method not in _TRAINED_ELSEWHERE
        and all(parts.get(method, {}).get("alignment") == "scale" for parts in summary.values())
    ]
    shared = {
        name: [s for s in RANKED if all(s in parts.get(m, {}) for m in methods)]
        for name, parts in summary.items()
    }
    shared = {name: scores for name, scores in shared.items() if scores}
    if not methods or not shared:
        return {}
    return average_ranks(
        {
            method: {
                name: {score: float(summary[name][method][score]) for score in scores}
                for name, scores in shared.items()
            }
            for method in methods
        }
    )


def published_table(summary: Scores) -> str:
    """The paper's rows, marked, with ours below each where we have measured the same data set."""
    columns = [(name, score) for name, scores in COLUMNS.items() for score in scores]
    rows = [_head(columns, "published rank")]
    for model, numbers in sorted(TABLE_1.items(), key=lambda item: RANKS[item[0]]):
        cells = [_cell(score, numbers[name][score]) for name, score in columns]
        rows.append(f"| {model} (published) | " + " | ".join(cells) + f" | {RANKS[model]:.1f} |")
        ours = OURS[model]
        if any(ours in summary.get(name, {}) for name in COLUMNS):
            cells = [
                _cell(score, summary.get(name, {}).get(ours, {}).get(score))
                for name, score in columns
            ]
            rows.append(f"| {ours} (ours) | " + " | ".join(cells) + " | |")
    return "\n".join(
        [
            "Published in the paper (arXiv 2409.15010, Table 1): larger models, other training"
            " data; not measured here.",
            "",
            *rows,
        ]
    )


def order_note(ranks: Mapping[str, float]) -> str:
    """Where our order of the paper's models differs from the paper's; nothing below two of them."""
    here = [model for model, ours in OURS.items() if ours in ranks]
    if len(here) < 2:
        return ""
    theirs = sorted(here, key=lambda model: RANKS[model])
    mine = sorted(here, key=lambda model: ranks[OURS[model]])
    order = f"Order by rank, the paper's: {', '.join(theirs)}; ours: {', '.join(mine)}."
    swapped = [
        f"{ahead} is behind {behind}"
        for i, ahead in enumerate(theirs)
        for behind in theirs[i + 1 :]
        if ranks[OURS[ahead]] > ranks[OURS[behind]]
    ]
    if not swapped:
        return f"{order} The orders agree."
    return f"{order} Unlike in the paper, {'; '.join(swapped)}."


def _our_table(
    summary: Scores,
    methods: Mapping[str, str],
    columns: list[tuple[str, str]],
    ranks: Mapping[str, float],
) -> str:
    rows = [_head(columns, "rank")]
    for family in dict.fromkeys(FAMILIES.values()):
        group = [m for m, own in methods.items() if FAMILIES[own] == family]
        for method in sorted(group, key=lambda m: ranks.get(m, 0)):
            cells = [
                _cell(score, summary[name].get(method, {}).get(score)) for name, score in columns
            ]
            rank = f"{ranks[method]:.1f}" if method in ranks else "–"
            label = method if method in ranks else f"{method} ({family})"
            rows.append(f"| {label} | " + " | ".join(cells) + f" | {rank} |")
    return "\n".join(rows)


def _notes(summary: Scores, methods: Mapping[str, str], ranks: Mapping[str, float]) -> str:
    counts = [
        f"{max(int(part['pictures']) for part in parts.values())} {_LABELS.get(name, name)}"
        for name, parts in summary.items()
    ]
    fitted = sorted(
        {
            f"{method} ({how})"
            for parts in summary.values()
            for method in methods
            if (how := parts.get(method, {}).get("alignment", "scale")) != "scale"
        }
    )
    notes = f"Pictures: {', '.join(counts)}; means over scenes; lower is better. Aligned by scale"
    notes += f", but for {', '.join(fitted)}, which fit one number more." if fitted else "."
    if ranks:
        notes += f" Ranks are among the {len(ranks)} trained here."
    return notes


def _methods(summary: Scores) -> dict[str, str]:
    """{method: family} in order of appearance."""
    return {
        method: str(part["family"])
        for parts in summary.values()
        for method, part in parts.items()
        if part.get("family") in FAMILIES
    }


def _head(columns: list[tuple[str, str]], last: str) -> str:
    labels = [f"{_LABELS.get(name, name)}: {RANKED[score]}" for name, score in columns]
    return f"| | {' | '.join(labels)} | {last} |\n|---|" + "---|" * (len(labels) + 1)


def _cell(score: str, value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.2f}" if score.startswith("pe_") else f"{value:.3f}"
