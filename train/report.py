"""`python -m train.report`: write measured tables between the markers of README and model cards.

A table stands between `<!-- results -->` and `<!-- /results -->` and is made from the results
files that `train.evaluate` left beside the checkpoint, so that no number is typed.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

START, END = "<!-- results -->", "<!-- /results -->"
SETS = {"rendered": "held-out rendered scenes", "real_dev": "real photos (dev split)"}
METHODS = {
    "constant": "constant guess",
    "ramp": "far-top, near-bottom ramp",
    "model/argmax": "DepthART, likeliest codes",
    "model/sample": "DepthART, mean of 5 draws",
    "model/expected": "DepthART, expected codes",
    "vqvae": "VQ-VAE's own reconstruction (soft limit)",
}


def table(summary: dict) -> str:
    """Markdown table of the last scale's errors, one row per method."""
    sets = [name for name in SETS if name in summary]
    head = " | ".join(f"{SETS[name]}: AbsRel | δ₁ error" for name in sets)
    rows = [f"| | {head} |", "|---|" + "---|---|" * len(sets)]
    for method, label in METHODS.items():
        if not all(method in summary[name] for name in sets):
            continue
        cells = [
            f"{summary[name][method]['abs_rel']:.3f} | {summary[name][method]['delta1_error']:.3f}"
            for name in sets
        ]
        rows.append(f"| {label} | " + " | ".join(cells) + " |")
    counts = ", ".join(f"{summary[n]['constant']['pictures']} {SETS[n]}" for n in sets)
    return "\n".join([*rows, "", f"{counts}; predictions aligned by scale; lower is better."])


def per_scale_table(summary: dict, method: str, sides: tuple[int, ...]) -> str:
    """Markdown table of AbsRel and entropy after each scale."""
    rows = ["| scale | " + " | ".join(f"{s}×{s}" for s in sides) + " |"]
    rows.append("|---|" + "---|" * len(sides))
    for name, label in SETS.items():
        if name not in summary:
            continue
        parts = summary[name]
        rows.append(_row(f"AbsRel, {label}", parts[method]["abs_rel_per_scale"]))
        rows.append(_row("— VQ-VAE alone", parts["vqvae"]["abs_rel_per_scale"]))
        rows.append(_row("— entropy (nats)", parts[method]["entropy_per_scale"], 2))
    return "\n".join(rows)


def fill(text: str, content: str) -> str:
    """Replace what stands between the markers.

    Raises:
        ValueError: if the markers are missing.
    """
    pattern = re.compile(re.escape(START) + ".*?" + re.escape(END), re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"no {START} ... {END} to fill")
    return pattern.sub(lambda _: f"{START}\n{content}\n{END}", text)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path, help="folder with config.json and results.json")
    parser.add_argument("documents", type=Path, nargs="+", help="Markdown files with markers")
    options = parser.parse_args(arguments)
    summary = json.loads((options.checkpoint / "results.json").read_text())
    config = json.loads((options.checkpoint / "config.json").read_text())
    method = f"model/{config['default_sampler']}"
    sides = tuple(config["vqvae"]["sides"])
    content = table(summary) + "\n\n" + per_scale_table(summary, method, sides)
    for document in options.documents:
        document.write_text(fill(document.read_text(), content))


def _row(label: str, values: list[float], digits: int = 3) -> str:
    return f"| {label} | " + " | ".join(f"{v:.{digits}f}" for v in values) + " |"


if __name__ == "__main__":
    main()
