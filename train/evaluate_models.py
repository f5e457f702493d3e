"""Any models on the same pictures, beside trivial guesses: the lines behind the paper's Table 1."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from depthart.align import Alignment, alignment_for
from depthart.base_predictor import BasePredictor
from depthart.images import Photo
from depthart.prediction import LINEAR_KINDS, Kind
from depthart.registry import list_models, load
from depthart.sharpen import sharpen
from train.data.sample import Sample
from train.floors import FLOORS
from train.scoring import Scorer, guess_scores
from train.validate import DepthFunction

FLOOR_SIDE = 256
SHARPENED = "sharpened"  # family of no row in Table 1


def chosen_models(names: Sequence[str]) -> list[str]:
    """The names themselves; "all" stands for every model that is available here.

    Raises:
        ValueError: if nothing is available, or two models would have one label.
    """
    found: dict[str, None] = {}
    for name in names:
        if name == "all":
            found |= dict.fromkeys(info.name for info in list_models() if info.available)
        else:
            found[name] = None
    if not found:
        raise ValueError("no model is available here; see python -m depthart models")
    labels = [label_of(name) for name in found]
    if twice := sorted({label for label in labels if labels.count(label) > 1}):
        raise ValueError(f"two of the models are called {twice[0]}; rename one of the folders")
    return list(found)


def label_of(model: str) -> str:
    """What the lines of a model are called: its name; a folder's own, a run's for RUN/model."""
    path = Path(model)
    if not path.is_dir():
        return model
    path = path.resolve()
    return path.parent.name if path.name == "model" else path.name


def evaluate_models(
    names: Sequence[str],
    sets: dict[str, list[Sample]],
    how: Alignment | None = None,
    device: str = "auto",
    floors: Mapping[str, DepthFunction] = FLOORS,
    sharpened: bool = False,
) -> Iterator[dict[str, object]]:
    """Yield one line per method, data set and picture: first the floors, then model by model.

    Args:
        sharpened: a second line, method "MODEL/sharpened", for depth with the photo's edges.
        how: alignment of all models; None: by scale, and with the offset that disparity and
            affine-invariant depth leave open as well.
    """
    scorers = {name: [Scorer(sample) for sample in samples] for name, samples in sets.items()}
    for name, group in scorers.items():
        for number, scorer in enumerate(group):
            for floor, guess in floors.items():
                scores = guess_scores(guess, scorer.sample, FLOOR_SIDE, scorer)
                yield _where(name, number, scorer.sample) | {
                    "method": floor, "family": "floor", "kind": "scale_invariant"
                } | scores  # fmt: skip
    families = {info.name: info.family for info in list_models()}
    for model in names:
        predictor = load(model, device)
        label = label_of(model)
        about = {
            "method": label,
            "family": families.get(model, "other"),
            "kind": predictor.kind,
        }
        alignment = how or table_alignment(predictor.kind)
        for name, group in scorers.items():
            for number, scorer in enumerate(group):
                where = _where(name, number, scorer.sample)
                own, sharp = predictor_scores(predictor, scorer, alignment, sharpened)
                yield where | about | own
                if sharp:
                    other = {"method": f"{label}/{SHARPENED}", "family": SHARPENED}
                    yield where | about | other | sharp
                print(f"\r{label}: {name} {number + 1}/{len(group)} ", end="", file=sys.stderr)
        print(file=sys.stderr)


def table_alignment(kind: Kind) -> Alignment:
    """As in the paper (section 4.1) metric depth is aligned by scale, like all linear depth."""
    return "scale" if kind == "metric" else alignment_for(kind)


def predictor_scores(
    predictor: BasePredictor, scorer: Scorer, how: Alignment, sharpened: bool = False
) -> tuple[dict[str, object], dict[str, object]]:
    """Scores of a model's answer as it comes by default, with AbsRel per step if there are more,
    and, if asked for, those of its depth sharpened."""
    photo = Photo(scorer.sample.image)
    started = time.perf_counter()
    steps = list(predictor.refine(photo))
    last = steps[-1].model_depth
    seconds = round(time.perf_counter() - started, 3)
    line = scorer.all_scores(last, how) | {"seconds": seconds}
    if len(steps) > 1:
        errors = [scorer.abs_rel(step.model_depth, how) for step in steps]
        line["abs_rel_per_scale"] = [round(e, 5) for e in errors]
        if all(step.entropy is not None for step in steps):
            line["entropy_per_scale"] = [round(float(s.entropy.mean()), 4) for s in steps]
    if not sharpened:
        return line, {}
    sharp = sharpen(last, photo.rgb, log=predictor.kind in LINEAR_KINDS)
    return line, scorer.all_scores(sharp, how)


def _where(name: str, number: int, sample: Sample) -> dict[str, object]:
    return {
        "set": name,
        "picture": number,
        "dataset": sample.dataset,
        "scene": sample.scene,
    }
