"""Scores of maps against samples, and their means; what all evaluations share.

Letters: H, W size of a sample · S side of a model's map.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from depthart.align import Alignment, align
from depthart.boundary_metrics import boundary_error, depth_edges
from depthart.geometry import Intrinsics
from depthart.images import Photo, resize_depth, to_model_input
from depthart.metrics import abs_rel, depth_metrics
from depthart.plane_metrics import PlaneError, plane_errors
from train.data.sample import Sample
from train.validate import DepthFunction, mean_over_scenes

# What a line says besides its scores.
LABELS = frozenset({"set", "picture", "dataset", "scene", "method", "alignment", "family", "kind"})

FITTED = 1e-3  # share of the picture below which a labelled plane is too small to fit


class Scorer:
    """Scores predictions of one sample; what depends on the sample alone is computed once."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        self.valid = sample.counted()
        # Where edges are labelled (iBims-1), the prediction's are looked for in the whole picture.
        self._judged = self.valid if sample.edges is None else None
        self._edges = (
            depth_edges(sample.depth, self.valid) if sample.edges is None else sample.edges
        )

    def all_scores(self, prediction: np.ndarray, how: Alignment = "scale") -> dict[str, object]:
        """Everything that can be measured on this sample.

        Args:
            prediction: (S, S) map as the model gives it, resized here to the sample's size.
        """
        sample, depth = self.sample, self._aligned(prediction, how)
        scores: dict[str, object] = {"alignment": how}
        scores |= depth_metrics(depth, sample.depth, self.valid)
        # A map enlarged over the truth's holes is judged only where the truth is.
        boundary = boundary_error(depth_edges(depth, self._judged), self._edges)
        if boundary is not None:
            scores |= {"dbe_acc": boundary.accuracy, "dbe_com": boundary.completeness}
        planes = self._plane_errors(depth)
        if planes:
            scores["pe_fla"] = float(np.mean([plane.flatness_cm for plane in planes]))
            scores["pe_ori"] = float(np.mean([plane.orientation_deg for plane in planes]))
        return scores

    def _plane_errors(self, depth: np.ndarray) -> list[PlaneError]:
        """Of all labelled planes with their true normals, or else of the larger numbered ones."""
        sample = self.sample
        if sample.intrinsics is None or (sample.plane is None and not sample.planes):
            return []
        height, width = sample.depth.shape
        camera = Intrinsics(*map(float, sample.intrinsics), width, height)
        if not sample.planes:
            return plane_errors(depth, sample.depth, sample.plane, camera)
        numbers = np.zeros(sample.depth.shape, np.int64)
        for number, plane in enumerate(sample.planes, start=1):
            numbers[plane.mask & self.valid] = number
        normals = {n: plane.normal for n, plane in enumerate(sample.planes, start=1)}
        return plane_errors(depth, sample.depth, numbers, camera, normals, FITTED)

    def abs_rel(self, prediction: np.ndarray, how: Alignment = "scale") -> float:
        return abs_rel(self._aligned(prediction, how), self.sample.depth, self.valid)

    def _aligned(self, prediction: np.ndarray, how: Alignment) -> np.ndarray:
        truth = self.sample.depth
        return align(resize_depth(prediction, *truth.shape), truth, self.valid, how)


def guess_scores(
    guess: DepthFunction, sample: Sample, size: int, scorer: Scorer | None = None
) -> dict[str, object]:
    """Scores of a function that sees the picture as (1, 3, size, size) in [-1, 1]."""
    depth = guess(to_model_input(Photo(sample.image), size))[0].numpy()
    return (scorer or Scorer(sample)).all_scores(depth)


def summarize(lines: list[dict]) -> dict[str, dict[str, dict[str, object]]]:
    """{set: {method: {score: mean}}}, means over scenes.

    A score that only some pictures have (plane and boundary errors) is averaged over those.
    """
    summary: dict[str, dict[str, dict[str, object]]] = {}
    groups: dict[tuple[str, str], list[dict]] = {}
    for line in lines:
        groups.setdefault((line["set"], line["method"]), []).append(line)
    for (name, method), group in groups.items():
        means: dict[str, object] = {"pictures": len(group)}
        means |= {key: group[0][key] for key in ("alignment", "family", "kind") if key in group[0]}
        for key in dict.fromkeys(key for line in group for key in line):  # in order of appearance
            if key not in LABELS:
                having = [line for line in group if key in line]
                means[key] = np.round(mean_over_scenes(having, key), 4).tolist()
        summary.setdefault(name, {})[method] = means
    return summary


def write_results(folder: Path, lines: Iterable[dict]) -> list[dict]:
    """Write `results.jsonl`, line by line as they come, and their means as `results.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with (folder / "results.jsonl").open("w") as file:
        for line in lines:
            line = _rounded(line)
            print(json.dumps(line), file=file, flush=True)
            written.append(line)
    (folder / "results.json").write_text(json.dumps(summarize(written), indent=1) + "\n")
    return written


def read_lines(folder: Path) -> list[dict]:
    """The lines of `results.jsonl`; none if there is no such file."""
    path = folder / "results.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def _rounded(line: dict) -> dict:
    return {k: round(v, 5) if isinstance(v, float) else v for k, v in line.items()}
