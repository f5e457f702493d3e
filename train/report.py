"""`python -m train.report`: measured tables, printed and written between markers of documents.

Of one checkpoint (a folder with config.json): the table between `<!-- results -->` and
`<!-- /results -->`, made from the results that `train.evaluate --model` left beside it, so that no
number is typed. The errors and entropies per scale are also drawn (the paper's figure 4), into
`figure4.png` beside those files. With `--compare` other checkpoints join the figure, and a table
ranks all of them.

Of several models (a folder of `train.evaluate --models`): the paper's Table 1, printed, and written
between `<!-- table 1 -->` and `<!-- /table 1 -->` if documents are named.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from train.config_file import parse_arguments
from train.dense import DENSE, DENSE_IN_CODES
from train.floors import MEAN_MAP
from train.markers import fill
from train.ranking import RANKED, SETS, average_ranks
from train.scale_figure import draw_scales
from train.scoring import read_lines
from train.table1 import table_1
from train.validate import mean_over_scenes

RESULTS_MARKER, TABLE_MARKER = "results", "table 1"
TABLE_1 = Path("train/results/table1")
METHODS = {
    "constant": "constant guess",
    "ramp": "far-top, near-bottom ramp",
    MEAN_MAP: "mean map of training pairs",
    DENSE: "dense regression, the same encoder",
    DENSE_IN_CODES: "— its depth through the VQ-VAE",
    "model/argmax": "likeliest codes",
    "model/sample": "mean of 5 draws",
    "model/expected": "expected codes",
    "vqvae": "VQ-VAE's own reconstruction (soft limit)",
}


def table(summary: dict) -> str:
    """Markdown table of the last scale's errors, one row per method.

    Plane errors are in it where all methods have them (rendered scenes).
    """
    sets = [name for name in SETS if name in summary]
    methods = [m for m in METHODS if all(m in summary[name] for name in sets)]
    columns = [
        (name, score)
        for name in sets
        for score in ("abs_rel", "delta1_error", "pe_fla", "pe_ori")
        if all(score in summary[name][method] for method in methods)
    ]
    labels = [
        f"{SETS[name]}: {RANKED[score]}" if score == "abs_rel" else RANKED[score]
        for name, score in columns
    ]
    rows = ["| | " + " | ".join(labels) + " |", "|---|" + "---|" * len(labels)]
    for method in methods:
        numbers = [
            f"{summary[name][method][score]:.{2 if score.startswith('pe_') else 3}f}"
            for name, score in columns
        ]
        rows.append(f"| {METHODS[method]} | " + " | ".join(numbers) + " |")
    counts = ", ".join(f"{summary[n]['constant']['pictures']} {SETS[n]}" for n in sets)
    alignments = {summary[name][m].get("alignment", "scale") for name in sets for m in methods}
    how = " or ".join(sorted(alignments))
    return "\n".join([*rows, "", f"{counts}; predictions aligned by {how}; lower is better."])


def source_table(lines: Sequence[dict], method: str, name: str = "real_dev") -> str:
    """Markdown table of AbsRel on each source of a set, beside the floors; "" if it has one.

    Args:
        lines: of `results.jsonl`.
        method: the model's row in them.
    """
    methods = {m: METHODS[m] for m in ("constant", "ramp", MEAN_MAP, DENSE, method)}
    groups: dict[str, dict[str, list[dict]]] = {}
    for line in lines:
        if line["set"] == name and line["method"] in methods:
            groups.setdefault(line["dataset"], {}).setdefault(line["method"], []).append(line)
    if len(groups) < 2:
        return ""
    shown = [m for m in methods if all(m in group for group in groups.values())]
    rows = ["| AbsRel of | pictures | " + " | ".join(methods[m] for m in shown) + " |"]
    rows.append("|---|---|" + "---|" * len(shown))
    for dataset, group in sorted(groups.items(), key=lambda item: (-len(item[1][method]), item[0])):
        numbers = [f"{mean_over_scenes(group[m], 'abs_rel'):.3f}" for m in shown]
        rows.append(f"| {dataset} | {len(group[method])} | " + " | ".join(numbers) + " |")
    return "\n".join(rows)


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


def ranking_table(results: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Markdown table of several models with their average rank, as the paper's Table 1.

    Args:
        results: {model: {data set: scores}}, one summary of a method each. Columns are the data
            sets and scores that all models have.
    """
    first = next(iter(results.values()))
    shared: dict[str, list[str]] = {}
    for name in first:
        columns = [
            key
            for key in RANKED
            if all(key in summary.get(name, {}) for summary in results.values())
        ]
        if columns:
            shared[name] = columns
    if not shared:
        raise ValueError("the models were not evaluated on a common data set")
    scores = {
        model: {name: {c: summary[name][c] for c in columns} for name, columns in shared.items()}
        for model, summary in results.items()
    }
    ranks = average_ranks(scores)
    labels = [f"{SETS.get(name, name)}: {RANKED[c]}" for name in shared for c in shared[name]]
    rows = ["| | " + " | ".join(labels) + " | rank |", "|---|" + "---|" * (len(labels) + 1)]
    for model in scores:
        cells = [(scores[model][name][c], c) for name in shared for c in shared[name]]
        numbers = " | ".join(f"{v:.2f}" if c.startswith("pe_") else f"{v:.3f}" for v, c in cells)
        rows.append(f"| {model} | {numbers} | {ranks[model]:.1f} |")
    return "\n".join(rows)


def scale_curves(
    folders: Mapping[str, Path],
) -> dict[str, dict[str, dict[str, list[float]]]]:
    """{data set: {label: scores}} for `draw_scales`: every method of one checkpoint, or the default
    method of several.

    Args:
        folders: Checkpoint folders by label, the first one's data sets and soft limit are used.
    """
    curves: dict[str, dict[str, dict[str, list[float]]]] = {}
    for i, (label, folder) in enumerate(folders.items()):
        summary, method = _read(folder)
        for name, methods in summary.items():
            if i and name not in curves:
                continue
            group = curves.setdefault(name, {})
            if len(folders) == 1:
                group |= {
                    METHODS[m]: methods[m]
                    for m in METHODS
                    if "entropy_per_scale" in methods.get(m, {})
                }
            elif method in methods:
                group[label] = methods[method]
            if not i and "vqvae" in methods:
                group[METHODS["vqvae"]] = methods["vqvae"]
    return curves


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "checkpoint",
        type=Path,
        nargs="?",
        default=TABLE_1,
        help=f"folder with results.json, and config.json of a checkpoint; default {TABLE_1}",
    )
    parser.add_argument("documents", type=Path, nargs="*", help="Markdown files with markers")
    parser.add_argument("--label", help="of the checkpoint; default: its folder's name")
    parser.add_argument(
        "--compare",
        nargs="+",
        default=[],
        metavar="LABEL=FOLDER",
        help="other evaluated checkpoints, for the figure and a ranking",
    )
    options = parse_arguments(parser, arguments)
    if not (options.checkpoint / "config.json").is_file():
        return report_models(options.checkpoint, options.documents)
    if not options.documents:
        parser.error("name the Markdown files to write the tables into")
    folders = {options.label or options.checkpoint.resolve().name: options.checkpoint}
    for other in options.compare:
        label, _, folder = other.partition("=")
        if not (label and folder) or label in folders:
            parser.error(f"--compare takes LABEL=FOLDER with labels of their own, got {other!r}")
        folders[label] = Path(folder)
    summary, method = _read(options.checkpoint)
    config = json.loads((options.checkpoint / "config.json").read_text())
    sides = tuple(config["vqvae"]["sides"])
    content = table(summary) + "\n\n" + per_scale_table(summary, method, sides)
    if sources := source_table(read_lines(options.checkpoint), method):
        content += "\n\n" + sources
    if options.compare:
        results = {}
        for label, folder in folders.items():
            other, its_method = _read(folder)
            results[label] = {name: parts.get(its_method, {}) for name, parts in other.items()}
        content += "\n\n" + ranking_table(results)
    titles = {name: label[0].upper() + label[1:] for name, label in SETS.items()}
    curves = {titles.get(name, name): group for name, group in scale_curves(folders).items()}
    draw_scales(curves, sides, options.checkpoint / "figure4.png", METHODS["vqvae"])
    for document in options.documents:
        document.write_text(fill(document.read_text(), content, RESULTS_MARKER))


def report_models(folder: Path, documents: Sequence[Path]) -> None:
    """Print Table 1 of a results folder of several models; write it into documents, too.

    Raises:
        FileNotFoundError: if the folder has no results.
        ValueError: if a document has no markers.
    """
    path = folder / "results.json"
    if not path.is_file():
        raise FileNotFoundError(f"no results in {folder}; run train.evaluate --models all")
    content = table_1(json.loads(path.read_text()))
    print(content)
    for document in documents:
        document.write_text(fill(document.read_text(), content, TABLE_MARKER))


def _read(folder: Path) -> tuple[dict, str]:
    """Summary of an evaluated checkpoint and the name of its default method in it."""
    summary = json.loads((folder / "results.json").read_text())
    config = json.loads((folder / "config.json").read_text())
    return summary, f"model/{config['default_sampler']}"


def _row(label: str, values: list[float], digits: int = 3) -> str:
    return f"| {label} | " + " | ".join(f"{v:.{digits}f}" for v in values) + " |"


if __name__ == "__main__":
    main()
