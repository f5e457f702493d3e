"""Losses of the baselines on numbers worked out by hand, and their invariances."""

import pytest
import torch

from depthart.baselines.adabins import FAR, NEAR, bin_centres, chamfer_loss
from depthart.baselines.gp2 import pairwise_losses
from depthart.baselines.losses import (
    affine_invariant_loss,
    disparity_of,
    gradient_loss,
    l2_loss,
    loss_of_kind,
    mean_pairwise_distance,
    relative_depth,
    silog_loss,
    standardize,
    trimmed_mean,
)


def row(*values):
    """One map of one row, (1, 1, N)."""
    return torch.tensor([[values]], dtype=torch.float32)


def test_l2_is_in_units_of_the_98th_percentile():
    depth = torch.full((1, 1, 2, 2), 4.0)
    valid = torch.ones_like(depth, dtype=torch.bool)
    torch.testing.assert_close(relative_depth(depth, valid), torch.ones(1, 2, 2))
    assert l2_loss(torch.full((1, 2, 2), 0.5), depth, valid).item() == pytest.approx(0.25, abs=1e-5)
    valid[0, 0, 0] = False
    prediction = torch.tensor([[[9.0, 9.0], [1.0, 0.0]]])  # errors 0 and 1 count
    assert l2_loss(prediction, depth, valid).item() == pytest.approx(0.5, abs=1e-5)


def test_maps_without_depth_cost_nothing():
    depth, nothing = torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    prediction = torch.ones(1, 4, 4)
    for kind in ("scale_invariant", "disparity"):
        assert loss_of_kind(kind, prediction, depth, nothing)[0].item() == 0
    with pytest.raises(ValueError, match="no loss for kind 'metric'"):
        loss_of_kind("metric", prediction, depth, nothing)


def test_standardize():
    # median 2, deviations 1 0 4 -> mean 5 / 3; the hidden 100 does not count
    values, mask = row(1, 2, 6, 100), row(1, 1, 1, 0).bool()
    torch.testing.assert_close(standardize(values, mask)[..., :3], row(-0.6, 0, 2.4))


def test_trimmed_mean():
    errors, mask = row(1, 2, 3, 4, 10, 99), row(1, 1, 1, 1, 1, 0).bool()
    assert trimmed_mean(errors, mask, 0.2).item() == pytest.approx(10 / 5)  # without the 10
    assert trimmed_mean(errors, mask, 0.0).item() == pytest.approx(20 / 5)


def test_gradients_at_two_resolutions():
    # steps 1, 2, 3 over 4 pixels; then pixels 0 and 2, one step of 3 over 2 pixels
    assert gradient_loss(row(0, 1, 3, 6), row(1, 1, 1, 1), 2).item() == pytest.approx(6 / 4 + 3 / 2)
    # a hole takes its two steps with it
    assert gradient_loss(row(0, 1, 3, 6), row(1, 0, 1, 1), 1).item() == pytest.approx(3 / 3)


def test_the_affine_invariant_loss_forgives_factor_and_shift():
    torch.manual_seed(0)
    depth = torch.rand(2, 1, 16, 16) + 0.5
    valid = torch.rand(2, 1, 16, 16) > 0.2
    right = 3 * disparity_of(depth, valid) + 7
    assert affine_invariant_loss(right, depth, valid)[0].item() == pytest.approx(0, abs=1e-4)
    assert affine_invariant_loss(-right, depth, valid)[0].item() > 0.3


def test_pairwise_distances():
    values, mask = row(5, 1, 2, 50), row(1, 1, 1, 0).bool()  # 4 + 3 + 1, both ways, over 9 pairs
    assert mean_pairwise_distance(values, mask).item() == pytest.approx(16 / 9)
    shifted = mean_pairwise_distance(values + 3, mask)
    assert shifted.item() == pytest.approx(16 / 9, abs=1e-5)


def test_pairwise_distances_are_those_of_all_pairs():
    torch.manual_seed(0)
    values = torch.randn(3, 4, 5, dtype=torch.float64, requires_grad=True)
    mask = torch.rand(3, 4, 5) > 0.3
    fast = mean_pairwise_distance(values, mask)
    slow = torch.stack(
        [(v[m][:, None] - v[m][None]).abs().mean() for v, m in zip(values, mask, strict=True)]
    )
    torch.testing.assert_close(fast, slow)
    for one, other in zip(
        torch.autograd.grad(fast.sum(), values, retain_graph=True),
        torch.autograd.grad(slow.sum(), values),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_gp2_knows_which_maps_are_complete():
    torch.manual_seed(0)
    depth = torch.rand(2, 1, 8, 8) + 0.5
    valid = torch.ones_like(depth, dtype=torch.bool)
    scaled = (3 * depth).log().squeeze(1)  # right up to scale
    both = torch.tensor([True, True])
    si, ssi = pairwise_losses(scaled, depth, valid, both)
    assert si.item() == pytest.approx(0, abs=1e-4) and ssi.item() == pytest.approx(0, abs=1e-4)
    shifted = -(1 / depth + 0.5).log().squeeze(1)  # right up to scale and shift of disparity
    si, ssi = pairwise_losses(shifted, depth, valid, both)
    assert si.item() > 0.05 and ssi.item() == pytest.approx(0, abs=1e-4)
    first_right = torch.stack([scaled[0], shifted[1]])
    si, _ = pairwise_losses(first_right, depth, valid, torch.tensor([True, False]))
    assert si.item() == pytest.approx(0, abs=1e-4)
    si, _ = pairwise_losses(shifted, depth, valid, ~both)
    assert si.item() == 0


def test_silog():
    # errors 0 and 2: mean square 2, mean 1
    expected = 10 * (2 - 0.85) ** 0.5
    assert silog_loss(row(0, 2, 9), row(1, 1, 0)).item() == pytest.approx(expected)


def test_bins_divide_the_range():
    centres = bin_centres(torch.tensor([[0.9, 0.9, -5.0], [2.0, 2.0, 2.0]]))
    # widths 1, 1, 0.1 of 2.1
    unit = (FAR - NEAR) / 2.1
    expected = NEAR + unit * torch.tensor([0.5, 1.5, 2.05])
    torch.testing.assert_close(centres[0], expected)
    torch.testing.assert_close(centres[1], NEAR + (FAR - NEAR) * torch.tensor([1, 3, 5]) / 6)


def test_chamfer():
    centres, truth, mask = torch.tensor([[0.0, 1.0]]), row(0.25, 1.0, 5.0), row(1, 1, 0).bool()
    # depths to centres: 1/16 and 0, mean 1/32; centres to depths: 1/16 and 0, mean 1/32
    assert chamfer_loss(centres, truth, mask).item() == pytest.approx(1 / 16)
    assert chamfer_loss(centres, truth, ~mask & False).item() == 0
