"""What Depth Anything's commands share with all others: dry runs, TensorBoard, refused options."""

import argparse
import json

import numpy as np
import pytest
from PIL import Image

from tests.test_depth_anything_training import data as data
from train.depth_anything import ablation, metric, self_supervised, student, teacher
from train.depth_anything.network import architecture, fresh
from train.depth_anything.training import FAMILY
from train.sources import add_data_arguments, training_sources, validation_sources

TINY = ["--architecture", "tiny", "--batch-size", "3"]


@pytest.fixture(scope="module")
def relative(tmp_path_factory):
    from depthart.baselines.predictor import save_network

    return save_network(FAMILY, fresh(architecture("tiny"), None, 0), tmp_path_factory.mktemp("r"))


def test_dry_runs_need_neither_data_nor_labels(relative, tmp_path, capsys):
    commands = {
        teacher: TINY,
        student: [*TINY, "--labels", "nowhere", "--frozen-encoder", "facebook/dinov2-small"],
        ablation: [*TINY, "--labels", "nowhere"],
        metric: ["--start", str(relative), "--batch-size", "1"],
        self_supervised: ["--photos", "nowhere", "--batch-size", "2", "--image-size", "64"],
    }
    for command, flags in commands.items():
        command.main(["-o", str(tmp_path / "run"), *flags, "--dry-run"])
        text = capsys.readouterr().out
        assert "GFLOP" in text and " 0.0 GFLOP" not in text, command.__name__
    assert not (tmp_path / "run").exists()


def test_tensorboard_gets_pictures(data, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    flags = [*TINY, "--steps", "1", "--device", "cpu", "--tensorboard", *data]
    teacher.main(["-o", str(tmp_path), *flags])
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert {"rendered/photo", "rendered/truth", "rendered/prediction"} == set(
        events.Tags()["images"]
    )


def test_squares_are_refused(data, relative, tmp_path):
    for command, flags in ((teacher, TINY), (metric, ["--start", str(relative)])):
        with pytest.raises(ValueError, match="keep their aspect ratio"):
            command.main(["-o", str(tmp_path), *flags, "--resident", *data])


def test_metres_are_told_from_other_units(tmp_path):
    """A metric network must not learn, nor be judged by, depth in an unknown unit."""
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "rgb.png")
    Image.fromarray(np.full((8, 8), 1000, np.uint16)).save(tmp_path / "depth.png")
    entries = [
        {"id": f"{split}-{kind}", "rgb": "rgb.png", "depth": "depth.png", "unit_m": 0.001}
        | {"split": split, "depth_kind": kind, "dataset": kind, "scene": "a"}
        for split in ("train", "dev")
        for kind in ("scale", "metric")
    ]
    (tmp_path / "manifest.json").write_text(json.dumps(entries))
    parser = argparse.ArgumentParser()
    add_data_arguments(parser)
    options = parser.parse_args(["--real", str(tmp_path), "--validate", f"rgbd={tmp_path}"])
    for wanted, kinds in ((True, {"metric"}), (False, {"scale", "metric"})):
        (source, _), *_ = training_sources(options, metric=wanted)
        assert {source[i].dataset for i in range(len(source))} == kinds
        for samples in validation_sources(options, metric=wanted).values():
            assert {sample.dataset for sample in samples} == kinds
    (tmp_path / "manifest.json").write_text(json.dumps(entries[:1]))
    with pytest.raises(ValueError, match="no pairs in metres"):
        training_sources(options, metric=True)
