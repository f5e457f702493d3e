"""`python -m train.baseline`: from a command to a checkpoint that opens; its starting points."""

import json
from dataclasses import asdict, replace

import pytest
import torch

import depthart
from depthart.baselines.network import build_network
from depthart.baselines.predictor import save_network
from depthart.checkpoints import CheckpointError, write_checkpoint
from depthart.config import TINY_VQVAE
from depthart.trunks import TRUNKS, Stage
from depthart.vqvae import VQVAE
from tests.floors import write_floors
from train import baseline
from train.baseline import initial_network, parameter_groups, settings
from train.baseline_parts import load_trunk, load_vqvae

SMALL = replace(TINY_VQVAE, image_size=64, sides=(1, 2, 4))
SETTINGS = {
    "midas": ["features=16"],
    "dpt": ["width=32", "depth=2", "heads=2", "taps=[0, 1]", "features=16", "kind=disparity"],
    "gp2": ["features=16", "complete_share=0.5"],
    "adabins": ["features=16", "bins=16", "kernels=8", "width=32", "depth=1", "heads=2"],
    "dit": ["width=32", "depth=1", "heads=2", "steps=2"],
}


@pytest.fixture(scope="module", autouse=True)
def tiny_trunk():
    with pytest.MonkeyPatch.context() as patch:
        stages = (Stage(1, 8, 1, 1), *(Stage(2, c, 1, 2) for c in (8, 16, 16, 32)))
        patch.setitem(TRUNKS, "tiny", stages)
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = str(write_floors(tmp_path_factory.mktemp("rendered")))
    return ["--rendered", folder, "--held-out", folder]


@pytest.fixture(scope="module")
def vqvae(tmp_path_factory):
    torch.manual_seed(0)
    module = VQVAE(SMALL)
    config = {"model": "vqvae", **asdict(SMALL)}
    return write_checkpoint(tmp_path_factory.mktemp("vq"), config, module.state_dict(), half=False)


def train(folder, family, data, vqvae, *more, steps=2):
    values = ["trunk=tiny", "image_size=64", *SETTINGS[family]]
    arguments = ["-o", str(folder), "--model", family, "--steps", str(steps)]
    arguments += ["--batch-size", "2", "--log-every", "1", "--save-every", "2", "--warmup", "1"]
    arguments += [part for value in values for part in ("--set", value)]
    if family == "dit":
        arguments += ["--vqvae", str(vqvae)]
    baseline.main([*arguments, *data, *more])


@pytest.mark.parametrize("family", SETTINGS)
def test_from_a_command_to_a_checkpoint(family, data, vqvae, tmp_path, picture):
    train(tmp_path, family, data, vqvae)
    predictor = depthart.load(tmp_path / "model", device="cpu")
    assert predictor.predict(picture).depth.shape == (64, 96)
    assert predictor.kind == ("disparity" if family == "dpt" else "scale_invariant")
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["samples_seen"] == 4 and record["model"]["trunk"] == "tiny"
    logged = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert 0 < logged[-1]["rendered/abs_rel"] < 10
    if family == "dit":
        assert torch.equal(
            predictor.model.vqvae.encoder.stem.weight,
            load_vqvae(vqvae).encoder.stem.weight.half().float(),
        )


def test_tensorboard_gets_pictures(data, vqvae, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(tmp_path, "midas", data, vqvae, "--tensorboard")
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    shown = {"rendered/photo", "rendered/truth", "rendered/prediction"}
    assert set(events.Tags()["images"]) == shown


def test_an_interrupted_run_ends_with_the_same_weights(data, vqvae, tmp_path, monkeypatch):
    train(tmp_path / "whole", "dit", data, vqvae, steps=4)

    def interrupted(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(baseline, "write_checkpoint", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "cut", "dit", data, vqvae, steps=4)
    train(tmp_path / "cut", "dit", data, vqvae, steps=4)
    whole, again = (
        torch.load(tmp_path / name / "state.pt", weights_only=True) for name in ("whole", "cut")
    )
    assert all(torch.equal(v, again["module"][k]) for k, v in whole["module"].items())


@pytest.mark.parametrize("layout", ["imagenet", "dense.pt", "checkpoint"])
def test_trunks_from_everywhere(layout, tmp_path):
    torch.manual_seed(1)
    source = build_network("midas", {"trunk": "tiny", "image_size": 64, "features": 8})
    convolutions = source.trunk.convolutions
    if layout == "imagenet":
        from safetensors.torch import save_file

        path = tmp_path / "trunk.safetensors"
        named = {
            f"conv{i:02d}.{part}": value
            for i, convolution in enumerate(convolutions)
            for part, value in convolution.state_dict().items()
        }
        save_file(named, path)
    elif layout == "dense.pt":
        path = tmp_path / "dense.pt"
        torch.save(
            {f"encoder.trunk.{k}": v for k, v in source.trunk.state_dict().items()}, path
        )
    else:
        path = save_network("midas", source, tmp_path / "model", half=False)
    network = initial_network("gp2", {"trunk": "tiny", "image_size": 64}, trunk=path)
    found = network.trunk.convolutions
    assert all(
        torch.equal(a.weight, b.weight) for a, b in zip(convolutions, found, strict=True)
    )


def test_trunks_that_do_not_fit(tmp_path):
    network = build_network("midas", {"trunk": "tiny", "image_size": 64})
    with pytest.raises(FileNotFoundError, match="no trunk weights at"):
        load_trunk(network, tmp_path / "nothing")
    other = build_network("midas", {"trunk": "mobilenet_v2"})
    folder = save_network("midas", other, tmp_path)
    with pytest.raises(ValueError, match="another trunk than tiny: .* choose it with --set trunk"):
        load_trunk(network, folder)
    patches = {"embedding": "patch", "image_size": 56, "taps": [0, 1, 2, 3]}
    with pytest.raises(ValueError, match="DPT as configured has no trunk"):
        load_trunk(build_network("dpt", patches), folder)


def test_the_vqvae_is_asked_for_and_frozen(vqvae, tmp_path):
    values = {"trunk": "tiny", "width": 32, "heads": 2, "image_size": 64}
    with pytest.raises(ValueError, match="dit lives in a VQ-VAE's latents"):
        initial_network("dit", values)
    with pytest.raises(ValueError, match="midas has no use for --vqvae"):
        initial_network("midas", {}, vqvae=vqvae)
    network = initial_network("dit", values, vqvae=vqvae)
    groups = parameter_groups(network, 0.3)
    trained = {id(p) for group in groups for p in group["params"]}
    assert not trained & {id(p) for p in network.vqvae.parameters()}
    assert groups[0]["lr_scale"] == 0.3
    assert {id(p) for p in groups[0]["params"]} == {id(p) for p in network.trunk.parameters()}
    folder = save_network("midas", build_network("midas", {}), tmp_path)
    with pytest.raises(CheckpointError, match="holds a 'midas' checkpoint, expected one of"):
        load_vqvae(folder)


def test_the_vqvae_of_a_whole_model(tiny_predictor, tmp_path):
    folder = tiny_predictor.save_pretrained(tmp_path)
    found = load_vqvae(folder).state_dict()
    expected = tiny_predictor.model.vqvae.state_dict()
    assert all(torch.equal(found[k], v.half().float()) for k, v in expected.items())


def test_settings():
    values = settings(["taps=[1, 2]", "kind=disparity", "width=8", "name=a=b"])
    assert values == {"taps": [1, 2], "kind": "disparity", "width": 8, "name": "a=b"}
    with pytest.raises(ValueError, match="FIELD=VALUE, got 'width'"):
        settings(["width"])


@pytest.mark.parametrize("family", ["midas", "dit"])
def test_dry_run_needs_no_data(family, capsys, tmp_path):
    baseline.main(["-o", str(tmp_path), "--model", family, "--dry-run"])
    assert "GFLOP" in capsys.readouterr().out
