"""Every training command, a few steps on a tiny model, through its own `main`."""

import fcntl
import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

import depthart
from depthart.checkpoints import write_checkpoint
from depthart.config import TINY_VQVAE, DepthARTConfig
from depthart.images import Photo, to_model_input
from depthart.model import DepthART
from depthart.normalize import image_to_depth
from depthart.vqvae import VQVAE
from tests.conftest import rendered_shard
from train import autoencoder, autoregressive, evaluate, image_encoder, report
from train.baseline_parts import load_vqvae
from train.data.loader import threaded
from train.data.rendered import RenderedScenes
from train.dense import load_dense
from train.features import encoder_digest
from train.validate import score

SCALE = ["--batch-size", "2", "--log-every", "1", "--save-every", "2", "--warmup", "1"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Six pictures of slanted floors with a box, in the renderer's shard format."""
    folder = rendered_shard(tmp_path_factory.mktemp("rendered"))
    return ["--rendered", str(folder), "--held-out", str(folder)]


@pytest.fixture(scope="module")
def parts(data, tmp_path_factory):
    """A VQ-VAE and an image encoder after two steps each."""
    folder = tmp_path_factory.mktemp("parts")
    common = ["--preset", "tiny", "--steps", "2", *SCALE, *data]
    autoencoder.main(["-o", str(folder / "vq"), *common])
    image_encoder.main(["-o", str(folder / "dense"), *common])
    return ["--vqvae", str(folder / "vq/vqvae"), "--encoder", str(folder / "dense/model")]


def run(folder, parts, data, steps, *more):
    autoregressive.main(
        ["-o", str(folder), "--preset", "tiny", "--steps", str(steps), *SCALE, *parts, *data, *more]
    )
    return depthart.load(folder / "model", device="cpu")


@pytest.mark.parametrize("objective", ["var", "depthart"])
def test_from_nothing_to_a_checkpoint_that_predicts(objective, parts, data, tmp_path, picture):
    predictor = run(tmp_path, parts, data, 2, "--objective", objective)
    prediction = predictor.predict(picture)
    assert len(prediction.steps) == 10
    assert prediction.depth.shape == (64, 96)
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["options"]["objective"] == objective
    logged = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert {f"ce_{k}" for k in range(1, 11)} <= set(logged[0])
    assert 0 < logged[-1]["rendered/argmax/abs_rel"] < 10


def test_an_interrupted_run_ends_with_the_same_weights(parts, data, tmp_path, monkeypatch):
    beyond = ["--average", "scale", "--code-error", "1", "--rollout", "expected"]
    whole = run(tmp_path / "whole", parts, data, 4, *beyond).model.state_dict()

    real_replace = autoregressive.save_model

    def interrupted(*arguments):
        real_replace(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(autoregressive, "save_model", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", parts, data, 4, *beyond)
    monkeypatch.undo()
    resumed = run(tmp_path / "cut", parts, data, 4, *beyond).model.state_dict()
    for key, value in whole.items():
        assert torch.equal(value, resumed[key]), key


def test_cached_features_train_and_are_reused(parts, data, tmp_path):
    cache = ["--cache", str(tmp_path / "cache"), "--cache-samples", "4"]
    run(tmp_path / "a", parts, data, 2, *cache, "--progressive", "0.6:3")
    before = (tmp_path / "cache/depth.npy").stat().st_mtime_ns
    run(tmp_path / "b", parts, data, 2, *cache, "--objective", "var", "--soft-targets", "1")
    assert (tmp_path / "cache/depth.npy").stat().st_mtime_ns == before
    assert np.load(tmp_path / "cache/image.npy").shape == (4, 256, 32)
    with pytest.raises(FileNotFoundError, match="without true depth"):
        run(tmp_path / "c", parts, data, 2, *cache, "--decoded-depth", "1")
    few = ["--cache", str(tmp_path / "few"), "--cache-samples", "0"]
    with pytest.raises(ValueError, match="a cache of 0 samples holds no batch of"):
        run(tmp_path / "d", parts, data, 2, *few)
    image_encoder.main(["-o", str(tmp_path), "--start", parts[3], "--steps", "1", *SCALE, *data])
    other = [*parts[:3], str(tmp_path / "model")]
    with pytest.raises(ValueError, match="features of other encoders"):
        run(tmp_path / "d", other, data, 2, *cache)


def test_a_cache_is_filled_by_one_run_at_a_time(parts, data, tmp_path):
    """A second run would empty the files that the first one writes to."""
    cache = ["--cache", str(tmp_path / "cache"), "--cache-samples", "2"]
    (tmp_path / "cache").mkdir()
    with open(tmp_path / "cache/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RuntimeError, match="another run is filling"):
            run(tmp_path / "second", parts, data, 1, *cache)
        assert not (tmp_path / "cache/depth.npy").exists()
    run(tmp_path / "later", parts, data, 1, *cache)
    assert (tmp_path / "cache/meta.json").is_file()


def test_only_weights_that_make_other_features_tell_caches_apart():
    torch.manual_seed(0)
    model = DepthART(DepthARTConfig.preset("tiny"))
    weight = model.vqvae.pre_quant.weight.data
    weight[0, 0] = 0.0
    digest = encoder_digest(model)
    weight[0, 0] = -0.0  # what averaging leaves of a weight of nothing
    model.vqvae.post_quant.weight.data.add_(1)
    model.transformer.head.weight.data.add_(1)
    assert encoder_digest(model) == digest
    weight[0, 0] = 1e-3
    assert encoder_digest(model) != digest


def test_cached_features_teach_with_true_depth_as_well(parts, data, tmp_path):
    flags = ["--decoded-depth", "1", "--cache", str(tmp_path / "cache"), "--cache-samples", "4"]
    run(tmp_path / "a", parts, data, 1, *flags, "--log-every", "1")
    truth = np.load(tmp_path / "cache/truth.npy").astype(np.float32)
    assert truth.shape == (4, 1, 256, 256)
    assert np.nanmin(truth) >= -1.001 and np.nanmax(truth) <= 1.001 and np.nanstd(truth) > 0.1
    assert "decoded_depth" in (tmp_path / "a/log.jsonl").read_text()


def test_a_vqvae_goes_on_with_depth_in_log(parts, data, tmp_path):
    """The codes keep their meaning for a transformer that goes on with it; its features do not."""
    start = ["--start", parts[1], "--log-offset", "0.1", "--steps", "1", *SCALE, *data]
    autoencoder.main(["-o", str(tmp_path / "vq"), *start])
    given, vqvae = load_vqvae(parts[1]), load_vqvae(tmp_path / "vq/vqvae")
    assert vqvae.config == replace(given.config, log_offset=0.1)
    moved = (vqvae.decoder.head.weight - given.decoder.head.weight).abs().max()
    assert 0 < moved < 0.01
    cache = ["--cache", str(tmp_path / "cache"), "--cache-samples", "2"]
    first = run(tmp_path / "first", parts, data, 1, *cache).model
    depth = torch.linspace(0.01, 1, 256**2).view(1, 1, 256, 256)
    linear = first.vqvae.reconstruct(first.vqvae.to_image(depth))
    torch.testing.assert_close(first.vqvae.to_depth(linear), (linear.mean(1) + 1) / 2)
    other = ["--start", str(tmp_path / "first/model"), "--vqvae", str(tmp_path / "vq/vqvae")]
    with pytest.raises(ValueError, match="features of other encoders"):
        run(tmp_path / "second", other, data, 1, *cache)
    second = run(tmp_path / "second", other, data, 1).model
    assert second.config.vqvae.log_offset == 0.1
    features = vqvae.encode(vqvae.to_image(depth))
    expected = image_to_depth(vqvae.decode(features), 0.1)
    torch.testing.assert_close(second.decode(features), expected, rtol=0, atol=0.01)
    head = second.transformer.head.weight - first.transformer.head.weight
    assert 0 < head.abs().max() < 0.01


def test_a_vqvae_of_other_codes_is_refused(parts, data, tmp_path):
    run(tmp_path, parts, data, 1)
    write_checkpoint(
        tmp_path / "other",
        {"model": "vqvae", **asdict(replace(TINY_VQVAE, vocab_size=32))},
        VQVAE(replace(TINY_VQVAE, vocab_size=32)).state_dict(),
    )
    other = ["--start", str(tmp_path / "model"), "--vqvae", str(tmp_path / "other")]
    with pytest.raises(ValueError, match="vocab_size 32, the model needs 64"):
        run(tmp_path / "refused", other, data, 1)


def test_the_encoder_learns_when_it_may(parts, data, tmp_path):
    frozen = run(tmp_path / "frozen", parts, data, 2).model.image_encoder.state_dict()
    trained = run(tmp_path / "trained", parts, data, 2, "--train-encoder", "1")
    changed = [k for k, v in trained.model.image_encoder.state_dict().items()
               if not torch.equal(v, frozen[k])]  # fmt: skip
    assert len(changed) > len(frozen) / 2


def test_the_decoder_learns_from_true_depth(parts, data, tmp_path):
    flags = ("--decoded-depth", "1", "--train-decoder", "1", "--train-encoder", "1")
    trained = run(tmp_path, parts, data, 2, *flags).model.vqvae.state_dict()
    given = load_vqvae(parts[1]).state_dict()
    changed = {name.split(".")[0] for name, value in trained.items()
               if not torch.equal(value, given[name].half().float())}  # fmt: skip
    assert changed == {"decoder", "post_quant"}
    with pytest.raises(SystemExit):
        run(tmp_path / "none", parts, data, 2, "--train-decoder", "1")


def test_the_encoder_goes_on_from_a_checkpoint(parts, data, tmp_path):
    start = parts[3]
    image_encoder.main(["-o", str(tmp_path), "--start", start, "--steps", "1", *SCALE, *data])
    given, trained = load_dense(start), load_dense(tmp_path / "model")
    for part in ("encoder.fuse.weight", "head.weight"):
        moved = trained.get_parameter(part) - given.get_parameter(part)
        assert 0 < moved.abs().max() < 0.01
    assert not (tmp_path / "head").exists()  # it came with one that fits
    run(tmp_path / "transformer", parts, data, 1)
    start = str(tmp_path / "transformer/model")  # has none
    new = ["-o", str(tmp_path / "new"), "--start", start, "--steps", "1"]
    image_encoder.main([*new, *SCALE, *data])
    assert (tmp_path / "new/head").is_dir()
    moved = load_dense(tmp_path / "new/model").head.weight - given.head.weight
    assert moved.abs().max() > 0.01
    with pytest.raises(SystemExit):
        image_encoder.main(["-o", str(tmp_path), "--start", start, "--trunk", "t", *data])


def test_results_and_tables(parts, data, tmp_path):
    run(tmp_path, parts, data, 2)
    checkpoint = tmp_path / "model"
    flags = ["--limit", "3", "--mean-map", f"rendered={data[1]}", "--dense", parts[3]]
    evaluate.main(["-o", str(checkpoint), "--model", str(checkpoint), *data[2:], *flags])
    lines = [json.loads(line) for line in (checkpoint / "results.jsonl").read_text().splitlines()]
    assert len(lines) == 3 * 9
    document = tmp_path / "README.md"
    document.write_text("before\n<!-- results -->\nold\n<!-- /results -->\nafter\n")
    report.main([str(checkpoint), str(document)])
    text = document.read_text()
    constant = np.mean([line["abs_rel"] for line in lines if line["method"] == "constant"])
    assert f"| constant guess | {constant:.3f} |" in text
    assert "| mean map of training pairs |" in text
    sample = RenderedScenes(data[1])[1]
    depth = load_dense(parts[3]).depth(to_model_input(Photo(sample.image), 256))[0].numpy()
    dense = [line for line in lines if line["method"] == "dense"]
    assert dense[1]["abs_rel"] == pytest.approx(score(depth, sample)["abs_rel"], rel=1e-4)
    assert "| dense regression, the same encoder |" in text
    vqvae = load_vqvae(checkpoint)
    rebuilt = vqvae.reconstruct(vqvae.to_image(torch.from_numpy(depth)[None, None]))
    coded = [line for line in lines if line["method"] == "dense/vqvae"]
    expected = score(vqvae.to_depth(rebuilt)[0].numpy(), sample)["abs_rel"]
    assert coded[1]["abs_rel"] == pytest.approx(expected, rel=1e-3)
    assert "| — its depth through the VQ-VAE |" in text
    with pytest.raises(SystemExit):
        evaluate.main(["--models", str(checkpoint), *data[2:], "--dense", parts[3]])
    assert "old" not in text and text.startswith("before") and text.endswith("after\n")


def test_missing_data_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        autoencoder.main(["-o", str(tmp_path), "--preset", "tiny", "--rendered", "nowhere"])
    with pytest.raises(ValueError, match="--rendered"):
        autoencoder.main(["-o", str(tmp_path), "--preset", "tiny"])


def test_threads_keep_the_order():
    assert list(threaded(lambda n: n * n, [3, 4, 5, 6, 7])) == [9, 16, 25, 36, 49]
