"""Several models on the same pictures, and the table made of them."""

import json

import pytest
import torch

from depthart import registry
from depthart.baselines.network import build_network
from depthart.baselines.predictor import save_network
from depthart.predictor import save_model
from depthart.trunks import TRUNKS, Stage
from tests.floors import write_floors
from train import evaluate, report
from train.evaluate_models import chosen_models, label_of, table_alignment
from train.published import COLUMNS, RANKS, TABLE_1
from train.ranking import average_ranks
from train.table1 import equal_ranks, order_note, table_1


@pytest.fixture(scope="module")
def results(tmp_path_factory, tiny_model):
    """Results of three models in a folder of checkpoints, through the commands."""
    folder = tmp_path_factory.mktemp("table")
    data = str(write_floors(folder / "data", count=4))
    with pytest.MonkeyPatch.context() as patch:
        stages = (Stage(1, 8, 1, 1), *(Stage(2, c, 1, 2) for c in (8, 16, 16, 32)))
        patch.setitem(TRUNKS, "tiny", stages)
        patch.setattr(registry, "CHECKPOINTS", folder / "checkpoints")
        torch.manual_seed(0)
        for name, family, kind in (
            ("midas-small", "midas", "scale_invariant"),
            ("mine", "midas", "disparity"),
        ):
            values = {"trunk": "tiny", "image_size": 64, "features": 8, "kind": kind}
            save_network(family, build_network(family, values), folder / "checkpoints" / name)
        save_model(tiny_model, folder / "checkpoints/depthart-small")
        out = ["-o", str(folder / "out"), "--limit", "3", "--data", f"rendered={data}"]
        evaluate.main(["--models", "all", *out])
        first = (folder / "out/results.jsonl").read_text()
        evaluate.main(["--models", "mine", "--keep", *out])
    return folder / "out", first


def lines_of(text):
    return [json.loads(line) for line in text.splitlines()]


def test_every_model_and_floor_has_a_line_per_picture(results):
    lines = lines_of(results[1])
    methods = ["constant", "ramp", "depthart-small", "midas-small", "mine"]
    assert list(dict.fromkeys(line["method"] for line in lines)) == methods
    assert len(lines) == 3 * len(methods)
    by_method = {line["method"]: line for line in lines}
    assert by_method["constant"]["family"] == "floor"
    assert by_method["mine"]["kind"] == by_method["mine"]["alignment"] == "disparity"
    assert by_method["midas-small"]["alignment"] == "scale"
    assert "abs_rel_per_scale" not in by_method["midas-small"]
    assert len(by_method["depthart-small"]["entropy_per_scale"]) == 10
    assert {"abs_rel", "delta1_error", "pe_fla", "pe_ori"} <= by_method["mine"].keys()


def test_sharpened_depth_gets_lines_of_its_own(results, tmp_path):
    """Beside the model's own, which stay as they are, and outside of Table 1."""
    out = results[0].parent
    data = ["--limit", "3", "--data", f"rendered={out / 'data'}"]
    model = str(out / "checkpoints/depthart-small")
    evaluate.main(["--models", model, "--sharpened", "-o", str(tmp_path), *data])
    lines = {line["method"]: line for line in lines_of((tmp_path / "results.jsonl").read_text())}
    own, sharp = lines["depthart-small"], lines["depthart-small/sharpened"]
    before = [line for line in lines_of(results[1]) if line["method"] == "depthart-small"][-1]
    assert own["abs_rel"] == before["abs_rel"] != sharp["abs_rel"]
    assert {"abs_rel", "delta1_error", "dbe_acc", "pe_fla"} <= sharp.keys() and "seconds" in own
    table = table_1(json.loads((tmp_path / "results.json").read_text()))
    assert "depthart-small" in table and "sharpened" not in table


def test_a_model_measured_anew_leaves_the_others(results):
    folder, first = results
    now = lines_of((folder / "results.jsonl").read_text())

    def key(line):
        return line["method"], line["picture"]

    same = [{k: v for k, v in line.items() if k != "seconds"} for line in sorted(now, key=key)]
    before = [
        {k: v for k, v in line.items() if k != "seconds"}
        for line in sorted(lines_of(first), key=key)
    ]
    assert same == before


def test_the_table_is_made_of_the_lines(results, capsys, tmp_path):
    document = tmp_path / "page.md"
    document.write_text("a\n<!-- table 1 -->\n<!-- /table 1 -->\nb\n")
    report.main([str(results[0]), str(document)])
    printed = capsys.readouterr().out
    assert printed.strip() in document.read_text() and document.read_text().endswith("b\n")
    summary = json.loads((results[0] / "results.json").read_text())["rendered"]
    row = next(row for row in printed.splitlines() if row.startswith("| midas-small |"))
    means = summary["midas-small"]
    assert f"| {means['delta1_error']:.3f} | {means['abs_rel']:.3f} |" in row
    assert "| constant (trivial guesses) |" in printed and "| mine (trained here) |" in printed
    assert "mine (disparity), which fit one number more" in printed
    assert "| DepthART (published) | 0.196 | 0.177 |" in printed
    assert "(ours)" not in printed  # nothing of ours on the paper's data sets
    assert "Order by rank, the paper's: DepthART, MiDaS; ours: " in printed


def test_ranks_are_among_equals(results):
    summary = json.loads((results[0] / "results.json").read_text())
    ranks = equal_ranks(summary)
    assert set(ranks) == {"depthart-small", "midas-small"}
    assert sum(ranks.values()) == pytest.approx(3)


def scores(**abs_rel):
    """A summary of one data set of the paper."""
    return {
        "nyuv2": {
            name: {
                "pictures": 2,
                "family": "baseline",
                "alignment": "scale",
                "abs_rel": value,
                "delta1_error": value,
            }
            for name, value in ((k.replace("_", "-"), v) for k, v in abs_rel.items())
        }
    }


def test_our_numbers_stand_below_the_published():
    text = table_1(scores(midas_small=0.25, dpt_small=0.5))
    rows = text.splitlines()
    published = next(i for i, row in enumerate(rows) if row.startswith("| MiDaS (published) |"))
    assert rows[published + 1].startswith("| midas-small (ours) | – | – | – | – | 0.250 | 0.250 |")


def test_a_different_order_is_told():
    same = {"dpt-small": 1.0, "midas-small": 2.0}
    assert order_note(same).endswith("The orders agree.")
    swapped = {"dpt-small": 2.0, "midas-small": 1.0, "gp2-small": 3.0}
    assert order_note(swapped).endswith("Unlike in the paper, DPT is behind MiDaS.")
    assert order_note({"dpt-small": 1.0}) == ""


def test_published_numbers_give_the_published_ranks():
    assert all(set(rows) == set(COLUMNS) for rows in TABLE_1.values())
    for model, rank in average_ranks(TABLE_1).items():
        assert rank == pytest.approx(RANKS[model], abs=0.11)


def test_alignment_is_the_papers():
    assert table_alignment("metric") == table_alignment("scale_invariant") == "scale"
    assert table_alignment("disparity") == "disparity"


def test_nothing_to_evaluate(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "CHECKPOINTS", tmp_path)
    with pytest.raises(ValueError, match="no model is available"):
        chosen_models(["all"])
    assert chosen_models(["a", "a", "b"]) == ["a", "b"]
    for name in ("one/model", "two/model", "three", "four/three"):
        (tmp_path / name).mkdir(parents=True)
    runs = [str(tmp_path / "one/model"), str(tmp_path / "two/model")]
    assert [label_of(run) for run in chosen_models(runs)] == ["one", "two"]
    with pytest.raises(ValueError, match="two of the models are called three"):
        chosen_models([str(tmp_path / "three"), str(tmp_path / "four/three")])
    with pytest.raises(ValueError, match="no results of models"):
        table_1({"rendered": {}})
    with pytest.raises(FileNotFoundError, match="no results in"):
        report.main([str(tmp_path)])
    with pytest.raises(SystemExit):
        evaluate.main(["--models", "all"])
    with pytest.raises(SystemExit):
        evaluate.main(["--model", "depthart-small", "--real", "x"])
