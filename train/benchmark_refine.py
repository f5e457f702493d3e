"""`python -m train.benchmark_refine MODEL PHOTO`: how long a photo waits for all scales, here.

The photo is opened once; each time it is resized, encoded and refined, and the depth of every scale
is decoded and resized to the photo.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

from depthart import load
from depthart.base_predictor import BasePredictor
from depthart.images import Photo, open_photo
from train.benchmark import machine


def seconds_of_refinement(model: BasePredictor, photo: Photo) -> tuple[float, int]:
    """Seconds until the last step's depth is there, and how many steps there were."""
    started = time.perf_counter()
    count = sum(step.depth.size > 0 for step in model.refine(photo))
    return time.perf_counter() - started, count


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="name or folder, see depthart.load")
    parser.add_argument("photo")
    parser.add_argument("-o", "--output", type=Path, help="JSON file for the result")
    parser.add_argument("--repeat", type=int, default=10)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args(arguments)
    if options.repeat < 1:
        parser.error(f"--repeat needs at least 1, got {options.repeat}")
    model, photo = load(options.model, device=options.device), open_photo(options.photo)
    seconds_of_refinement(model, photo)  # warms up
    runs = [seconds_of_refinement(model, photo) for _ in range(options.repeat)]
    times = [seconds for seconds, _ in runs]
    result = {
        "model": model.name,
        "steps": runs[0][1],
        "photo": [photo.width, photo.height],
        "median_s": statistics.median(times),
        "fastest_s": min(times),
        "slowest_s": max(times),
        "repeat": options.repeat,
        "machine": machine(model.device),
    }
    print(
        f"{model.name}: {result['steps']} steps in {result['median_s']:.2f} s "
        f"({min(times):.2f} to {max(times):.2f}), load {result['machine']['load'][0]}"
    )
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
