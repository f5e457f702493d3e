"""`train.decoder`: the decoder learns to draw sums of codes, and nothing else changes."""

import json

import pytest
import torch

import depthart
from depthart.predictor import save_model
from tests.conftest import make_tiny, rendered_shard
from train import decoder
from train.decoder import DrawingStep, decoder_parameters, take_decoder
from train.loop import RunConfig

RUN = RunConfig(steps=4, bf16=False, device="cpu")


@pytest.fixture
def model():
    return make_tiny()


def pictures(model, count):
    side = model.config.image_size
    generator = torch.Generator().manual_seed(count)
    images = torch.rand(count, 3, side, side, generator=generator) * 2 - 1
    ramps = torch.linspace(-1, 1, side).view(1, 1, side, 1).expand(count, 3, side, side)
    return images, ramps * torch.linspace(0.2, 1, count).view(-1, 1, 1, 1)


def test_sums_are_the_truths_or_the_models_own(model, monkeypatch):
    images, truth = pictures(model, 12)
    totals = torch.stack(model.vqvae.tokenize(truth)[1])
    with torch.no_grad():
        steps = model.rollout(model.image_features(images), "expected")
        own = torch.stack([step.features for step in steps])
    for share, expected in ((0.0, totals), (1.0, own)):
        monkeypatch.setattr(decoder, "OWN", share)
        monkeypatch.setattr(decoder, "LAST", 0.0)
        some = DrawingStep(model, RUN, "expected").sums(images, truth)
        distance = (expected - some).abs().amax((2, 3, 4))  # (K, B)
        assert (distance.amin(0) < 1e-4).all()
        assert len(set(distance.argmin(0).tolist())) > 3  # scales are drawn
        monkeypatch.setattr(decoder, "LAST", 1.0)
        last = DrawingStep(model, RUN, "expected").sums(images, truth)
        torch.testing.assert_close(last, expected[-1], rtol=0, atol=1e-4)


def test_the_decoder_learns_and_the_codes_stay(model):
    images, truth = pictures(model, 4)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.Adam(decoder_parameters(model), 1e-3)
    step = DrawingStep(model, RUN, "expected")
    depth = torch.ones(4, 1, *truth.shape[-2:]) + truth[:, :1]
    batch = decoder.Batch(images, depth, depth > 0.1, torch.full((4, 4), torch.nan))
    errors = []
    for _ in range(12):
        torch.manual_seed(0)
        loss, report = step(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        errors.append(float(report["l1"]))
    assert errors[-1] < 0.8 * errors[0]
    changed = {n for n, v in model.state_dict().items() if not torch.equal(v, before[n])}
    assert changed and all(n.startswith(("vqvae.decoder.", "vqvae.post_quant.")) for n in changed)


def test_a_decoder_goes_to_models_on_the_same_codes_alone(model):
    other = make_tiny()
    other.load_state_dict(model.state_dict())
    with torch.no_grad():
        model.vqvae.decoder.head.weight += 1
        other.transformer.head.weight += 1
    take_decoder(model, other)
    assert torch.equal(other.vqvae.decoder.head.weight, model.vqvae.decoder.head.weight)
    assert not torch.equal(other.transformer.head.weight, model.transformer.head.weight)
    with torch.no_grad():
        other.vqvae.quantizer.codebook.weight[0] += 1
    with pytest.raises(ValueError, match="different codes"):
        take_decoder(model, other)


def test_the_command_writes_both_models(model, tmp_path, picture):
    save_model(model, tmp_path / "one", half=False)
    save_model(model, tmp_path / "two", half=False)
    shard = str(rendered_shard(tmp_path))
    data = ["--rendered", shard, "--held-out", shard]
    flags = ["--start", str(tmp_path / "one"), "--also", str(tmp_path / "two")]
    short = ["--steps", "2", "--batch-size", "2", "--log-every", "1", "--warmup", "1"]
    decoder.main(["-o", str(tmp_path / "run"), *flags, *data, *short])
    given = depthart.load(tmp_path / "one", device="cpu").model
    made = [depthart.load(tmp_path / f"run/{n}", device="cpu") for n in ("model", "two")]
    states = [predictor.model.vqvae.state_dict() for predictor in made]
    assert all(torch.equal(states[0][name], value) for name, value in states[1].items())
    moved = (states[0]["decoder.head.weight"] - given.vqvae.decoder.head.weight).abs().max()
    assert 0 < moved < 0.01
    assert made[0].predict(picture).depth.shape == (64, 96)
    lines = (tmp_path / "run/log.jsonl").read_text().splitlines()
    assert {"rendered/scale_01/abs_rel", "rendered/scale_10/abs_rel"} <= set(json.loads(lines[-1]))
