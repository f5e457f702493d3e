"""Scores of one sample, their means, and what the report makes of them."""

import json

import numpy as np
import pytest
from PIL import Image

from depthart.metrics import METRICS
from train import report
from train.data.sample import Sample
from train.evaluate import Scorer, evaluate, summarize
from train.floors import constant_guess, mean_map_guess
from train.report import METHODS, average_ranks, ranking_table, scale_curves, source_table
from train.scale_figure import draw_scales
from train.scoring import guess_scores

SIDES = (1, 2, 3, 4, 5, 6, 8, 10, 13, 16)

# Table 1 of the paper: δ1 error and AbsRel on ETH3D, TUM, NYU; on iBims-1 also pe-fla and pe-ori.
TABLE_1 = {
    "GP2": ".230 .175  .427 .247  .162 .125  .162 .121 4.70 12.8",
    "MiDaS": ".203 .160  .325 .207  .143 .116  .140 .112 2.71 10.8",
    "AdaBins": ".235 .184  .323 .206  .141 .115  .161 .125 4.65 12.6",
    "DiT-depth": ".309 .220  .252 .169  .149 .120  .169 .127 2.86 8.71",
    "DPT": ".198 .150  .435 .251  .121 .107  .134 .108 2.97 8.14",
    "VAR": ".245 .285  .396 .294  .185 .141  .177 .133 1.98 9.44",
    "DepthART": ".196 .177  .275 .178  .141 .115  .129 .106 1.91 7.27",
}
RANKS = dict(zip(TABLE_1, (5.2, 3.5, 4.0, 4.3, 2.9, 6.1, 2.1), strict=True))
COLUMNS = ("delta1_error", "abs_rel", "pe_fla", "pe_ori")


def room(planes: bool = True, scene: str = "a") -> Sample:
    """A floor below a box that stands in front of a wall, 48 x 48."""
    rows, columns = np.mgrid[:48, :48]
    floor = 40 / np.maximum(rows + 0.5 - 24, 1)  # y = 1 under a camera with f = 40
    depth = np.minimum(floor, 3).astype(np.float32)
    plane = np.where(floor < 3, 1, 2).astype(np.uint8)
    box = (abs(columns - 20) < 6) & (rows > 8) & (rows < 30)
    depth[box], plane[box] = 1.5, 0
    image = np.repeat((depth * 60).astype(np.uint8)[..., None], 3, axis=2)
    camera = np.float32([40, 40, 24, 24])
    return Sample(image, depth, "rooms", scene, camera if planes else None, plane)


def test_a_right_map_at_another_scale_has_no_error():
    sample = room()
    scores = Scorer(sample).all_scores(0.2 * sample.depth)
    assert scores["alignment"] == "scale"
    zero = {"abs_rel", "delta1_error", "rmse", "log10", "silog", "dbe_acc", "dbe_com"}
    for name in zero:
        assert scores[name] == pytest.approx(0, abs=1e-4), name
    assert scores["delta1"] == scores["delta2"] == scores["delta3"] == 1
    assert scores["pe_fla"] == pytest.approx(0, abs=1e-3)
    assert scores["pe_ori"] == pytest.approx(0, abs=1e-2)


def test_the_alignment_is_that_of_the_kind():
    sample = room()
    disparity = (1 / sample.depth + 0.5).astype(np.float32)
    scorer = Scorer(sample)
    assert scorer.abs_rel(disparity, "disparity") == pytest.approx(0, abs=1e-5)
    assert scorer.all_scores(disparity, "disparity")["alignment"] == "disparity"
    assert scorer.abs_rel(disparity) > 0.1
    assert scorer.abs_rel(2 * sample.depth, "none") == pytest.approx(1)


def test_a_flat_guess_is_wrong_about_floor_and_edges():
    scores = Scorer(room()).all_scores(np.ones((16, 16), np.float32))
    assert scores["dbe_acc"] == scores["dbe_com"] == 10
    assert scores["pe_fla"] == pytest.approx(0, abs=1e-3)
    assert scores["pe_ori"] == pytest.approx(45, abs=0.1)  # floor off by 90 degrees, wall by 0


def test_unmeasured_pixels_do_not_count():
    sample = room(planes=False)
    guess = sample.depth.copy()
    guess[:, :5] = 9
    sample.depth[:, :5] = 0
    assert Scorer(sample).abs_rel(guess) == pytest.approx(0, abs=1e-6)


@pytest.fixture(scope="module")
def lines(tiny_model):
    sets = {"rendered": [room()], "real_dev": [room(planes=False)]}
    return list(evaluate(tiny_model, sets, ("argmax",)))


def test_lines_have_all_scores(lines):
    assert [line["method"] for line in lines] == 2 * ["constant", "ramp", "vqvae", "model/argmax"]
    for line in lines:
        assert METRICS.keys() | {"dbe_acc", "dbe_com"} <= line.keys()
        assert ({"pe_fla", "pe_ori"} <= line.keys()) == (line["set"] == "rendered")
        if line["method"] in ("vqvae", "model/argmax"):
            assert line["abs_rel_per_scale"][-1] == pytest.approx(line["abs_rel"], abs=1e-5)
            assert len(line["abs_rel_per_scale"]) == len(SIDES)
    assert len(lines[3]["entropy_per_scale"]) == len(SIDES)
    assert json.loads(json.dumps(lines)) == lines  # plain numbers only


def test_the_mean_map_is_that_of_the_training_pairs(tmp_path):
    """Maps that differ by a factor alone have one mean, and it is no error to guess it."""
    near, far = room(), room()
    far.depth = 3 * far.depth
    far.depth[:3] = 0  # not measured
    guess = mean_map_guess([[near], [far]])
    scores = guess_scores(guess, near, 64)
    assert scores["abs_rel"] < 0.02 < guess_scores(constant_guess, near, 64)["abs_rel"]
    with pytest.raises(ValueError, match="mean map"):
        far.depth[:] = 0
        mean_map_guess([[far]])


def test_errors_of_each_source_stand_in_the_card(lines):
    more = [line | {"dataset": "other", "abs_rel": 0.5} for line in lines]
    assert source_table(lines, "model/argmax") == ""  # one source says nothing new
    rows = source_table([*lines, *more], "model/argmax").splitlines()
    assert rows[0].startswith("| AbsRel of | pictures | constant guess | far-top")
    assert "mean map" not in rows[0]
    mine = next(row["abs_rel"] for row in lines[4:] if row["method"] == "model/argmax")
    assert rows[2] == "| other | 1 | 0.500 | 0.500 | 0.500 |"
    assert rows[3].endswith(f"| {mine:.3f} |")


def test_means_are_over_scenes_and_over_those_with_the_score():
    where = {"set": "s", "dataset": "d", "method": "m", "alignment": "scale"}
    lines = [
        where | {"scene": "a", "abs_rel": 0.1},
        where | {"scene": "a", "abs_rel": 0.3, "pe_fla": 4.0},
        where | {"scene": "b", "abs_rel": 0.6},
    ]
    means = summarize(lines)["s"]["m"]
    assert means == {"pictures": 3, "alignment": "scale", "abs_rel": 0.4, "pe_fla": 4.0}


def test_ranks_are_those_of_table_1():
    scores = {}
    for model, text in TABLE_1.items():
        numbers = iter(map(float, text.split()))
        counts = {"ETH3D": 2, "TUM": 2, "NYU": 2, "iBims-1": 4}
        scores[model] = {
            name: {c: next(numbers) for c in COLUMNS[:n]} for name, n in counts.items()
        }
    ranks = average_ranks(scores)
    assert sum(ranks.values()) == pytest.approx(7 * 4)
    for model, published in RANKS.items():
        assert ranks[model] == pytest.approx(published, abs=0.11), model
    table = ranking_table(scores)
    assert "| DepthART | 0.196 | 0.177 |" in table
    assert "1.91 | 7.27 | 2.0 |" in table


def test_ties_share_places_and_accuracies_count_upwards():
    def ranks(column, **values):
        return average_ranks({m: {"set": {column: v}} for m, v in values.items()})

    assert ranks("abs_rel", a=0.2, b=0.1, c=0.2) == {"a": 2.5, "b": 1, "c": 2.5}
    assert ranks("delta1", a=0.2, b=0.1, c=0.2) == {"a": 1.5, "b": 3, "c": 1.5}
    with pytest.raises(ValueError, match="b and a differ"):
        average_ranks({"a": {"set": {"abs_rel": 1}}, "b": {"set": {"rmse": 1}}})


def test_ranking_uses_what_all_models_have():
    one = {"rendered": {"abs_rel": 0.1, "pe_fla": 2.0}, "other": {"abs_rel": 1.0}}
    two = {"rendered": {"abs_rel": 0.2}}
    table = ranking_table({"one": one, "two": two}).splitlines()
    assert table[0] == "| | held-out rendered scenes: AbsRel | rank |"
    assert table[2:] == ["| one | 0.100 | 1.0 |", "| two | 0.200 | 2.0 |"]
    with pytest.raises(ValueError, match="common data set"):
        ranking_table({"one": {"other": {"abs_rel": 1.0}}, "two": two})


def write_checkpoint(folder, lines):
    folder.mkdir()
    config = {"default_sampler": "argmax", "vqvae": {"sides": SIDES}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "results.json").write_text(json.dumps(summarize(lines)))
    return folder


def test_curves_of_one_checkpoint_and_of_several(lines, tmp_path):
    one = write_checkpoint(tmp_path / "one", lines)
    two = write_checkpoint(tmp_path / "two", lines)
    limit = METHODS["vqvae"]
    alone = scale_curves({"one": one})
    assert list(alone) == ["rendered", "real_dev"]
    assert set(alone["rendered"]) == {METHODS["model/argmax"], limit}
    assert set(scale_curves({"A": one, "B": two})["rendered"]) == {"A", "B", limit}


def test_report_draws_and_ranks(lines, tmp_path):
    one = write_checkpoint(tmp_path / "one", lines)
    two = write_checkpoint(tmp_path / "two", lines)
    document = tmp_path / "card.md"
    document.write_text("<!-- results -->\n<!-- /results -->\n")
    report.main([str(one), str(document), "--label", "A", "--compare", f"B={two}"])
    text = document.read_text()
    assert "predictions aligned by scale;" in text
    assert [row[-6:] for row in text.splitlines() if row.startswith(("| A |", "| B |"))] == [
        " 1.5 |",
        " 1.5 |",
    ]
    pixels = np.asarray(Image.open(one / "figure4.png").convert("RGB")).reshape(-1, 3)
    for color in ((0, 0x72, 0xB2), (0xD5, 0x5E, 0), (0x59, 0x63, 0x6E)):  # A, B and the limit
        assert (pixels == color).all(axis=1).sum() > 100, color
    with pytest.raises(SystemExit):
        report.main([str(one), str(document), "--compare", str(two)])


def test_a_figure_needs_fitting_curves(tmp_path):
    with pytest.raises(ValueError, match="no scores per scale"):
        draw_scales({"set": {}}, SIDES, tmp_path / "f.png", "limit")
    with pytest.raises(ValueError, match="2 values"):
        draw_scales({"set": {"m": {"abs_rel_per_scale": [1, 2]}}}, SIDES, tmp_path / "f.png", "l")
