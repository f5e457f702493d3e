"""`python -m train.evaluate`: per-image scores of a model and of trivial guesses, as JSON lines.

Every line is one picture and one method: AbsRel and delta1 error after alignment by scale (paper,
section 4.1), for a refinement model also after each scale, with the mean entropy of its predicted
distributions and the VQ-VAE's own reconstruction as the soft limit (the paper's figure 4).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch

from depthart.images import Photo, to_model_input
from depthart.model import DepthART
from depthart.normalize import depth_to_image, fill_invalid
from depthart.registry import load
from train.data.sample import Sample
from train.sources import validation_sources
from train.validate import constant_guess, ramp_guess, score

SAMPLERS = ("argmax", "sample", "expected")


def model_scores(
    model: DepthART, sample: Sample, sampler: str, every_scale: bool
) -> dict[str, object]:
    """Scores of the last scale and, if asked for, lists over all scales."""
    image = to_model_input(Photo(sample.image), model.config.image_size)
    started = time.perf_counter()
    steps = list(model.refine(image, sampler))
    line: dict[str, object] = dict(score(steps[-1].depth[0].numpy(), sample))
    line["seconds"] = round(time.perf_counter() - started, 3)
    if every_scale:
        scores = [score(step.depth[0].numpy(), sample) for step in steps]
        line["abs_rel_per_scale"] = [round(s["abs_rel"], 5) for s in scores]
        line["entropy_per_scale"] = [round(float(s.entropy.mean()), 4) for s in steps]
    return line


def soft_limit(model: DepthART, sample: Sample) -> dict[str, object]:
    """Scores of the true depth after the VQ-VAE's first k scales, for every k."""
    size = model.config.image_size
    resized = cv2.resize(sample.depth, (size, size), interpolation=cv2.INTER_NEAREST)
    depth = torch.from_numpy(resized)[None, None]
    image = depth_to_image(fill_invalid(depth, depth > 0), depth > 0)
    totals = model.vqvae.tokenize(image)[1]
    scores = [score(model.decode(total)[0].numpy(), sample) for total in totals]
    return scores[-1] | {"abs_rel_per_scale": [round(s["abs_rel"], 5) for s in scores]}


def guess_scores(guess, sample: Sample, size: int) -> dict[str, object]:
    return dict(score(guess(torch.zeros(1, 3, size, size))[0].numpy(), sample))


def evaluate(
    model: DepthART, sets: dict[str, list[Sample]], samplers: tuple[str, ...]
) -> Iterator[dict[str, object]]:
    """Yield one result per data set, method and picture."""
    size = model.config.image_size
    for name, samples in sets.items():
        for number, sample in enumerate(samples):
            where = {
                "set": name,
                "picture": number,
                "dataset": sample.dataset,
                "scene": sample.scene,
            }
            results = {
                "constant": guess_scores(constant_guess, sample, size),
                "ramp": guess_scores(ramp_guess, sample, size),
                "vqvae": soft_limit(model, sample),
            }
            for sampler in samplers:
                results[f"model/{sampler}"] = model_scores(model, sample, sampler, True)
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
    """{set: {method: {score: mean}}}, means over scenes."""
    summary: dict[str, dict[str, dict[str, object]]] = {}
    groups: dict[tuple[str, str], list[dict]] = {}
    for line in lines:
        groups.setdefault((line["set"], line["method"]), []).append(line)
    skipped = {"set", "picture", "dataset", "scene", "method"}
    for (name, method), group in groups.items():
        means = {
            key: np.round(mean_over_scenes(group, key), 4).tolist()
            for key in group[0]
            if key not in skipped
        }
        summary.setdefault(name, {})[method] = {"pictures": len(group)} | means
    return summary


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the results")
    parser.add_argument("--model", default="depthart-small", help="name, folder or hub id")
    parser.add_argument("--held-out", help="folder of rendered shards")
    parser.add_argument("--real", help="RGB-D folder; its dev split")
    parser.add_argument("--limit", type=int, default=200, help="rendered pictures at most")
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=SAMPLERS)
    options = parser.parse_args(arguments)
    sets = validation_sources(options, options.limit)
    if not sets:
        parser.error("name data to evaluate on: --held-out FOLDER, --real FOLDER or both")
    model = load(options.model, "cpu").model
    lines = list(evaluate(model, sets, tuple(options.samplers)))
    options.output.mkdir(parents=True, exist_ok=True)
    with (options.output / "results.jsonl").open("w") as file:
        for line in lines:
            print(json.dumps(_rounded(line)), file=file)
    (options.output / "results.json").write_text(json.dumps(summarize(lines), indent=1) + "\n")


def _rounded(line: dict) -> dict:
    return {k: round(v, 5) if isinstance(v, float) else v for k, v in line.items()}


if __name__ == "__main__":
    main()
