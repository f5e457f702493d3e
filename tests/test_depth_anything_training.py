"""Teacher, labels, student: every command on a tiny network, through its own `main`."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import depthart
from depthart.baselines.dpt import DPT
from depthart.trunks import build_trunk
from train.data.mixture import Mixture
from train.data.pseudo_labels import PseudoLabel, PseudoLabels, write_index, write_shard
from train.data.sample import Sample
from train.depth_anything import pseudo_label, student, teacher
from train.depth_anything.batches import FLIPS, ROBUST, UnlabeledBatches
from train.depth_anything.frozen_encoder import cell_similarity, frozen_encoder
from train.depth_anything.network import (
    Student,
    architecture,
    encoder_of,
    parameter_groups,
)
from train.depth_anything.training import labelled_count

TINY = ["--architecture", "tiny", "--device", "cpu"]
STEPS = ["--steps", "2", "--log-every", "1", "--save-every", "2", "--lr", "1e-4"]


def scene(seed, height=40, width=56):
    """A slanted floor with a box, brighter where it is farther."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width] / height
    depth = 1 + rng.uniform(0.5, 3) * (1 - rows) + 0.3 * columns
    depth[10:20, 10:20] = 0.8
    image = np.repeat((depth[..., None] * 50).clip(0, 255), 3, axis=-1).astype(np.uint8)
    return Sample(image, depth.astype(np.float32), "made", str(seed))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Six scenes in the renderer's shard format."""
    folder = tmp_path_factory.mktemp("rendered")
    shard = folder / "shard_000000"
    shard.mkdir()
    scenes = [scene(i, 48, 48) for i in range(6)]
    np.save(shard / "image.npy", np.stack([s.image for s in scenes]))
    np.save(shard / "depth.npy", np.stack([s.depth for s in scenes]).astype(np.float16))
    np.save(shard / "plane.npy", np.ones((6, 48, 48), np.uint8))
    np.save(shard / "intrinsics.npy", np.full((6, 4), 40, np.float32))
    (shard / "meta.json").write_text(json.dumps({"seeds": [0, 5]}))
    return ["--rendered", str(folder), "--held-out", str(folder)]


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    """Pseudo-labels of six pictures."""
    folder = tmp_path_factory.mktemp("labels")
    made = [scene(i) for i in range(6)]
    write_shard(folder, 0, (PseudoLabel(s.image, 1 / s.depth, s.scene) for s in made), [])
    write_index(folder, 1)
    return folder


@pytest.fixture(scope="module")
def trunk(tmp_path_factory):
    """A file of a trunk's weights, random here."""
    from safetensors.torch import save_file

    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("trunk") / "trunk.safetensors"
    convolutions = build_trunk("efficientnet_lite0").convolutions
    save_file(
        {
            f"conv{i:02d}.{part}": value.detach()
            for i, convolution in enumerate(convolutions)
            for part, value in convolution.named_parameters()
        },
        path,
    )
    return str(path)


def test_from_photos_to_a_student(data, trunk, tmp_path, picture):
    common = [*TINY, *STEPS, "--trunk", trunk, *data]
    teacher.main(["-o", str(tmp_path / "teacher"), "--batch-size", "2", *common])
    photos = tmp_path / "photos"
    photos.mkdir()
    for i in range(3):
        Image.fromarray(scene(i).image).save(photos / f"{i}.png")
    model = str(tmp_path / "teacher/model")
    pseudo_label.main([model, str(photos), "-o", str(tmp_path / "labels"), "--device", "cpu"])
    student.main(
        ["-o", str(tmp_path / "student"), "--labels", str(tmp_path / "labels"), *common]
        + ["--batch-size", "3", "--frozen-encoder", "efficientnet_lite0", "--align", "encoder"]
    )
    log = [json.loads(x) for x in (tmp_path / "student/log.jsonl").read_text().splitlines()]
    assert {"labelled", "unlabeled", "aligned", "cosine"} <= set(log[0])
    assert log[0]["loss"] == pytest.approx(
        (log[0]["labelled"] + log[0]["unlabeled"] + log[0]["aligned"]) / 3, abs=1e-4
    )
    assert log[-1]["rendered/abs_rel"] > 0
    record = json.loads((tmp_path / "student/run.json").read_text())
    assert "efficientnet_lite0" in record["frozen_encoder"]
    predictor = depthart.load(tmp_path / "student/model", device="cpu")
    prediction = predictor.predict(picture)
    assert prediction.kind == "disparity" and prediction.depth.shape == (64, 96)
    assert predictor.model.input_size(64, 96) == (64, 96)  # the aspect ratio is kept
    assert predictor.model.input_size(300, 200) == (96, 64)


def test_an_interrupted_student_ends_with_the_same_weights(data, labels, tmp_path):
    def run(folder, steps):
        student.main(
            ["-o", str(folder), "--labels", str(labels), *TINY, *STEPS, *data[:2]]
            + ["--batch-size", "3", "--steps", str(steps), "--lr-end", "1", "--save-every", "1"]
        )
        return torch.load(folder / "state.pt", weights_only=True)["module"]

    whole = run(tmp_path / "whole", 3)
    run(tmp_path / "cut", 1)
    resumed = run(tmp_path / "cut", 3)
    for key, value in whole.items():
        assert torch.equal(value, resumed[key]), key


# ---- batches -----------------------------------------------------------------------------------


def test_labelled_batches_depend_on_seed_and_number_alone():
    sources = [([scene(i) for i in range(3)], 1.0)]
    wide = Mixture(sources, 32, 4, 3, ROBUST)
    first = wide.batch(1)
    assert torch.equal(first.image, wide.batch(1).image)
    assert first.image.shape == (4, 3, 32, 32)
    # Two parts of a batch are the batch, whoever makes them.
    parts = [Mixture(sources, 32, 2, 3, ROBUST).batch(n).depth for n in (2, 3)]
    assert torch.equal(torch.cat(parts), first.depth)


def test_sky_stays_sky():
    sample = scene(0)
    sample.depth[:15] = np.inf
    batch = Mixture([([sample], 1.0)], 32, 8, strength=FLIPS).batch(0)
    assert batch.depth.isinf().any() and not batch.depth.isnan().any()


def test_crops_keep_the_aspect_and_unlabeled_ones_are_not_flipped(tmp_path):
    """A picture whose colour is its place: the crop's corners tell what was cut."""
    rows, columns = np.mgrid[:60, :120].astype(np.float32)
    image = np.stack([columns * 2, rows * 2, rows * 0], axis=-1).astype(np.uint8)
    write_shard(tmp_path, 0, [PseudoLabel(image, columns[::2, ::2] + 1, "a")], [])
    write_index(tmp_path, 1)
    batch = UnlabeledBatches(PseudoLabels(tmp_path), 48, 16).batch(0)
    colour = (batch.image + 1) * 127.5
    across = colour[:, 0, 24, 40] - colour[:, 0, 24, 8]
    down = colour[:, 1, 40, 24] - colour[:, 1, 8, 24]
    assert (across > 0).all()  # never mirrored
    torch.testing.assert_close(across, down, atol=6, rtol=0.15)  # as wide as high
    # The label belongs to the same pixels.
    torch.testing.assert_close(batch.disparity[:, 0], colour[:, 0] / 2 + 1, atol=3, rtol=0)


def test_a_batch_splits_one_to_two():
    assert labelled_count(12, 2) == 4 and labelled_count(5, 0) == 5
    with pytest.raises(ValueError, match="multiple of 3"):
        labelled_count(8, 2)


# ---- networks ----------------------------------------------------------------------------------


def test_the_decoder_learns_ten_times_as_fast():
    network = Student(DPT(architecture("tiny")), 5)
    groups = parameter_groups(network, encoder_of(network.model), 10)
    assert [group["lr_scale"] for group in groups] == [1, 10]
    grouped = [p for group in groups for p in group["params"]]
    assert len(grouped) == len(list(network.parameters())) == len({id(p) for p in grouped})


def test_an_encoder_is_named_or_off(trunk, tmp_path):
    assert frozen_encoder("off", None) is None
    encoder = frozen_encoder("efficientnet_lite0", trunk)
    assert not encoder.train().training
    similarity = cell_similarity(encoder, torch.rand(3, 3, 64, 64) * 2 - 1)
    assert -1 <= similarity.other <= 1
    for name, weights in (("efficientnet_lite0", None), ("nonsense", None)):
        with pytest.raises(ValueError, match="weights|known"):
            frozen_encoder(name, weights)
    with pytest.raises(ValueError, match="at least two"):
        cell_similarity(encoder, torch.rand(1, 3, 64, 64))


def test_architectures_by_name():
    assert architecture("small", "mobilenet_v2", 192).image_size == 192
    assert architecture("dinov2-small").multiple == 14
    with pytest.raises(ValueError, match="known: small"):
        architecture("huge")
    with pytest.raises(ValueError, match="no convolutional trunk"):
        architecture("dinov2-small", "mobilenet_v2")
