"""`train.average`: the mean of checkpoints' weights, and what cannot be averaged."""

import pytest
import torch

from depthart.checkpoints import write_checkpoint
from depthart.config import DepthARTConfig
from train import average
from train.dense import DenseDepth, load_dense, save_dense

CONFIG = DepthARTConfig.preset("tiny").image_encoder


@pytest.fixture
def folders(tmp_path):
    """Two dense checkpoints with weights of their own."""
    for name, seed in (("old", 0), ("new", 1)):
        torch.manual_seed(seed)
        save_dense(CONFIG, DenseDepth(CONFIG).state_dict(), tmp_path / name)
    return [str(tmp_path / "old"), str(tmp_path / "new")]


def test_mean_in_shares(folders, tmp_path):
    average.main([*folders, "-o", str(tmp_path / "mean"), "--shares", "3", "1"])
    old, new, mean = (load_dense(f).state_dict() for f in (*folders, tmp_path / "mean"))
    moved = 0
    for name, value in mean.items():
        torch.testing.assert_close(value, 0.75 * old[name] + 0.25 * new[name])
        moved += not torch.equal(value, old[name])
    assert moved
    average.main([*folders, "-o", str(tmp_path / "half"), "--half"])
    half = load_dense(tmp_path / "half").head.weight
    expected = (old["head.weight"] + new["head.weight"]) / 2
    torch.testing.assert_close(half, expected.half().float(), atol=0, rtol=0)


def test_counters_are_not_averaged(tmp_path):
    for name, count in (("a", 3), ("b", 9)):
        state = {"w": torch.full((2,), float(count)), "count": torch.tensor(count)}
        write_checkpoint(tmp_path / name, {"model": "m"}, state, half=False)
    mean = average.average([tmp_path / "a", tmp_path / "b"], [1, 1])
    assert mean["w"].tolist() == [6, 6] and mean["count"].item() == 3


def test_what_does_not_fit_is_named(folders, tmp_path, capsys):
    write_checkpoint(tmp_path / "other", {"model": "other"}, {"w": torch.ones(1)})
    for arguments, message in (
        ([folders[0], str(tmp_path / "other")], "other has another config.json"),
        ([folders[0], str(tmp_path / "nowhere")], "no checkpoint in"),
        ([*folders, "--shares", "1"], "2 checkpoints need as many shares, got 1"),
        ([*folders, "--shares", "1", "-1"], "must not be negative"),
    ):
        with pytest.raises(SystemExit):
            average.main([*arguments, "-o", str(tmp_path / "out")])
        assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
