"""Where teacher and student start: the trunk alone of another model, or a whole DPT."""

import pytest
import torch

from depthart.baselines.dpt import DPT
from depthart.baselines.network import build_network
from depthart.baselines.predictor import save_network
from depthart.trunks import TRUNKS, Stage
from train.depth_anything.network import architecture, start


@pytest.fixture
def model(monkeypatch):
    stages = (Stage(1, 8, 1, 1), *(Stage(2, c, 1, 2) for c in (8, 16, 16, 32)))
    monkeypatch.setitem(TRUNKS, "tiny", stages)
    torch.manual_seed(1)
    return DPT(architecture("tiny", "tiny"))


def test_another_models_checkpoint_gives_its_trunk_alone(model, tmp_path):
    torch.manual_seed(2)
    source = build_network("midas", {"trunk": "tiny", "image_size": 64, "features": 8})
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert start(model, str(save_network("midas", source, tmp_path, half=False)))
    for name, value in model.state_dict().items():
        inside = name.startswith("trunk.")
        expected = source.state_dict()[name] if inside else before[name]
        torch.testing.assert_close(value, expected, rtol=0, atol=0)


def test_a_dpt_checkpoint_gives_everything(model, tmp_path):
    torch.manual_seed(3)
    source = DPT(model.config)
    start(model, str(save_network("dpt", source, tmp_path, half=False)))
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, source.state_dict()[name], rtol=0, atol=0)


def test_nothing_named_nothing_filled(model):
    assert not start(model, None)
