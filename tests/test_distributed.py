"""Several processes over gloo, and runs that are killed: the curves and weights stay the same."""

import json
import multiprocessing
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest
import torch

import depthart
from tests import toy_command
from tests.conftest import rendered_shard
from train.features import FeatureCache

# Processes start from one that has imported torch already: each is real, and ready at once.
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(
    ["tests.toy_command", "accelerate", "torch._dynamo", "torch.distributed.fsdp"]
)
ROOT = Path(__file__).resolve().parents[1]


def environments(count: int) -> list[dict[str, str]]:
    """What `accelerate launch` tells each of `count` processes; nothing for a single one."""
    if count == 1:
        return [{}]
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    shared = {
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
    }
    return [shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(count)]


def start(
    output: Path, *flags: str, processes: int = 1, command: Callable = toy_command.main
) -> list[BaseProcess]:
    started = [
        SERVER.Process(target=command, args=(["-o", str(output), *flags], environment))
        for environment in environments(processes)
    ]
    for process in started:
        process.start()
    return started


def finish(running: list[BaseProcess]) -> None:
    for process in running:
        process.join(120)
        assert process.exitcode == 0, "see what it printed"


def curve(folder: Path) -> dict[int, float]:
    lines = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return {line["step"]: line["loss"] for line in lines if "loss" in line}


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "weights.pt", weights_only=True)


def assert_close(mine: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert mine.keys() == expected.keys()
    for key, value in expected.items():
        torch.testing.assert_close(mine[key], value, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Path:
    """One process, the whole batch."""
    folder = tmp_path_factory.mktemp("alone")
    finish(start(folder))
    return folder


@pytest.mark.parametrize(
    "flags", [(), ("--accumulate", "2"), ("--fsdp", "--accumulate", "2")], ids=" ".join
)
def test_two_processes_follow_the_curve_of_one(flags, alone, tmp_path):
    finish(start(tmp_path, *flags, processes=2))
    assert curve(tmp_path) == pytest.approx(curve(alone), rel=1e-3)
    assert len(curve(alone)) == 12 and curve(alone)[12] < 0.7 * curve(alone)[1]
    assert_close(weights(tmp_path), weights(alone))


def test_a_sharded_run_goes_on_alone_and_back(tmp_path):
    """The state is whole tensors under plain names."""
    flags = ["--fsdp"]
    finish(start(tmp_path, "--schedule", "step", "--steps", "4", *flags, processes=2))
    finish(start(tmp_path, "--schedule", "step", "--steps", "8"))
    finish(start(tmp_path, "--schedule", "step", *flags, processes=2))
    whole = tmp_path / "whole"
    finish(start(whole, "--schedule", "step"))
    assert_close(weights(tmp_path), weights(whole))


@pytest.mark.parametrize("processes", [1, 2])
def test_a_killed_run_ends_with_the_same_weights(processes, alone, tmp_path):
    """SIGKILL after the checkpoint of step 4, somewhere in the steps to the next."""
    running = start(tmp_path, "--pause", "0.2", processes=processes)
    deadline = time.monotonic() + 60
    while not (tmp_path / "log.jsonl").is_file() or max(curve(tmp_path), default=0) < 6:
        assert time.monotonic() < deadline and running[0].is_alive()
        time.sleep(0.02)
    for process in running:
        process.kill()
        process.join()
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert state["step"] == 4
    finish(start(tmp_path, processes=processes))
    expected = curve(alone)
    assert curve(tmp_path) == pytest.approx(expected, rel=1e-3)
    if processes == 1:
        for key, value in weights(alone).items():
            assert torch.equal(weights(tmp_path)[key], value), key
    else:
        assert_close(weights(tmp_path), weights(alone))


@pytest.mark.slow
@pytest.mark.parametrize("flags", [(), ("--fsdp",)], ids=["replicated", "sharded"])
def test_the_transformer_follows_too(flags, tmp_path):
    """The real command, roll-outs and evaluation included, with everything in training."""
    data = rendered_shard(tmp_path)
    fixed = "--preset tiny --steps 3 --batch-size 4 --log-every 1 --warmup 1 --no-bf16".split()
    fixed += f"--device cpu --train-encoder 1 --rendered {data} --held-out {data}".split()
    runs = {1: (), 2: flags}
    for count, more in runs.items():
        folder = tmp_path / str(count)
        finish(start(folder, *fixed, *more, processes=count, command=toy_command.transformer))
    lines = [
        [json.loads(line) for line in (tmp_path / f"{n}/log.jsonl").read_text().splitlines()]
        for n in runs
    ]
    for one, two in zip(*lines, strict=True):
        for key in one.keys() - {"samples_per_s", "minutes_left"}:
            assert two[key] == pytest.approx(one[key], rel=1e-3), key
    assert depthart.load(tmp_path / "2/model", device="cpu").kind == "scale_invariant"


@pytest.mark.slow
def test_a_feature_cache_is_filled_together(tmp_path):
    """Two processes write what one would have written."""
    data = rendered_shard(tmp_path)
    fixed = f"--preset tiny --steps 1 --batch-size 2 --warmup 1 --device cpu --rendered {data}"
    for count in (1, 2):
        cache = ["--cache", str(tmp_path / f"cache{count}"), "--cache-samples", "6"]
        flags, command = [*fixed.split(), *cache], toy_command.transformer
        finish(start(tmp_path / str(count), *flags, processes=count, command=command))
    alone, together = (FeatureCache(tmp_path / f"cache{count}").arrays for count in (1, 2))
    for one, two in zip(alone, together, strict=True):
        assert len(one) == 6 and (one.std(axis=tuple(range(1, one.ndim))) > 0).all()
        np.testing.assert_allclose(two, one, rtol=0.02, atol=0.02)


@pytest.mark.slow
def test_the_launcher_starts_a_command(tmp_path):
    """`accelerate launch` with two processes."""
    code = "from tests.toy_command import main; import sys; main(sys.argv[1:], {})"
    script = tmp_path / "command.py"
    script.write_text(code)
    launcher = "-m accelerate.commands.launch --cpu --num_processes 2 --num_machines 1".split()
    launcher += ["--mixed_precision", "no", "--dynamo_backend", "no"]
    port = environments(2)[0]["MASTER_PORT"]
    done = subprocess.run(
        [sys.executable, *launcher, "--main_process_port", port, script, "-o", tmp_path / "run"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    whole = tmp_path / "whole"
    finish(start(whole))
    assert curve(tmp_path / "run") == pytest.approx(curve(whole), rel=1e-3)
