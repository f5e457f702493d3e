"""Metric bins on numbers worked out by hand, and their training."""

import math

import numpy as np
import pytest
import torch

import depthart
from depthart.baselines.dpt import DPT
from depthart.baselines.metric_bins import LogBinomial, MetricDPT, MetricDPTConfig, attracted
from depthart.baselines.predictor import save_network
from depthart.checkpoints import CheckpointError
from tests.test_depth_anything_training import data as data
from train.depth_anything import metric
from train.depth_anything.network import ARCHITECTURES, architecture

SMALL = {"bins": 8, "attractors": (2, 2, 1, 1), "head_width": 8}


def cell(*values):
    return torch.tensor(values, dtype=torch.float32).view(1, -1, 1, 1)


def test_shares_are_a_binomial_at_temperature_1():
    shares = LogBinomial(1, 4, 3).shares(cell(0.25), cell(1.0))
    # binomial(2, 1/4): 9/16, 6/16, 1/16
    assert shares.flatten().tolist() == pytest.approx([9 / 16, 6 / 16, 1 / 16], rel=1e-5)


def test_a_low_temperature_is_a_sharp_peak():
    shares = LogBinomial(1, 4, 11).shares(cell(0.7), cell(0.01))
    assert shares.argmax(1).item() == 7 and shares.max() > 0.99


def test_attractors_pull_what_is_near():
    moved = attracted(cell(1.0, 5.0), cell(1.1))
    # distance 0.1: 0.1 / (1 + 300 * 0.01) = 0.025; distance -3.9: -3.9 / (1 + 300 * 15.21)
    assert moved.flatten().tolist() == pytest.approx([1.025, 5 - 3.9 / 4564.0], rel=1e-6)
    both = attracted(cell(1.0), cell(1.1, 0.9))
    assert both.item() == pytest.approx(1.0)  # their mean


def test_centres_start_evenly_in_log_depth():
    model = MetricDPT(MetricDPTConfig(**vars_of("tiny"), **SMALL, seeds_m=(0.5, 8.0)))
    seeds = torch.nn.functional.softplus(model.seed[-1].bias)
    assert seeds.log().diff().std() < 1e-5
    assert seeds[[0, -1]].tolist() == pytest.approx([0.5, 8.0], rel=1e-5)


def test_the_loss_is_zero_at_the_truth_and_knows_metres():
    model = MetricDPT(MetricDPTConfig(**vars_of("tiny"), **SMALL))
    images = torch.rand(2, 3, 64, 64)
    depth = model(images).detach().unsqueeze(1)
    valid = torch.ones_like(depth, dtype=torch.bool)
    valid[..., :10] = False
    depth[..., :10] = 0
    assert model.loss(images, depth, valid)[0].item() == pytest.approx(10 * math.sqrt(1e-8))
    # Twice too near everywhere: 10 sqrt(0.15) ln 2
    twice = model.loss(images, 2 * depth, valid)[0].item()
    assert twice == pytest.approx(10 * math.sqrt(0.15) * math.log(2), rel=1e-3)


def test_a_relative_network_becomes_metric(data, tmp_path, picture):
    torch.manual_seed(0)
    relative = DPT(architecture("tiny"))
    save_network("dpt", relative, tmp_path / "relative", half=False)
    begun = metric.metric_network(tmp_path / "relative", bins=8)
    for key, value in relative.state_dict().items():
        assert torch.equal(begun.state_dict()[key], value), key
    metric.main(
        ["-o", str(tmp_path / "run"), "--start", str(tmp_path / "relative"), "--bins", "8", *data]
        + ["--batch-size", "2", "--steps", "2", "--save-every", "2", "--device", "cpu"]
        + ["--lr", "1e-3", "--warmup", "0", "--lr-end", "1"]
    )
    predictor = depthart.load(tmp_path / "run/model", device="cpu")
    prediction = predictor.predict(picture)
    assert prediction.kind == "metric" and prediction.unit == "m"
    assert np.isfinite(prediction.depth).all() and prediction.depth.min() > 0
    # The encoder moves a fiftieth as far as the rest; Adam's first steps are as long as the rate.
    trained = torch.load(tmp_path / "run/state.pt", weights_only=True)["module"]
    moved = {
        name: (trained[key] - relative.state_dict()[key]).abs().max().item()
        for name, key in (
            ("encoder", "trunk.convolutions.0.weight"),
            ("decoder", "head.coarse.weight"),
        )
    }
    assert 0 < moved["encoder"] < 0.1 * moved["decoder"]


def test_what_is_no_relative_network_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="missing"):
        metric.metric_network(tmp_path)
    model = MetricDPT(MetricDPTConfig(**vars_of("tiny"), **SMALL))
    save_network("dpt_metric", model, tmp_path / "metric")
    with pytest.raises(ValueError, match="a DPT is needed"):
        metric.metric_network(tmp_path / "metric")
    with pytest.raises(ValueError, match="kind 'metric'"):
        MetricDPTConfig(kind="disparity")


def vars_of(name):
    """Fields of an architecture, without its kind."""
    fields = dict(vars(ARCHITECTURES[name]))
    fields.pop("kind")
    return fields
