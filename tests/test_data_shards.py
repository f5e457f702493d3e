"""WebDataset shards, and the registry of data sets."""

import dataclasses
import http.server
import threading
from functools import partial

import numpy as np
import pytest

from train.data import DATASETS, dataset
from train.data.mixture import Mixture
from train.data.photos import PhotoFolder
from train.data.sample import LabelledPlane, Sample
from train.data.webdataset_shards import WebDatasetShards, write_shards

RNG = np.random.default_rng(2)


def make_sample(number, whole):
    image = RNG.integers(0, 255, (12, 16, 3), dtype=np.uint8)
    depth = RNG.uniform(0.5, 3, (12, 16)).astype(np.float32)
    depth[0, 0] = 0
    sample = Sample(image, depth, "made", f"scene {number}")
    if whole:
        mask = RNG.random((12, 16)) < 0.5
        sample.intrinsics = np.float32([10, 11, 8, 6])
        sample.plane = mask.astype(np.uint8)
        sample.valid, sample.edges = mask, ~mask
        normals = np.float32([[0, 1, 0], [0, 0, 1]])
        sample.planes = (
            LabelledPlane("floor", mask, normals[0]),
            LabelledPlane("wall", ~mask, normals[1]),
        )
    return sample


@pytest.fixture(scope="module")
def source():
    return [make_sample(number, number % 2 == 0) for number in range(7)]


@pytest.fixture(scope="module")
def shards(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    write_shards(source, folder, per_shard=3)
    return folder


def assert_same(a, b):
    for field in dataclasses.fields(Sample):
        x, y = getattr(a, field.name), getattr(b, field.name)
        if field.name != "planes":
            np.testing.assert_array_equal(x, y, err_msg=field.name)
            continue
        assert [plane.kind for plane in x] == [plane.kind for plane in y]
        for one, other in zip(x, y, strict=True):
            np.testing.assert_array_equal(one.mask, other.mask)
            np.testing.assert_array_equal(one.normal, other.normal)


def test_shards_return_what_was_written(source, shards):
    names = sorted(path.name for path in shards.iterdir())
    assert names == ["index.json", *(f"shard_{i:06d}.tar" for i in range(3))]
    data = WebDatasetShards(shards)
    assert len(data) == 7
    for index in (6, 0, 3, 2):
        assert_same(data[index], source[index])
    with pytest.raises(IndexError):
        data[7]


def test_shards_mix_like_any_other_source(source, shards):
    kinds = [Mixture([(data, 1)], 8, 4, seed=3) for data in (source, WebDatasetShards(shards))]
    first, second = (mixture.batch(5) for mixture in kinds)
    assert (first.image == second.image).all()
    assert (first.depth == second.depth).all()


def test_stream_yields_every_sample_once_in_an_order_of_its_own(shards):
    data = WebDatasetShards(shards)

    def scenes(*arguments):
        return [sample.scene for sample in data.stream(*arguments)]

    assert sorted(scenes()) == [f"scene {number}" for number in range(7)]
    assert scenes(1, 0) == scenes(1, 0)
    assert len({tuple(scenes(1, epoch)) for epoch in range(4)}) > 1


def test_pictures_as_jpeg_are_close(tmp_path):
    sample = make_sample(0, False)
    sample.image[:] = 77
    write_shards([sample], tmp_path, jpeg_quality=90)
    assert abs(WebDatasetShards(tmp_path)[0].image.astype(int) - 77).max() <= 2


def test_remote_shards_are_fetched_once(source, shards, tmp_path):
    requests = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            requests.append(self.path)

    handler = partial(Handler, directory=str(shards))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        with pytest.raises(ValueError, match="cache"):
            WebDatasetShards(url)
        for _ in range(2):
            data = WebDatasetShards(url, tmp_path / "cache")
            assert_same(data[4], source[4])
        assert_same(data[5], source[5])
        server.shutdown()
    assert requests == ["/index.json", "/shard_000001.tar"]


def test_a_command_is_a_location_too(source, shards, tmp_path):
    data = WebDatasetShards(f"pipe:cat {shards}/{{}}", tmp_path)
    assert_same(data[0], source[0])


def test_shard_errors(shards, tmp_path):
    with pytest.raises(FileNotFoundError, match="index.json"):
        WebDatasetShards(tmp_path)
    with pytest.raises(FileExistsError, match="index.json"):
        write_shards([], shards)
    write_shards([], tmp_path)
    with pytest.raises(ValueError, match="no shards"):
        WebDatasetShards(tmp_path)


def test_registry():
    assert dataset("unlabeled") is PhotoFolder
    assert dataset("webdataset") is WebDatasetShards
    with pytest.raises(ValueError, match="hypersim, nyuv2"):
        dataset("hypresim")


@pytest.mark.parametrize("name", sorted(set(DATASETS) - {"rgbd"}))
def test_every_reader_names_the_folder_it_misses(name, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        dataset(name)(tmp_path / "nowhere")


def test_rgbd_folder_names_its_manifest(tmp_path):
    with pytest.raises(FileNotFoundError, match="manifest.json"):
        dataset("rgbd")(tmp_path / "nowhere", "train")
