"""Pseudo-labels: what is written is read, by any number of workers, whatever happens to them."""

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from depthart.config import DepthARTConfig
from depthart.images import open_photo, to_model_input
from depthart.predictor import save_model
from train.data import pseudo_labels as shards
from train.data.pseudo_depth import PseudoDepth
from train.data.pseudo_labels import PseudoLabel, PseudoLabels
from train.data.sample import Sample
from train.dense import DenseDepth, load_dense, save_dense
from train.depth_anything import calibrate, pseudo_label
from train.depth_anything.disparity_pairs import DisparityPairs
from train.depth_anything.pictures import jobs
from train.depth_anything.teacher_model import Teacher

ROOT = Path(__file__).resolve().parents[1]


def photos(folder, count, broken=()):
    """Small JPEG pictures of different sizes."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(count):
        path = folder / f"photo_{i:03d}.jpg"
        if i in broken:
            path.write_bytes(b"no picture at all")
        else:
            pixels = rng.integers(0, 255, (40 + i % 3, 50, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path, quality=95)
    return folder


@pytest.fixture(scope="module")
def teacher(tiny_model, tmp_path_factory):
    """A checkpoint folder; of depth, so that its labels are 1 / depth."""
    return str(save_model(tiny_model, tmp_path_factory.mktemp("teacher") / "model"))


def label(teacher, pictures, output, *more):
    pseudo_label.main([teacher, str(pictures), "-o", str(output), "--device", "cpu", *more])


def contents(folder):
    """{key: (bytes of the picture, disparity)} of every shard, each key once."""
    found = {}
    for path in sorted(Path(folder).glob("labels_*.tar")):
        with tarfile.open(path) as tar:
            groups = {}
            for member in tar:
                number, _, part = member.name.partition(".")
                groups.setdefault(number, {})[part] = tar.extractfile(member).read()
        for parts in groups.values():
            key = json.loads(parts["meta.json"])["key"]
            assert key not in found, f"{key} is there twice"
            disparity = np.asarray(Image.open(io.BytesIO(parts["disparity.png"])), np.int64)
            found[key] = parts["image.jpg"], disparity
    return found


def test_a_label_survives_writing():
    rng = np.random.default_rng(0)
    disparity = rng.random((6, 8)).astype(np.float32) * 30
    disparity[0] = 0
    image = np.full((12, 16, 3), 130, np.uint8)
    back = shards.decode(shards.encode(PseudoLabel(image, disparity, "a.jpg")))
    assert back.key == "a.jpg" and back.image.shape == (12, 16, 3)
    np.testing.assert_allclose(back.disparity, disparity, atol=disparity.max() / 65535)
    assert (back.disparity[0] == 0).all()
    with pytest.raises(ValueError, match="a.jpg"):
        shards.encode(PseudoLabel(image, disparity - 1, "a.jpg"))


def test_a_folder_becomes_shards_and_shards_are_read(teacher, tmp_path, capsys):
    folder = photos(tmp_path / "in", 7, broken=[2])
    label(teacher, folder, tmp_path / "out", "--per-shard", "3", "--store-side", "20")
    assert "complete" in capsys.readouterr().out
    assert json.loads((tmp_path / "out/index.json").read_text()) == [
        {"file": "labels_000000.tar", "samples": 2},
        {"file": "labels_000001.tar", "samples": 3},
        {"file": "labels_000002.tar", "samples": 1},
    ]
    skipped = json.loads((tmp_path / "out/labels_000000.json").read_text())["skipped"]
    assert [key for key, _ in skipped] == ["photo_002.jpg"]
    found = PseudoLabels(tmp_path / "out")
    assert [found[i].key for i in range(len(found))] == [
        f"photo_{i:03d}.jpg" for i in (0, 1, 3, 4, 5, 6)
    ]
    assert found[5].image.shape == (20, 25, 3)
    expected = Teacher(teacher, "cpu").predictor.predict(folder / "photo_006.jpg").depth
    np.testing.assert_allclose(1 / found[5].disparity, expected, rtol=0.02)
    with pytest.raises(IndexError):
        found[6]


def test_shards_of_pictures_are_labelled_shard_by_shard(teacher, tmp_path):
    folder = photos(tmp_path / "in", 5)
    packed = tmp_path / "packed"
    packed.mkdir()
    files = sorted(folder.iterdir())
    for number, part in enumerate((files[:3], files[3:])):
        with tarfile.open(packed / f"set-{number:03d}.tar", "w") as tar:
            for path in part:
                tar.add(path, path.name)
                note = tarfile.TarInfo(path.stem + ".txt")
                note.size = 4
                tar.addfile(note, io.BytesIO(b"text"))
    label(teacher, packed, tmp_path / "out")
    assert list(contents(tmp_path / "out")) == [
        *(f"000000/photo_{i:03d}.jpg" for i in (0, 1, 2)),
        *(f"000001/photo_{i:03d}.jpg" for i in (3, 4)),
    ]
    for prefix in ("", "pipe:cat ", "file:"):
        found = jobs(f"{prefix}{packed}/set-{{000..001}}.tar", 1)
        assert [job.source[0][-11:] for job in found] == ["set-000.tar", "set-001.tar"]
        keys = [picture.key for picture in found[1].pictures()]
        assert keys == ["000001/photo_003.jpg", "000001/photo_004.jpg"]


def test_dense_regression_is_a_teacher_of_depth(tmp_path):
    config = DepthARTConfig.preset("tiny").image_encoder
    folder = save_dense(config, DenseDepth(config).state_dict(), tmp_path / "dense")
    label(str(folder), photos(tmp_path / "photos", 3), tmp_path / "labels")
    dense = load_dense(folder)
    for stored in PseudoLabels(tmp_path / "labels"):
        photo = open_photo(tmp_path / "photos" / stored.key)
        with torch.no_grad():
            depth = dense.depth(to_model_input(photo))[0].numpy()
        np.testing.assert_allclose(stored.disparity, 1 / depth, rtol=1e-3)


def test_other_settings_do_not_mix_into_a_folder(teacher, tmp_path):
    folder = photos(tmp_path / "in", 2)
    label(teacher, folder, tmp_path / "out")
    label(teacher, folder, tmp_path / "out")  # the same again: nothing to do
    with pytest.raises(ValueError, match="store_side 384 -> 100"):
        label(teacher, folder, tmp_path / "out", "--store-side", "100")
    photo = (folder / "photo_000.jpg").read_bytes()
    (folder / "photo_009.jpg").write_bytes(photo)
    with pytest.raises(ValueError, match="names"):
        label(teacher, folder, tmp_path / "out")


def test_what_is_missing_is_named(tmp_path):
    tmp_path.joinpath("labels_000000.tar").touch()
    with pytest.raises(FileNotFoundError, match=r"1 shards are there"):
        PseudoLabels(tmp_path)
    with pytest.raises(ValueError, match="one kind"):
        (tmp_path / "a.jpg").touch()
        jobs(str(tmp_path), 5)
    with pytest.raises(FileNotFoundError, match="no pictures"):
        jobs(str(tmp_path / "nowhere"), 5)
    with pytest.raises(ValueError, match="one picture"):
        jobs(str(tmp_path), 0)


def test_workers_are_told_by_the_launcher(monkeypatch):
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert pseudo_label.this_worker("cpu") == (2, 4, "cpu")
    monkeypatch.setenv("RANK", "4")
    with pytest.raises(ValueError, match="4 workers"):
        pseudo_label.this_worker("cpu")


def test_a_failure_leaves_no_half_shard(tmp_path):
    def fails():
        yield PseudoLabel(np.zeros((4, 4, 3), np.uint8), np.ones((4, 4), np.float32), "a")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        shards.write_shard(tmp_path, 0, fails(), [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_worker_is_killed_and_the_rest_is_done_later(teacher, tmp_path):
    """Two processes; one is killed in the middle. Nothing is lost, doubled or different."""
    folder = photos(tmp_path / "in", 24)
    whole, out = tmp_path / "whole", tmp_path / "out"
    label(teacher, folder, whole, "--per-shard", "2")

    def start(rank):
        environment = {
            **os.environ, "RANK": str(rank), "WORLD_SIZE": "2", "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE",
        }  # fmt: skip
        module = "train.depth_anything.pseudo_label"
        command = [sys.executable, "-m", module, teacher, str(folder), "-o", str(out)]
        return subprocess.Popen(
            [*command, "--per-shard", "2", "--device", "cpu"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    workers = [start(0), start(1)]
    first_of_worker_1 = out / "labels_000001.tar"
    deadline = time.monotonic() + 120
    while not first_of_worker_1.exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    workers[1].send_signal(signal.SIGKILL)
    assert workers[1].wait() == -signal.SIGKILL
    assert workers[0].wait(120) == 0
    done = {int(path.stem[-6:]) for path in out.glob("labels_*.tar")}
    assert {0, 2, 4, 6, 8, 10} <= done and done != set(range(12)), "killed too late to tell"
    assert not (out / "index.json").exists()

    before = {path.name: path.stat().st_mtime_ns for path in out.glob("labels_*.tar")}
    outputs = [worker.communicate(timeout=120)[0] for worker in [start(0), start(1)]]
    assert "complete" in "".join(outputs)
    assert len(PseudoLabels(out)) == 24
    expected, found = contents(whole), contents(out)
    assert found.keys() == expected.keys()
    for key, (picture, disparity) in expected.items():
        assert found[key][0] == picture
        # 16 bits; the sums of one and of several threads differ in the last place
        np.testing.assert_allclose(found[key][1], disparity, atol=8)
    after = {path.name: path.stat().st_mtime_ns for path in out.glob("labels_*.tar")}
    assert {name: after[name] for name in before} == before  # what was done is not done again


# ---- as data for other training ----------------------------------------------------------------


def test_labels_as_depth_up_to_scale(tmp_path):
    disparity = np.ones((20, 20), np.float32)
    disparity[0, :10] = 0.5
    disparity[1, :5] = 0.01  # beyond 1 / 0.02 times the nearest
    image = np.zeros((20, 20, 3), np.uint8)
    shards.write_shard(tmp_path, 0, [PseudoLabel(image, disparity * 7, "a")], [])
    shards.write_index(tmp_path, 1)
    sample = PseudoDepth(tmp_path)[0]
    np.testing.assert_allclose(sample.depth[0], [2] * 10 + [1] * 10, rtol=1e-3)
    assert (sample.depth[1] == [0] * 5 + [1] * 15).all()
    assert sample.counted().sum() == 395
    with pytest.raises(ValueError, match="share"):
        PseudoDepth(tmp_path, floor=0)


def test_the_shift_of_a_teacher_is_measured_and_used(tmp_path):
    depth = np.linspace(1, 4, 400, dtype=np.float32).reshape(20, 20)
    image = np.zeros((20, 20, 3), np.uint8)
    disparity = (1 / depth - 0.2) * 30  # 0.2 is missing, at a peak of 0.8

    class Says:
        def disparities(self, pictures):
            return [disparity * (i + 1) for i in range(len(pictures))]

    samples = [Sample(image, depth * factor, "a", "b") for factor in (1, 3)]
    found = calibrate.measure(Says(), samples)
    assert found["shift"] == pytest.approx(0.25, rel=0.01) and found["pictures"] == 2
    shards.write_json(tmp_path / "calibration.json", found)
    shards.write_shard(tmp_path, 0, [PseudoLabel(image, disparity, "a")], [])
    shards.write_index(tmp_path, 1)
    made = PseudoDepth(tmp_path)[0].depth
    np.testing.assert_allclose(made / made[0, 0], depth, rtol=0.01)
    assert calibrate.shift_of(depth, samples[0]) is None  # runs the wrong way
    with pytest.raises(ValueError, match="any picture"):
        calibrate.measure(Says(), [Sample(image, 5 - depth, "a", "b")])


def test_pairs_of_disparity_are_read_as_they_stand(tmp_path):
    Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(np.array([[0, 100], [200, 400]], np.uint16)).save(tmp_path / "d.png")
    entry = {"split": "train", "depth_kind": "disparity_affine", "rgb": "a.png", "depth": "d.png",
             "dataset": "x", "scene": "y"}  # fmt: skip
    (tmp_path / "manifest.json").write_text(json.dumps([entry, entry | {"depth_kind": "metric"}]))
    pairs = DisparityPairs(tmp_path)
    assert len(pairs) == 1
    np.testing.assert_allclose(pairs[0].depth, [[0, 1 / 100], [1 / 200, 1 / 400]])
    with pytest.raises(ValueError, match="dev"):
        DisparityPairs(tmp_path, "dev")
