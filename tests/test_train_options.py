"""What all training commands share beyond a plain run, through their own `main`."""

import json
from functools import partial
from pathlib import Path

import pytest
import torch

from tests.conftest import rendered_shard
from train import autoencoder, autoregressive, benchmark, benchmark_refine, image_encoder
from train.adversarial import Adversary
from train.loop import RunConfig, fit

DESK = Path(__file__).resolve().parents[1] / "assets/examples/desk.jpg"
SCALE = ["--preset", "tiny", "--batch-size", "2", "--log-every", "1", "--warmup", "1"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = rendered_shard(tmp_path_factory.mktemp("rendered"))
    return ["--rendered", str(folder), "--held-out", str(folder)]


def lines(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def state(folder):
    return torch.load(folder / "state.pt", weights_only=True)


def test_an_interrupted_autoencoder_ends_with_the_same_weights(data, tmp_path, monkeypatch):
    """With everything that has a memory: counts of codes, re-seeding at step 5, adversary."""
    more = ["--adversarial", "0.1", "--adversarial-start", "0.17", "--save-every", "3", *data]
    monkeypatch.setattr(autoencoder, "PARTIAL", 0.0)
    monkeypatch.setattr(autoencoder, "Adversary", partial(Adversary, width=8))

    def run(folder):
        autoencoder.main(["-o", str(folder), "--steps", "6", *SCALE, *more])
        return state(folder)

    whole = run(tmp_path / "whole")
    published = autoencoder.write_checkpoint

    def interrupted(*arguments, **options):
        published(*arguments, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(autoencoder, "write_checkpoint", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut")
    assert state(tmp_path / "cut")["step"] == 3
    monkeypatch.setattr(autoencoder, "write_checkpoint", published)
    again = run(tmp_path / "cut")
    for part in ("module", "ema"):
        for key, value in whole[part].items():
            assert torch.equal(value, again[part][key]), key
    logged = [set(line) for line in lines(tmp_path / "whole") if "loss" in line]
    assert [("discriminator" in names) for names in logged] == [False] + [True] * 5


@pytest.mark.parametrize("resident", [[], ["--resident"]])
def test_a_saved_configuration_repeats_the_run(resident, data, tmp_path):
    first = ["-o", str(tmp_path / "first"), "--steps", "2", "--lr", "0.002", *SCALE, *data]
    image_encoder.main([*first, *resident])
    config = str(tmp_path / "first/config.yaml")
    image_encoder.main(["--config", config, "-o", str(tmp_path / "second")])
    one, two = (state(tmp_path / name)["module"] for name in ("first", "second"))
    assert all(torch.equal(value, two[key]) for key, value in one.items())


def test_tensorboard_gets_curves_and_pictures(data, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    flags = ["-o", str(tmp_path), "--steps", "2", "--tensorboard", *SCALE, *data]
    autoregressive.main(flags)
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [e.step for e in events.Scalars("loss")] == [1, 2]
    shown = events.Tags()["images"]
    assert {"rendered/photo", "rendered/truth", "rendered/scale_01", "rendered/scale_10"} <= set(
        shown
    )


@pytest.mark.parametrize("preset", ["tiny", "paper"])
def test_dry_runs_need_neither_data_nor_memory(preset, tmp_path, capsys):
    flags = ["-o", str(tmp_path / "run"), "--preset", preset, "--batch-size", "4", "--dry-run"]
    autoregressive.main(flags)
    text = capsys.readouterr().out
    assert "GFLOP" in text and "trained" in text
    if preset == "paper":
        assert "419.23 M, 310.28 M trained" in text  # VQ-VAE 108.95 M, VAR-d16 310.28 M
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", [autoencoder, image_encoder])
def test_dry_runs_of_the_other_commands(command, tmp_path, capsys):
    command.main(["-o", str(tmp_path), *SCALE, "--dry-run"])
    assert "activations" in capsys.readouterr().out


def test_compiled_steps_are_the_same(tmp_path, monkeypatch):
    """The module's forward pass goes through `torch.compile`, here with its plainest backend."""
    calls = []
    compiled = torch.nn.Module.compile

    def plain(module):
        calls.append(module)
        compiled(module, backend="eager")

    def trained(folder, **options):
        torch.manual_seed(0)
        module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
        config = RunConfig(steps=2, batch_size=2, warmup=0, device="cpu", **options)
        return fit(module, lambda n: (module(torch.ones(2, 3)).sum(), {}), config, folder)

    monkeypatch.setattr(torch.nn.Module, "compile", plain)
    one, two = trained(tmp_path / "a"), trained(tmp_path / "b", compile=True)
    assert len(calls) == 1
    assert all(torch.equal(value, two[key]) for key, value in one.items())


def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    module = torch.nn.Linear(2, 1)

    def loss_of_step(step):
        return module(torch.ones(1, 2)).sum() * (torch.nan if step == 3 else 1), {}

    config = RunConfig(steps=6, batch_size=1, warmup=0, save_every=2, log_every=2, device="cpu")
    with pytest.raises(FloatingPointError, match="between steps 2 and 4"):
        fit(module, loss_of_step, config, tmp_path)
    kept = state(tmp_path)
    assert kept["step"] == 2 and all(v.isfinite().all() for v in kept["module"].values())


def test_fsdp_alone_is_refused(tmp_path):
    module = torch.nn.Linear(2, 1)
    with pytest.raises(ValueError, match="accelerate launch"):
        fit(module, lambda n: None, RunConfig(fsdp=True, device="cpu"), tmp_path)


def test_benchmark_measures_both_objectives(tmp_path, capsys):
    path = tmp_path / "result.json"
    flags = ["--preset", "tiny", "--batch-size", "1", "--repeat", "2", "--device", "cpu"]
    benchmark.main([*flags, "-o", str(path)])
    result = json.loads(path.read_text())
    for name in ("var", "depthart"):
        assert sum(result[name]["share"].values()) == pytest.approx(1, abs=0.5)
        assert result[name]["step_s"] > 0
    assert "depthart / var" in capsys.readouterr().out
    assert result["ratio"] > 0 and result["peak_mib"] > 0


def test_benchmark_waits_for_the_depth_of_all_scales(tmp_path, capsys):
    path = tmp_path / "result.json"
    benchmark_refine.main(["depthart-small", str(DESK), "--repeat", "2", "-o", str(path)])
    result = json.loads(path.read_text())
    assert result["steps"] == 10 and result["machine"]["threads"] == torch.get_num_threads()
    assert 0 < result["fastest_s"] <= result["median_s"] <= result["slowest_s"] < 60
    assert "10 steps" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        benchmark_refine.main(["depthart-small", str(DESK), "--repeat", "0"])
