"""`python -m train.evaluate`: per-image scores of a model and of trivial guesses, as JSON lines.

Every line is one picture and one method: all of `depthart.metrics` after the alignment that the
model's kind asks for (by scale for DepthART: paper, section 4.1), boundary errors and, where planes
and camera are known, plane errors. For a refinement model also AbsRel after each scale, with the
mean entropy of its predicted distributions and the VQ-VAE's own reconstruction as the soft limit
(the paper's figure 4).

Keys of a line: `set`, `picture`, `dataset`, `scene`, `method`, `alignment`; `METRICS` (RMSE in the
unit of the truth); `dbe_acc`, `dbe_com` (pixels; absent without a true depth edge); `pe_fla` (cm),
`pe_ori` (degrees; means over the picture's planes, absent without any); `seconds`,
`abs_rel_per_scale`, `entropy_per_scale` of models.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import torch

from depthart.align import Alignment, align, alignment_for
from depthart.boundary_metrics import boundary_error, depth_edges
from depthart.geometry import Intrinsics
from depthart.images import Photo, resize_depth, to_model_input
from depthart.metrics import abs_rel, depth_metrics
from depthart.model import DepthART
from depthart.normalize import depth_to_image, fill_invalid
from depthart.plane_metrics import plane_errors
from depthart.registry import load
from train.data.sample import Sample
from train.sources import validation_sources
from train.validate import DepthFunction, constant_guess, ramp_guess

SAMPLERS = ("argmax", "sample", "expected")
# What a line says besides its scores.
LABELS = frozenset({"set", "picture", "dataset", "scene", "method", "alignment"})


class Scorer:
    """Scores predictions of one sample; what depends on the sample alone is computed once."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        self.valid = sample.counted()
        self._edges = depth_edges(sample.depth, self.valid)

    def all_scores(self, prediction: np.ndarray, how: Alignment = "scale") -> dict[str, object]:
        """Everything that can be measured on this sample.

        Args:
            prediction: (S, S) map as the model gives it, resized here to the sample's size.
        """
        sample, depth = self.sample, self._aligned(prediction, how)
        scores: dict[str, object] = {"alignment": how}
        scores |= depth_metrics(depth, sample.depth, self.valid)
        # A map enlarged over the truth's holes is judged only where the truth is.
        boundary = boundary_error(depth_edges(depth, self.valid), self._edges)
        if boundary is not None:
            scores |= {"dbe_acc": boundary.accuracy, "dbe_com": boundary.completeness}
        if sample.plane is not None and sample.intrinsics is not None:
            height, width = sample.depth.shape
            camera = Intrinsics(*map(float, sample.intrinsics), width, height)
            planes = plane_errors(depth, sample.depth, sample.plane, camera)
            if planes:
                scores["pe_fla"] = float(np.mean([plane.flatness_cm for plane in planes]))
                scores["pe_ori"] = float(np.mean([plane.orientation_deg for plane in planes]))
        return scores

    def abs_rel(self, prediction: np.ndarray, how: Alignment = "scale") -> float:
        return abs_rel(self._aligned(prediction, how), self.sample.depth, self.valid)

    def _aligned(self, prediction: np.ndarray, how: Alignment) -> np.ndarray:
        truth = self.sample.depth
        return align(resize_depth(prediction, *truth.shape), truth, self.valid, how)


def model_scores(
    model: DepthART,
    sample: Sample,
    sampler: str,
    every_scale: bool,
    how: Alignment = "scale",
    scorer: Scorer | None = None,
) -> dict[str, object]:
    """Scores of the last scale and, if asked for, lists over all scales."""
    scorer = scorer or Scorer(sample)
    image = to_model_input(Photo(sample.image), model.config.image_size)
    started = time.perf_counter()
    steps = list(model.refine(image, sampler))
    last = steps[-1].depth[0].numpy()
    seconds = round(time.perf_counter() - started, 3)
    line = scorer.all_scores(last, how) | {"seconds": seconds}
    if every_scale:
        errors = [scorer.abs_rel(step.depth[0].numpy(), how) for step in steps]
        line["abs_rel_per_scale"] = [round(e, 5) for e in errors]
        line["entropy_per_scale"] = [round(float(s.entropy.mean()), 4) for s in steps]
    return line


def soft_limit(model: DepthART, sample: Sample, scorer: Scorer | None = None) -> dict[str, object]:
    """Scores of the true depth after the VQ-VAE's first k scales, for every k."""
    size = model.config.image_size
    resized = cv2.resize(sample.depth, (size, size), interpolation=cv2.INTER_NEAREST)
    depth = torch.from_numpy(resized)[None, None]
    image = depth_to_image(fill_invalid(depth, depth > 0), depth > 0)
    totals = model.vqvae.tokenize(image)[1]
    scorer = scorer or Scorer(sample)
    maps = [model.decode(total)[0].numpy() for total in totals]
    errors = [round(scorer.abs_rel(depth), 5) for depth in maps]
    return scorer.all_scores(maps[-1]) | {"abs_rel_per_scale": errors}


def guess_scores(
    guess: DepthFunction, sample: Sample, size: int, scorer: Scorer | None = None
) -> dict[str, object]:
    depth = guess(torch.zeros(1, 3, size, size))[0].numpy()
    return (scorer or Scorer(sample)).all_scores(depth)


def evaluate(
    model: DepthART,
    sets: dict[str, list[Sample]],
    samplers: tuple[str, ...],
    how: Alignment = "scale",
) -> Iterator[dict[str, object]]:
    """Yield one result per data set, method and picture.

    Args:
        how: Alignment of the model; guesses and the soft limit are always aligned by scale.
    """
    size = model.config.image_size
    for name, samples in sets.items():
        for number, sample in enumerate(samples):
            where = {
                "set": name,
                "picture": number,
                "dataset": sample.dataset,
                "scene": sample.scene,
            }
            scorer = Scorer(sample)
            results = {
                "constant": guess_scores(constant_guess, sample, size, scorer),
                "ramp": guess_scores(ramp_guess, sample, size, scorer),
                "vqvae": soft_limit(model, sample, scorer),
            }
            for sampler in samplers:
                scores = model_scores(model, sample, sampler, True, how, scorer)
                results[f"model/{sampler}"] = scores
            for method, result in results.items():
                yield where | {"method": method} | result
            print(f"\r{name} {number + 1}/{len(samples)}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)


def mean_over_scenes(lines: list[dict], key: str) -> np.ndarray | float:
    """Mean of pictures within a scene, then of scenes."""
    scenes: dict[tuple[str, str], list] = {}
    for line in lines:
        scenes.setdefault((line["dataset"], line["scene"]), []).append(line[key])
    return np.mean([np.mean(group, axis=0) for group in scenes.values()], axis=0)


def summarize(lines: list[dict]) -> dict[str, dict[str, dict[str, object]]]:
    """{set: {method: {score: mean}}}, means over scenes.

    A score that only some pictures have (plane and boundary errors) is averaged over those.
    """
    summary: dict[str, dict[str, dict[str, object]]] = {}
    groups: dict[tuple[str, str], list[dict]] = {}
    for line in lines:
        groups.setdefault((line["set"], line["method"]), []).append(line)
    for (name, method), group in groups.items():
        means: dict[str, object] = {"pictures": len(group), "alignment": group[0]["alignment"]}
        for key in dict.fromkeys(key for line in group for key in line):  # in order of appearance
            if key not in LABELS:
                having = [line for line in group if key in line]
                means[key] = np.round(mean_over_scenes(having, key), 4).tolist()
        summary.setdefault(name, {})[method] = means
    return summary


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the results")
    parser.add_argument("--model", default="depthart-small", help="name, folder or hub id")
    parser.add_argument("--held-out", help="folder of rendered shards")
    parser.add_argument("--real", help="RGB-D folder; its dev split")
    parser.add_argument("--limit", type=int, default=200, help="rendered pictures at most")
    parser.add_argument(
        "--align", choices=get_args(Alignment), help="default: what the model's kind leaves open"
    )
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=SAMPLERS)
    options = parser.parse_args(arguments)
    sets = validation_sources(options, options.limit)
    if not sets:
        parser.error("name data to evaluate on: --held-out FOLDER, --real FOLDER or both")
    predictor = load(options.model, "cpu")
    how = options.align or alignment_for(predictor.kind)
    lines = list(evaluate(predictor.model, sets, tuple(options.samplers), how))
    options.output.mkdir(parents=True, exist_ok=True)
    with (options.output / "results.jsonl").open("w") as file:
        for line in lines:
            print(json.dumps(_rounded(line)), file=file)
    (options.output / "results.json").write_text(json.dumps(summarize(lines), indent=1) + "\n")


def _rounded(line: dict) -> dict:
    return {k: round(v, 5) if isinstance(v, float) else v for k, v in line.items()}


if __name__ == "__main__":
    main()
