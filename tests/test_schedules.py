"""Schedules written as text, and learning rates."""

import pytest

from train.loop import RunConfig, learning_rate
from train.schedules import depthart_share, progressive_scales


def test_progressive_schedule():
    scales_at = progressive_scales("0.3:6,0.7:8", 10)
    assert [scales_at(p) for p in (0, 0.3, 0.69)] == [6, 8, 8]
    assert scales_at(0.7) == 10
    for wrong in ("half", "0.3:11", "0.3:0"):
        with pytest.raises(ValueError, match="schedule"):
            progressive_scales(wrong, 10)


def test_names_change_at_once():
    share = depthart_share("0:var,0.5:depthart")
    assert [share(p) for p in (0, 0.49, 0.5, 0.9)] == [0, 0, 1, 1]


def test_numbers_are_joined_by_lines():
    share = depthart_share("0.2:0, 0.6:1")
    assert [share(p) for p in (0, 0.2, 0.3, 0.6, 0.9)] == pytest.approx([0, 0, 0.25, 1, 1])


@pytest.mark.parametrize("wrong", ["", "var", "0:maybe", "0.5:0,0.2:1", "0:2"])
def test_other_mixtures_are_refused(wrong):
    with pytest.raises(ValueError, match="schedule"):
        depthart_share(wrong)


def test_learning_rate_schedule():
    config = RunConfig(steps=110, warmup=10, lr=1.0, lr_end=0.1)
    assert learning_rate(config, 0) == pytest.approx(0.1)
    assert learning_rate(config, 10) == pytest.approx(1.0)
    assert learning_rate(config, 60) == pytest.approx(0.55)
    assert learning_rate(config, 110) == pytest.approx(0.1)


def test_the_papers_steps():
    config = RunConfig(steps=100, warmup=0, lr=1.0, schedule="step", lr_every=10, lr_gamma=0.8)
    assert [learning_rate(config, n) for n in (0, 9, 10, 25)] == pytest.approx([1, 1, 0.8, 0.64])
