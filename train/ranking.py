"""Average ranks as in the paper's Table 1, and which scores and data sets they are of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from depthart.metrics import HIGHER_IS_BETTER

SETS = {"rendered": "held-out rendered scenes", "real_dev": "real photos (dev split)"}
# Columns of the ranking, as in the paper's Table 1 (lower is better).
RANKED = {
    "delta1_error": "δ₁ error",
    "abs_rel": "AbsRel",
    "pe_fla": "pe-fla (cm)",
    "pe_ori": "pe-ori (°)",
}


def average_ranks(scores: Mapping[str, Mapping[str, Mapping[str, float]]]) -> dict[str, float]:
    """Rank models as the paper's Table 1 does: 1 is best, ties share the mean of their places.

    Ranks are averaged over the scores of a data set, then over data sets, so that a set with more
    columns weighs no more. The table's own numbers then give its published ranks to within 0.1.

    Args:
        scores: {model: {data set: {score: value}}}; every model needs every score. Lower is better
            unless `depthart.metrics.HIGHER_IS_BETTER` names the score.

    Raises:
        ValueError: naming a model that lacks a score or has one too many.
    """
    models = list(scores)
    columns = [(s, c) for s, values in scores[models[0]].items() for c in values] if models else []
    for model in models:
        own = {(s, c) for s, values in scores[model].items() for c in values}
        if different := own ^ set(columns):
            raise ValueError(f"{model} and {models[0]} differ in scores: {sorted(different)}")
    per_set: dict[str, list[np.ndarray]] = {}
    for name, column in columns:
        values = np.array([scores[model][name][column] for model in models], np.float64)
        if column in HIGHER_IS_BETTER:
            values = -values
        smaller = (values[None] < values[:, None]).sum(axis=1)
        equal = (values[None] == values[:, None]).sum(axis=1)  # itself among them
        per_set.setdefault(name, []).append(smaller + (equal + 1) / 2)
    means = np.mean([np.mean(ranks, axis=0) for ranks in per_set.values()], axis=0)
    return {model: float(means[i]) for i, model in enumerate(models)}
