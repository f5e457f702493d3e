"""Batches by number: the same from a thread, from processes, in parts, and by kind on a device."""

import argparse
import io

import numpy as np
import pytest
import torch
from PIL import Image

from train.data.augment import Augmentation
from train.data.device_augment import Draws, photometric
from train.data.mixture import Mixture
from train.data.resident import ResidentMixture
from train.data.sample import Sample
from train.data.visits import BLOCK, Visits
from train.loop import Loader, RunConfig
from train.sources import open_source, training_sources, validation_sources

STILL = Augmentation(1, 1, 0, 0, 0, 0, 0, 0)  # nothing changes


class Ramps:
    """Pictures whose red is their depth in steps of 1/50, green the row and blue the sample."""

    def __init__(self, count: int, side: int = 32, depth: float = 1.0) -> None:
        self.count, self.side, self.depth = count, side, depth

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        rows, columns = np.mgrid[: self.side, : self.side]
        red = 50 + columns * 100 // self.side
        image = np.stack([red, rows * 200 // self.side, np.full_like(rows, index)], axis=-1)
        depth = (red / 50 * self.depth).astype(np.float32)
        return Sample(image.astype(np.uint8), depth, "ramps", str(index))


@pytest.fixture
def mixture():
    return Mixture([(Ramps(5), 1), (Ramps(7), 2)], 16, 4, seed=3)


def test_a_batch_does_not_depend_on_how_it_is_split(mixture):
    whole = mixture.batch(5)
    halves = Mixture([(Ramps(5), 1), (Ramps(7), 2)], 16, 2, seed=3)
    parts = [halves.batch(number) for number in (10, 11)]
    assert torch.equal(torch.cat([p.image for p in parts]), whole.image)
    assert torch.equal(torch.cat([p.depth for p in parts]), whole.depth)
    assert not torch.equal(mixture.batch(6).image, whole.image)


def test_every_item_comes_once_before_any_comes_again():
    visits = Visits(np.array([0.7, 0.2, 0.1]), [1400, 30, 1000], seed=4)
    seen = [visits(i) for i in range(4 * BLOCK)]
    for source, (share, length) in enumerate([(700, 1400), (200, 30), (100, 1000)]):
        items = [item for s, item in seen if s == source]
        assert len(items) == 4 * share
        passes = [items[i : i + length] for i in range(0, len(items), length)]
        assert all(len(set(p)) == len(p) for p in passes) and set(items) <= set(range(length))
        assert len(passes) == 1 or passes[0] != passes[1]
        for block in range(4):
            part = seen[block * BLOCK : (block + 1) * BLOCK]
            assert sum(s == source for s, _ in part) == share
    assert seen[:BLOCK] != seen[BLOCK : 2 * BLOCK]
    again = Visits(np.array([0.7, 0.2, 0.1]), [1400, 30, 1000], seed=4)
    assert [again(i) for i in (3500, 7, 2500)] == [seen[i] for i in (3500, 7, 2500)]
    other = Visits(np.array([0.7, 0.2, 0.1]), [1400, 30, 1000], seed=5)
    assert [other(i) for i in range(BLOCK)] != seen[:BLOCK]


@pytest.mark.parametrize("kind", [Mixture, ResidentMixture])
def test_a_batch_of_all_samples_has_each_once(kind):
    batch = kind([(Ramps(30, 16), 1)], 16, 30, strength=STILL).batch(2)
    blue = ((batch.image[:, 2].mean((1, 2)) + 1) * 127.5).round().int()
    assert sorted(blue.tolist()) == list(range(30)) != blue.tolist()


def test_shares_that_cannot_be_kept_are_refused():
    with pytest.raises(ValueError, match="data source 2 of 2 has a share of 0.0001"):
        Visits(np.array([0.9999, 0.0001]), [5, 5], seed=0)
    with pytest.raises(ValueError, match="data source 1 of 2 is empty"):
        Visits(np.array([0.5, 0.5]), [0, 5], seed=0)
    assert {Visits(np.array([1.0, 0.0]), [3, 0], seed=0)(i)[0] for i in range(9)} == {0}


def test_workers_give_what_the_thread_gives(mixture):
    loaders = [Loader(mixture.batch, RunConfig(steps=6, workers=w)) for w in (0, 2)]
    for step in range(3, 6):
        one, other = (load(step) for load in loaders)
        assert torch.equal(one.image, other.image) and torch.equal(one.depth, other.depth)


def test_each_process_takes_its_parts(monkeypatch):
    """Batch 8 in 2 processes and 2 parts: part n of the sequence holds samples 2 n and 2 n + 1."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    seen = {}
    for rank in (0, 1):
        monkeypatch.setenv("RANK", str(rank))
        run = RunConfig(steps=3, batch_size=8, accumulate=2)
        load = Loader(lambda n: n, run)
        seen[rank] = [load(1), load(1), load(2), load(2)]
    assert seen == {0: [4, 6, 8, 10], 1: [5, 7, 9, 11]}


def test_resident_samples_unchanged_by_a_still_camera():
    source = Ramps(6, side=16)
    mixture = ResidentMixture([(source, 1)], 16, 5, strength=STILL)
    batch = mixture.batch(0)
    numbers = ((batch.image[:, 2].mean((1, 2)) + 1) * 127.5).round().int().tolist()
    assert len(set(numbers)) > 1
    for row, number in enumerate(numbers):
        expected = source[number]
        image = torch.from_numpy(expected.image).permute(2, 0, 1) / 127.5 - 1
        torch.testing.assert_close(batch.image[row], image, atol=1e-5, rtol=0)
        depth = torch.from_numpy(expected.depth).half().float()
        assert torch.equal(batch.depth[row, 0], depth) and batch.valid.all()


def test_resident_depth_moves_with_its_picture():
    """Crops and flips: red still tells the depth."""
    strength = Augmentation.geometric()
    batch = ResidentMixture([(Ramps(6, 40), 1)], 32, 16, strength=strength).batch(2)
    red = (batch.image[:, :1] + 1) * 127.5
    assert (red - batch.depth * 50).abs().mean() < 1.5
    rising = batch.depth[:, 0, 0, -1] > batch.depth[:, 0, 0, 0]
    assert rising.any() and not rising.all()  # some are flipped


def test_resident_batches_depend_on_seed_and_number():
    def batch(number, seed=1):
        return ResidentMixture([(Ramps(6), 1), (Ramps(3, 20), 1)], 16, 4, seed).batch(number)

    assert torch.equal(batch(3).image, batch(3).image)
    assert not torch.equal(batch(3).image, batch(4).image)
    assert not torch.equal(batch(3).image, batch(3, seed=2).image)
    whole = ResidentMixture([(Ramps(6), 1)], 16, 4, strength=Augmentation.geometric()).batch(3)
    half = ResidentMixture([(Ramps(6), 1)], 16, 2, strength=Augmentation.geometric()).batch(7)
    assert torch.equal(whole.depth[2:], half.depth)


def test_resident_leaves_out_what_has_no_depth():
    with pytest.raises(ValueError, match="known depth"):
        ResidentMixture([(Ramps(2, depth=0), 1)], 16, 2)


def test_device_colours_have_the_spread_of_the_cpu_ones():
    """Same distributions: mean and spread of brightness and contrast over many draws."""
    sources = [(Ramps(4, 16), 1)]
    images = [m(sources, 16, 256).batch(0).image for m in (Mixture, ResidentMixture)]
    for statistic in (lambda x: x.mean((1, 2, 3)), lambda x: x.std((1, 2, 3))):
        cpu, device = (statistic(x) for x in images)
        assert float(device.mean()) == pytest.approx(float(cpu.mean()), abs=0.06)
        assert float(device.std()) == pytest.approx(float(cpu.std()), rel=0.35)


def test_device_jpeg_loses_what_jpeg_loses():
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:64, :64] / 64
    image = np.stack([rows, columns, rows * columns], -1) + rng.normal(0, 0.08, (64, 64, 3))
    pixels = (image.clip(0, 1) * 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=40)
    expected = np.asarray(Image.open(buffer)).astype(float)
    draw = Draws.stack([Draws.draw(rng, STILL)])
    draw.quality[:] = 40
    original = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255
    mine = photometric(original.clone(), draw, torch.Generator())[0].permute(1, 2, 0) * 255
    lost = np.abs(expected - pixels).mean()
    assert np.abs(mine.numpy() - expected).mean() < 0.2 * lost


def test_device_blur_is_gaussian():
    draw = Draws.stack([Draws.draw(np.random.default_rng(0), STILL)] * 2)
    draw.blur[:] = [0, 1.2]
    dot = torch.zeros(2, 3, 21, 21)
    dot[:, :, 10, 10] = 1
    kept, spread = photometric(dot, draw, torch.Generator())
    torch.testing.assert_close(kept, dot[0], atol=1e-4, rtol=0)
    x = torch.arange(21.0) - 10
    expected = torch.exp(-(x**2) / 2 / 1.2**2)
    expected = torch.outer(expected, expected) / expected.sum() ** 2
    torch.testing.assert_close(spread[0], expected, atol=1e-3, rtol=0)


# ---- data sets by name -------------------------------------------------------------------------


def test_sources_by_name(tmp_path):
    for text, message in (
        ("hypersim", "expected NAME=FOLDER"),
        ("atlantis=x", "no data set 'atlantis'"),
        ("unlabeled=x", "--photos"),
        ("ibims1@test=x", "no splits"),
    ):
        with pytest.raises(ValueError, match=message):
            open_source(text, training=True)
    with pytest.raises(FileNotFoundError, match="split table"):
        open_source(f"hypersim@val*0.5={tmp_path}", training=True)


def test_sources_carry_splits_and_weights(tmp_path, monkeypatch):
    class Reader(Ramps):
        def __init__(self, folder, split="test"):
            super().__init__(3)
            self.folder, self.split = folder, split

    monkeypatch.setattr("train.sources.dataset", lambda name: Reader)
    arguments = argparse.Namespace(rendered=None, real=None, data=["a=/x", "b@odd*0.25=/y:z"])
    (first, one), (second, quarter) = training_sources(arguments)
    assert (first.split, one, first.folder) == ("train", 1, "/x")
    assert (second.split, quarter, second.folder) == ("odd", 0.25, "/y:z")
    assert open_source("a=/x", training=False)[1].split == "test"
    assert open_source("hypersim=/x", training=False)[1].split == "val"


def test_validation_sets_keep_their_splits_apart(monkeypatch):
    class Reader(Ramps):
        def __init__(self, folder, split="test"):
            super().__init__(3 if split == "train" else 2)

    monkeypatch.setattr("train.sources.dataset", lambda name: Reader)
    options = argparse.Namespace(held_out=None, real=None)
    options.validate = ["a=/x", "a@train=/x", "hypersim@val=/x"]
    sets = validation_sources(options)
    assert {name: len(samples) for name, samples in sets.items()} == {
        "a": 2, "a@train": 3, "hypersim": 2
    }  # fmt: skip
    options.validate = ["a=/x", "a@test=/y"]
    with pytest.raises(ValueError, match="a@test=/y: there is another set called a"):
        validation_sources(options)
