"""Checkpoint folders: exact round trips and clear refusals."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from depthart.checkpoints import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    CheckpointError,
    load_weights,
    read_config,
    write_checkpoint,
)


class Net(nn.Module):
    """Weights of two kinds."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.register_buffer("steps", torch.tensor([1 << 40]))


CONFIG = {"model": "net", "sizes": [3, 2], "name": "Straße"}


@pytest.fixture
def net():
    torch.manual_seed(0)
    return Net()


@pytest.fixture
def folder(net, tmp_path):
    return write_checkpoint(tmp_path / "some" / "net", CONFIG, net.state_dict())


def change_weights(folder, change):
    state = load_file(folder / WEIGHTS_FILE)
    change(state)
    save_file(state, folder / WEIGHTS_FILE)


# ---- round trips -----------------------------------------------------------------------------


def test_float16_round_trip_is_exact(net, folder):
    loaded = load_weights(Net().train(), folder)
    assert loaded.linear.weight.dtype == torch.float32 and not loaded.training
    for key in ("linear.weight", "linear.bias"):
        assert torch.equal(loaded.state_dict()[key], net.state_dict()[key].half().float())
    assert torch.equal(loaded.steps, net.steps)  # integers keep their type
    again = write_checkpoint(folder.parent / "again", CONFIG, loaded.state_dict())
    assert (again / WEIGHTS_FILE).read_bytes() == (folder / WEIGHTS_FILE).read_bytes()


def test_full_precision_round_trip_is_exact(net, tmp_path):
    write_checkpoint(tmp_path, CONFIG, net.state_dict(), half=False)
    loaded = load_weights(Net(), tmp_path)
    assert torch.equal(loaded.linear.weight, net.linear.weight)
    assert not torch.equal(net.linear.weight, net.linear.weight.half().float())


def test_config_round_trip(folder):
    assert read_config(folder) == CONFIG


def test_the_saved_module_is_untouched(net, folder):
    assert net.linear.weight.dtype == torch.float32 and net.training


def test_a_module_on_meta_is_filled(folder):
    with torch.device("meta"):
        empty = Net()
    loaded = load_weights(empty, folder)
    assert loaded.linear.weight.device.type == "cpu"
    stored = load_file(folder / WEIGHTS_FILE)["linear.weight"]
    assert torch.equal(loaded.linear.weight.half(), stored)


def test_views_are_written_as_they_look(tmp_path):
    state = {"a": torch.arange(6.0).view(2, 3).t()}
    write_checkpoint(tmp_path, {}, state)
    assert torch.equal(load_file(tmp_path / WEIGHTS_FILE)["a"].float(), state["a"])


def test_writing_replaces_and_leaves_no_scraps(net, folder):
    net.linear.weight.data += 1
    write_checkpoint(folder, {"model": "other"}, net.state_dict())
    assert read_config(folder) == {"model": "other"}
    loaded = load_weights(Net(), folder)
    torch.testing.assert_close(loaded.linear.weight, net.linear.weight, rtol=1e-3, atol=1e-3)
    assert {path.name for path in folder.iterdir()} == {CONFIG_FILE, WEIGHTS_FILE}


def test_a_failed_write_keeps_the_old_weights(folder, monkeypatch):
    before = (folder / WEIGHTS_FILE).read_bytes()

    def full_disk(tensors, path, metadata):
        path.write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full_disk)
    with pytest.raises(OSError, match="no space"):
        write_checkpoint(folder, {"model": "new"}, Net().state_dict())
    assert (folder / WEIGHTS_FILE).read_bytes() == before
    assert read_config(folder) == CONFIG


# ---- refusals --------------------------------------------------------------------------------


def test_errors_are_value_errors():
    assert issubclass(CheckpointError, ValueError)


def test_missing_files_are_named(folder):
    (folder / CONFIG_FILE).unlink()
    with pytest.raises(CheckpointError, match=f"no checkpoint in .*net: {CONFIG_FILE} is missing"):
        read_config(folder)
    (folder / WEIGHTS_FILE).unlink()
    with pytest.raises(CheckpointError, match=f"no checkpoint in .*net: {WEIGHTS_FILE} is missing"):
        load_weights(Net(), folder)


def test_missing_folder(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint in .*nowhere"):
        read_config(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b'{"model": ', b"", b"\xff\xfe\x00garbage"])
def test_damaged_config(folder, content):
    (folder / CONFIG_FILE).write_bytes(content)
    with pytest.raises(CheckpointError, match=f"{CONFIG_FILE} is not valid JSON"):
        read_config(folder)


def test_config_that_is_no_object(folder):
    (folder / CONFIG_FILE).write_text(json.dumps([1, 2]))
    with pytest.raises(CheckpointError, match="does not hold a JSON object"):
        read_config(folder)


@pytest.mark.parametrize("keep", [0, 4, 60, -1], ids=["empty", "stub", "header cut", "data cut"])
def test_damaged_weights(folder, keep):
    path = folder / WEIGHTS_FILE
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=f"{WEIGHTS_FILE} is damaged"):
        load_weights(Net(), folder)


def test_large_file_pointer_instead_of_weights(folder):
    """What a clone without its large files holds."""
    (folder / WEIGHTS_FILE).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(CheckpointError, match="damaged or not a safetensors file"):
        load_weights(Net(), folder)


def test_missing_key_is_named(folder):
    change_weights(folder, lambda state: state.pop("linear.bias"))
    with pytest.raises(CheckpointError, match=r"missing: linear\.bias"):
        load_weights(Net(), folder)


def test_unused_key_is_named(folder):
    change_weights(folder, lambda state: state.update(mystery=torch.zeros(1)))
    with pytest.raises(CheckpointError, match="unused: mystery"):
        load_weights(Net(), folder)


def test_wrong_shape_is_named(folder):
    change_weights(folder, lambda state: state.update({"linear.weight": torch.zeros(2, 4)}))
    message = r"shape of linear\.weight: expected \(2, 3\), got \(2, 4\)"
    with pytest.raises(CheckpointError, match=message):
        load_weights(Net(), folder)


def test_all_problems_are_told_at_once(folder):
    def change(state):
        state["linear.biases"] = state.pop("linear.bias")
        state["steps"] = torch.zeros(2)

    change_weights(folder, change)
    with pytest.raises(CheckpointError) as caught:
        load_weights(Net(), folder)
    for part in ("missing: linear.bias", "unused: linear.biases", "shape of steps"):
        assert part in str(caught.value)
