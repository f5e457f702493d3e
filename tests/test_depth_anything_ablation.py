"""The ablation on tiny networks: rows resume, share what they share, and end in a table."""

import json
from pathlib import Path

import pytest
import torch

from tests.test_depth_anything_training import data as data
from tests.test_depth_anything_training import labels as labels
from tests.test_depth_anything_training import trunk as trunk
from train.depth_anything import ablation
from train.depth_anything.ablation import MARGINS, ROWS, frozen_encoders, row_plan, table
from train.depth_anything.network import architecture
from train.depth_anything.training import Plan
from train.loop import RunConfig
from train.markers import fill


def test_rows_differ_in_nothing_but_their_terms():
    plan, run = Plan(architecture("tiny"), margin=0.2), RunConfig(batch_size=12)
    plans = {name: row_plan(row, plan, run) for name, row in ROWS.items()}
    batches = {name: part[1].batch_size for name, part in plans.items()}
    assert batches["labelled"] == 4  # what the others have of labelled pictures
    assert {batches[name] for name in ROWS if name != "labelled"} == {12}
    assert {part[1].steps for part in plans.values()} == {1000}
    assert [plans[name][0].margin for name in (*MARGINS, "from_photos")] == [
        0.15, 0.0, 0.3, 0.15
    ]  # fmt: skip
    assert len({repr(part[0].network) for part in plans.values()}) == 1


def test_rows_are_trained_once_and_end_in_a_table(data, labels, trunk, tmp_path, monkeypatch):
    document = tmp_path / "README.md"
    document.write_text("before\n<!-- ablation -->\nold\n<!-- /ablation -->\nafter\n")
    folder = tmp_path / "rows"
    command = ["-o", str(folder), "--labels", str(labels), "--architecture", "tiny", *data]
    command += ["--steps", "1", "--batch-size", "3", "--device", "cpu", "--trunk", trunk]
    command += ["--frozen-encoder", "efficientnet_lite0", "--limit", "2"]
    command += ["--document", str(document)]
    ablation.main([*command, "--rows", "labelled", "aligned"])
    trained = []
    monkeypatch.setattr(
        ablation, "train", lambda *a, real=ablation.train: trained.append(a[2].name) or real(*a)
    )
    teacher = ["--teacher", str(folder / "labelled/model")]
    ablation.main([*command, "--rows", "labelled", "perturbed", "aligned", *teacher])
    assert trained == ["perturbed"]
    results = json.loads((folder / "ablation.json").read_text())
    assert list(results) == ["teacher", "labelled", "perturbed", "aligned"]
    assert results["teacher"]["scores"] == results["labelled"]["scores"]
    assert results["aligned"]["encoder"].startswith("efficientnet_lite0 trunk")
    lines = (folder / "perturbed/results.jsonl").read_text().splitlines()
    assert len(lines) == 2 and json.loads(lines[0])["alignment"] == "disparity"
    text = document.read_text()
    error = results["perturbed"]["scores"]["rendered"]["abs_rel"]
    assert f"| + strong perturbations | {error:.3f} |" in text
    assert "old" not in text and text.startswith("before") and text.endswith("after\n")
    start = [
        torch.load(folder / n / "state.pt", weights_only=True) for n in ("labelled", "aligned")
    ]
    assert set(start[0]["module"]) < set(start[1]["module"])


def test_a_table_of_what_is_there():
    scores = {"real_dev": {"pictures": 41, "abs_rel": 0.1234, "delta1_error": 0.2}}
    facts = {"steps": 9, "start": "encoder pretrained", "encoder": "off"}
    text = table({"unlabeled": {"label": "+ unlabeled", "scores": scores, **facts}})
    assert "| + unlabeled | 0.123 | 0.200 |" in text
    assert "41 real photos (dev split)" in text and "9 steps" in text


def test_margins_without_effect_are_told():
    def result(error):
        scores = {"real_dev": {"pictures": 41, "abs_rel": error, "delta1_error": 0.2}}
        return {"label": "x", "scores": scores, "steps": 9, "start": "", "encoder": "trunk"}

    same = {"aligned": result(0.1), "margin_0": result(0.1)}
    assert "margins give the same numbers" in table(same)
    assert "same numbers" not in table(same | {"margin_30": result(0.2)})
    assert "same numbers" not in table({"aligned": result(0.1), "perturbed": result(0.1)})


def test_frozen_encoders_that_differ_are_told_apart():
    def row(label, encoder):
        return {"label": label, "encoder": encoder}

    rows = [
        row("labelled only", "off"),
        row("+ aligned", "lite2 (a)"),
        row("— margin 0", "lite2 (a)"),
    ]
    assert frozen_encoders(rows[:1]) == "frozen encoder: off"
    assert frozen_encoders(rows) == "frozen encoder: lite2 (a)"
    told = frozen_encoders([*rows, row("— from the photos", "lite2 (b)")])
    assert told == "frozen encoders: lite2 (a) (aligned, margin 0); lite2 (b) (from the photos)"


def test_a_row_of_its_own_for_an_encoder_from_photos(data, labels, trunk, tmp_path):
    weights = tmp_path / "own.safetensors"
    weights.write_bytes(Path(trunk).read_bytes())
    command = [
        "-o",
        str(tmp_path / "rows"),
        "--labels",
        str(labels),
        "--architecture",
        "tiny",
        *data,
    ]
    command += ["--steps", "1", "--batch-size", "3", "--device", "cpu", "--trunk", trunk]
    command += ["--frozen-encoder", "efficientnet_lite0", "--limit", "2", "--rows", "from_photos"]
    with pytest.raises(SystemExit):
        ablation.main(command)
    ablation.main([*command, "--self-supervised", str(weights)])
    results = json.loads((tmp_path / "rows/ablation.json").read_text())
    assert "(own)" in results["from_photos"]["encoder"]


def test_what_is_missing_is_said(data, labels, tmp_path):
    command = ["-o", str(tmp_path), "--labels", str(labels), "--architecture", "tiny"]
    with pytest.raises(SystemExit):
        ablation.main([*command, *data[:2]])  # nothing to evaluate on
    with pytest.raises(SystemExit):
        ablation.main([*command, *data])  # alignment without an encoder
    with pytest.raises(ValueError, match="no <!-- ablation --> ... <!-- /ablation --> to fill"):
        fill("nothing here", "x", "ablation")
