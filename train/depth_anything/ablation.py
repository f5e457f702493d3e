"""`python -m train.depth_anything.ablation`: the rows of Depth Anything's tables 9 and 12.

Every row is a student of its own, from the same start, with the same number of steps, the same
labelled pictures in every step and the same pseudo-labels; rows differ in what unlabeled pictures
are used for. "more labelled" is ours: as many pictures as the rows with unlabeled ones see, all of
them labelled, so that a gain is not that of a larger batch.

A row leaves `DIR/ROW/results.jsonl` (one line per picture) and `results.json`; rows that have both
are not trained again, and one that was interrupted goes on. `DIR/ablation.json` and
`DIR/ablation.md` hold what is there; with `--document FILE` the table is also written between
`<!-- ablation -->` and `<!-- /ablation -->`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from depthart.registry import load
from depthart.trunks import TRUNKS
from train.config_file import describe_run, parse_arguments
from train.data.pseudo_labels import PseudoLabels, write_json
from train.data.sample import Sample
from train.depth_anything.frozen_encoder import frozen_encoder
from train.depth_anything.objective import Terms
from train.depth_anything.scores import score_lines
from train.depth_anything.student import add_unlabeled_arguments, encoder_of_options
from train.depth_anything.training import (
    Plan,
    add_plan_arguments,
    dry_run,
    labelled_count,
    labelled_sources,
    plan_of,
    train,
)
from train.loop import RunConfig
from train.markers import fill
from train.options import add_run_arguments, run_config
from train.ranking import SETS
from train.sources import add_data_arguments, validation_sources
from train.validate import SCORES, mean_scores

DEFAULTS = RunConfig(
    steps=360, batch_size=12, lr=2e-4, lr_end=0.0, warmup=20, schedule="linear", ema=0.99
)
MARKER = "ablation"  # of documents


class Row(NamedTuple):
    """One line of the table.

    Attributes:
        label: what it is called there.
        terms: None for labelled pictures alone.
        margin: of the feature alignment; None = the command's.
        full: whether labelled pictures fill the batch where there are no others.
        from_photos: whether the frozen encoder has the weights of `--self-supervised`.
    """

    label: str
    terms: Terms | None
    margin: float | None = None
    full: bool = False
    from_photos: bool = False


ROWS: dict[str, Row] = {
    "labelled": Row("labelled only", None),
    "more_labelled": Row("labelled only, as many pictures per step (ours)", None, full=True),
    "unlabeled": Row("+ unlabeled", Terms(True, False, False)),
    "perturbed": Row("+ strong perturbations", Terms(True, True, False)),
    "aligned": Row("+ feature alignment, tolerance margin 0.15", Terms(True, True, True), 0.15),
    "margin_0": Row("— tolerance margin 0", Terms(True, True, True), 0.0),
    "margin_30": Row("— tolerance margin 0.30", Terms(True, True, True), 0.3),
    "from_photos": Row(
        "— frozen encoder learned from the photos (ours)", Terms(True, True, True), 0.15,
        from_photos=True,
    ),
}


MARGINS = ["aligned", "margin_0", "margin_30"]  # rows that differ in it alone


def row_plan(row: Row, plan: Plan, run: RunConfig) -> tuple[Plan, RunConfig]:
    """What differs in this row: terms and margin, and the batch if unlabeled pictures are missing.

    Args:
        run: of the rows with unlabeled pictures; its batch holds both.
    """
    plan = replace(plan, terms=row.terms, margin=plan.margin if row.margin is None else row.margin)
    if row.terms is None and not row.full:
        run = replace(run, batch_size=labelled_count(run.batch_size, plan.ratio))
    return plan, run


def score_row(checkpoint: str | Path, sets: dict[str, list[Sample]], folder: Path, **facts) -> None:
    """Evaluate a checkpoint and write both result files, the summary last."""
    model = load(checkpoint, "cpu").model
    lines = [
        {"set": name} | line for name, group in sets.items() for line in score_lines(model, group)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "results.jsonl").write_text(text)
    scores = {
        name: {"pictures": len(group)} | mean_scores([x for x in lines if x["set"] == name])
        for name, group in sets.items()
    }
    write_json(folder / "results.json", {**facts, "scores": scores})


def table(results: Mapping[str, Mapping]) -> str:
    """Markdown table of the rows that are there, in the order of `ROWS`, the teacher first."""
    first = next(iter(results.values()))["scores"]
    sets = [name for name in [*SETS, *first] if name in first]
    sets = list(dict.fromkeys(sets))
    head = " | ".join(f"{SETS.get(name, name)}: AbsRel | δ₁ error" for name in sets)
    lines = [f"| | {head} |", "|---|" + "---|" * (2 * len(sets))]
    for name in ["teacher", *ROWS]:
        if name not in results:
            continue
        result = results[name]
        cells = [f"{result['scores'][s][score]:.3f}" for s in sets for score in SCORES]
        lines.append(f"| {result['label']} | " + " | ".join(cells) + " |")
    counts = ", ".join(f"{first[name]['pictures']} {SETS.get(name, name)}" for name in sets)
    rows = [results[name] for name in ROWS if name in results]
    steps = sorted({row["steps"] for row in rows})
    note = f"{counts}; disparity aligned by scale and shift; lower is better."
    if rows:
        note += (
            f" {' or '.join(map(str, steps))} steps for each row, {rows[0]['start']};"
            f" {frozen_encoders(rows)}."
        )
    margins = [results[name]["scores"] for name in MARGINS if name in results]
    if len(margins) > 1 and all(scores == margins[0] for scores in margins):
        note += (
            " The tolerance margins give the same numbers: no cell became so similar to the frozen"
            " encoder's that a margin would leave it out."
        )
    return "\n".join([*lines, "", note])


def frozen_encoders(rows: Sequence[Mapping]) -> str:
    """Which frozen encoders the rows have; where they differ, each with its rows' labels."""
    labels: dict[str, list[str]] = {}
    for row in rows:
        if row["encoder"] != "off":
            labels.setdefault(row["encoder"], []).append(row["label"].lstrip("+— "))
    if len(labels) < 2:
        return f"frozen encoder: {next(iter(labels), 'off')}"
    parts = [f"{encoder} ({', '.join(names)})" for encoder, names in labels.items()]
    return "frozen encoders: " + "; ".join(parts)


def main(arguments: list[str] | None = None) -> None:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of all rows")
    parser.add_argument("--rows", nargs="+", choices=sorted(ROWS), default=None,
        help="default: all, from_photos where --self-supervised is given")  # fmt: skip
    parser.add_argument(
        "--self-supervised",
        help="weights of the frozen encoder of from_photos, of the same backbone: trunk.safetensors"
        " of train.depth_anything.self_supervised",
    )
    parser.add_argument("--teacher", help="checkpoint folder whose scores stand in the first line")
    parser.add_argument("--limit", type=int, default=200, help="held-out pictures at most")
    parser.add_argument("--document", type=Path, help="Markdown file with markers")
    add_unlabeled_arguments(parser)
    add_plan_arguments(parser)
    add_data_arguments(parser)
    add_run_arguments(parser, DEFAULTS)
    options = parse_arguments(parser, arguments)

    run = run_config(options, DEFAULTS)
    plan = plan_of(options, ratio=options.ratio, margin=options.margin, place=options.align)
    if options.dry_run:  # of a row with unlabeled pictures
        return print(dry_run(replace(plan, terms=Terms()), run))
    sets = validation_sources(options, options.limit)
    if not sets:
        parser.error("name data to evaluate on: --held-out FOLDER, --real FOLDER or both")
    asked = options.rows or [
        n for n, row in ROWS.items() if options.self_supervised or not row.from_photos
    ]
    rows = [name for name in ROWS if name in asked]
    if "from_photos" in rows and not (options.self_supervised and options.frozen_encoder in TRUNKS):
        parser.error(
            "row from_photos needs --self-supervised FILE and a backbone as --frozen-encoder"
        )
    encoder = encoder_of_options(options)
    if encoder is None and any(ROWS[name].terms and ROWS[name].terms.aligned for name in rows):
        parser.error("rows with feature alignment need --frozen-encoder")
    sources, labels = labelled_sources(options), PseudoLabels(options.labels)
    if options.teacher and not (options.output / "teacher/results.json").is_file():
        facts = {"label": "teacher", "steps": 0, "start": "", "encoder": "off"}
        score_row(options.teacher, sets, options.output / "teacher", **facts)
    for name in rows:
        row, folder = ROWS[name], options.output / name
        if (folder / "results.json").is_file():
            continue
        row_plan_, row_run = row_plan(row, plan, run)
        describe_run(folder, run=row_run, plan=row_plan_, options=vars(options))
        used = encoder if row.terms and row.terms.aligned else None
        if row.from_photos:
            used = frozen_encoder(options.frozen_encoder, options.self_supervised)
        checkpoint = train(row_plan_, row_run, folder, sources, labels if row.terms else None, used)
        score_row(
            checkpoint,
            sets,
            folder,
            label=row.label,
            steps=row_run.steps,
            start="encoder pretrained" if plan.start else "from random weights",
            encoder=used.description if used else "off",
        )
        report(options.output, options.document)
    report(options.output, options.document)


def report(folder: Path, document: Path | None = None) -> None:
    """Gather the rows' summaries into `ablation.json` and `ablation.md`, and into a document."""
    results = {
        name: json.loads((folder / name / "results.json").read_text())
        for name in ["teacher", *ROWS]
        if (folder / name / "results.json").is_file()
    }
    if not results:
        return
    content = table(results)
    write_json(folder / "ablation.json", results)
    (folder / "ablation.md").write_text(content + "\n")
    if document:
        document.write_text(fill(document.read_text(), content, MARKER))


if __name__ == "__main__":
    main()
