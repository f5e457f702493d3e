"""`python -m train.evaluate`: per-image scores of models and of trivial guesses, as JSON lines.

Every line is one picture and one method: all of `depthart.metrics` after the alignment that the
model's kind asks for (by scale for DepthART: paper, section 4.1), boundary errors and, where planes
and camera are known, plane errors.

`--model` looks into one refinement model: all its samplers, AbsRel after each scale, with the mean
entropy of its predicted distributions and the VQ-VAE's own reconstruction as the soft limit (the
paper's figure 4); `--dense` puts the dense regression of `train.image_encoder` beside it, as it is
and drawn with the model's codes.

`--models` puts any models beside one another, each as it answers by default (the paper's Table 1);
`python -m train.report` makes the table.

Keys of a line: `set`, `picture`, `dataset`, `scene`, `method`, `alignment`; `METRICS` (RMSE in the
unit of the truth); `dbe_acc`, `dbe_com` (pixels; absent without a true depth edge); `pe_fla` (cm),
`pe_ori` (degrees; means over the picture's planes, absent without any); `seconds` of models;
`abs_rel_per_scale`, `entropy_per_scale` of models with steps; `family`, `kind` with `--models`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import get_args

import cv2
import torch
from torch import Tensor

from depthart.align import Alignment, alignment_for
from depthart.images import Photo, to_model_input
from depthart.model import DepthART
from depthart.normalize import fill_invalid
from depthart.predictor import Predictor
from depthart.registry import load
from depthart.vqvae import VQVAE
from train.config_file import parse_arguments
from train.data.sample import Sample
from train.dense import DENSE, DENSE_IN_CODES, load_dense
from train.evaluate_models import SHARPENED, chosen_models, evaluate_models, label_of
from train.floors import FLOORS, MEAN_MAP, add_floor_arguments, floors
from train.scoring import Scorer, guess_scores, read_lines, summarize, write_results
from train.sources import SET_HELP, validation_sources
from train.validate import DepthFunction

__all__ = ["Scorer", "evaluate", "guess_scores", "main", "model_scores", "soft_limit", "summarize"]

SAMPLERS = ("argmax", "sample", "expected")
TABLE_1 = Path("train/results/table1")


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
    image = model.vqvae.to_image(fill_invalid(depth, depth > 0), depth > 0)
    totals = model.vqvae.tokenize(image)[1]
    scorer = scorer or Scorer(sample)
    maps = [model.decode(total)[0].numpy() for total in totals]
    errors = [round(scorer.abs_rel(depth), 5) for depth in maps]
    return scorer.all_scores(maps[-1]) | {"abs_rel_per_scale": errors}


def in_codes(vqvae: VQVAE, depth_of: DepthFunction) -> DepthFunction:
    """What a VQ-VAE makes of another model's depth: the cost of drawing it with codes."""

    @torch.no_grad()
    def rebuilt(images: Tensor) -> Tensor:
        return vqvae.to_depth(vqvae.reconstruct(vqvae.to_image(depth_of(images)[:, None])))

    return rebuilt


def evaluate(
    model: DepthART,
    sets: dict[str, list[Sample]],
    samplers: tuple[str, ...],
    how: Alignment = "scale",
    floors: Mapping[str, DepthFunction] = FLOORS,
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
                floor: guess_scores(guess, sample, size, scorer) for floor, guess in floors.items()
            }
            results["vqvae"] = soft_limit(model, sample, scorer)
            for sampler in samplers:
                scores = model_scores(model, sample, sampler, True, how, scorer)
                results[f"model/{sampler}"] = scores
            for method, result in results.items():
                yield where | {"method": method} | result
            print(f"\r{name} {number + 1}/{len(samples)}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "-o", "--output", type=Path, help=f"folder for the results; with --models {TABLE_1}"
    )
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--model", default="depthart-small", help="name, folder or hub id")
    chosen.add_argument(
        "--models",
        nargs="+",
        metavar="MODEL",
        help="names, folders, hub ids; all = all that is here",
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="with --models: other models' lines in the folder stay, for data of the same names",
    )
    parser.add_argument("--held-out", help="folder of rendered shards")
    parser.add_argument("--real", help="RGB-D folder; its dev split")
    parser.add_argument(
        "--data", "--validate", dest="validate", action="append", metavar="SET",
        help=f"such as nyuv2=FOLDER: {SET_HELP}",
    )  # fmt: skip
    add_floor_arguments(parser)
    parser.add_argument(
        "--dense", metavar="FOLDER", help="with --model: of train.image_encoder, as a yardstick"
    )
    parser.add_argument("--limit", type=int, default=200, help="pictures of each set, 0 = all")
    parser.add_argument(
        "--align", choices=get_args(Alignment), help="default: what the model's kind leaves open"
    )
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=SAMPLERS)
    parser.add_argument("--device", default="auto", help="with --models")
    parser.add_argument(
        "--sharpened",
        action="store_true",
        help="with --models: also their depth with the photo's edges (depthart.sharpen)",
    )
    options = parse_arguments(parser, arguments)
    if not options.models and options.output is None:
        parser.error("--model needs a folder for the results: -o FOLDER")
    if options.models and options.dense:
        parser.error("--dense is a yardstick of one --model")
    if options.sharpened and not options.models:
        parser.error("--sharpened goes with --models")
    sets = validation_sources(options, options.limit or sys.maxsize)
    if not sets:
        parser.error("name data to evaluate on: --held-out, --real or --data NAME=FOLDER")
    guesses = floors(options)
    if options.models:
        folder, names = options.output or TABLE_1, chosen_models(options.models)
        labels = [*map(label_of, names)]
        replaced = {*labels, *(f"{label}/{SHARPENED}" for label in labels), *FLOORS, MEAN_MAP}
        kept = read_lines(folder) if options.keep else []
        kept = [line for line in kept if line["set"] in sets and line["method"] not in replaced]
        how, device = options.align, options.device
        lines = evaluate_models(names, sets, how, device, guesses, options.sharpened)
        write_results(folder, chain(kept, lines))
        return
    predictor = load(options.model, "cpu")
    if not isinstance(predictor, Predictor):
        parser.error(f"{options.model} is no refinement model: evaluate it with --models")
    how = options.align or alignment_for(predictor.kind)
    if options.dense:
        guesses[DENSE] = load_dense(options.dense).eval().depth
        guesses[DENSE_IN_CODES] = in_codes(predictor.model.vqvae, guesses[DENSE])
    lines = evaluate(predictor.model, sets, tuple(options.samplers), how, guesses)
    write_results(options.output, lines)


if __name__ == "__main__":
    main()
