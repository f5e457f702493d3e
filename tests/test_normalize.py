"""Eq. 9 and its inverse, and the filling of holes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from depthart.normalize import (
    depth_scale,
    depth_to_image,
    fill_invalid,
    image_slope,
    image_to_depth,
    normalize_depth,
)


@pytest.fixture
def depth():
    """Two maps of 20 x 30 whose scales differ a hundredfold."""
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand(2, 1, 20, 30, generator=generator) + 0.1
    return maps * torch.tensor([1.0, 100.0]).view(2, 1, 1, 1)


def test_scale_is_the_98th_percentile_of_each_map(depth):
    expected = np.percentile(depth.double().numpy(), 98, axis=(1, 2, 3))
    assert depth_scale(depth).shape == (2, 1, 1, 1)
    np.testing.assert_allclose(depth_scale(depth).flatten(), expected, rtol=1e-5)


def test_eq9_by_hand(depth):
    d98 = np.percentile(depth.double().numpy(), 98, axis=(1, 2, 3), keepdims=True)
    expected = np.clip(depth.numpy() / (d98 + 1e-6) * 2 - 1, -1, 1)
    np.testing.assert_allclose(normalize_depth(depth), expected, atol=1e-5)


@settings(deadline=None, max_examples=30)
@given(st.floats(1e-2, 1e4))
def test_units_do_not_matter(factor):
    depth = torch.linspace(0.5, 9, 600).view(1, 1, 20, 30)
    torch.testing.assert_close(
        normalize_depth(depth * factor), normalize_depth(depth), rtol=0, atol=1e-3
    )


def test_clipping_touches_the_farthest_two_percent_only(depth):
    clipped, free = normalize_depth(depth), normalize_depth(depth, clip=False)
    assert clipped.max() == 1 and clipped.min() >= -1
    above = (free > 1).flatten(1).sum(1)
    assert above.tolist() == [12, 12]  # 2 % of 600
    assert torch.equal(clipped[free <= 1], free[free <= 1])


def test_only_valid_pixels_make_the_percentile(depth):
    valid = torch.ones_like(depth, dtype=torch.bool)
    valid[:, :, :, 25:] = False
    broken = depth.clone()
    broken[:, :, :, 25:28] = 1e6
    broken[:, :, :, 28:] = torch.nan
    expected = normalize_depth(depth[..., :25])
    torch.testing.assert_close(normalize_depth(broken, valid)[..., :25], expected)


def test_a_map_without_valid_pixels_is_refused(depth):
    valid = torch.ones_like(depth, dtype=torch.bool)
    valid[1] = False
    with pytest.raises(ValueError, match="without a single valid pixel"):
        normalize_depth(depth, valid)


def test_inverse_recovers_depth_up_to_the_scale(depth):
    image = depth_to_image(depth)
    assert image.shape == (2, 3, 20, 30)
    scale = depth_scale(depth)
    again = image_to_depth(image)[:, None] * scale
    torch.testing.assert_close(again, torch.minimum(depth, scale), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("offset", [0.02, 0.1, 1.0])
def test_log_depth_keeps_its_ends_and_its_inverse(depth, offset):
    shares = (normalize_depth(depth) + 1) / 2
    image = depth_to_image(depth, log_offset=offset)
    expected = 2 * np.log(1 + shares.numpy() / offset) / np.log(1 + 1 / offset) - 1
    np.testing.assert_allclose(image, np.broadcast_to(expected, image.shape), atol=1e-5)
    torch.testing.assert_close(image_to_depth(image, offset), shares[:, 0], rtol=1e-4, atol=1e-5)
    ends = torch.tensor([-1.0, 1.0]).view(1, 1, 1, 2)
    assert image_to_depth(ends, offset).flatten().tolist() == pytest.approx([0, 1])


@pytest.mark.parametrize("offset", [0.0, 0.1])
def test_slope_is_the_derivative(offset):
    image = torch.linspace(-0.99, 0.99, 50).view(1, 1, 5, 10).requires_grad_()
    (slope,) = torch.autograd.grad(image_to_depth(image, offset).sum(), image)
    torch.testing.assert_close(image_slope(image.detach(), offset), slope)


def test_image_to_depth_clamps_each_channel_before_the_mean():
    image = torch.tensor([5.0, -1.0, -1.0]).view(1, 3, 1, 1)
    assert image_to_depth(image).item() == pytest.approx(1 / 3)


def test_fill_keeps_valid_pixels_and_stays_within_their_range(depth):
    valid = torch.rand(depth.shape, generator=torch.Generator().manual_seed(1)) < 0.2
    holes = depth.masked_fill(~valid, torch.nan)
    filled = fill_invalid(holes, valid)
    assert torch.equal(filled[valid], depth[valid])
    for before, after, flags in zip(depth, filled, valid, strict=True):
        low, high = before[flags].aminmax()
        assert (after >= low * (1 - 1e-5)).all() and (after <= high * (1 + 1e-5)).all()


def test_fill_takes_the_near_value():
    depth = torch.ones(1, 1, 16, 16)
    depth[..., 8:] = 3
    valid = torch.ones_like(depth, dtype=torch.bool)
    valid[..., 3:5, 2:4] = False
    valid[..., 3:5, 12:14] = False
    filled = fill_invalid(depth.masked_fill(~valid, 99), valid)
    torch.testing.assert_close(filled, depth)


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (1, 9)])
def test_fill_at_odd_sizes(size):
    valid = torch.zeros(1, 1, *size, dtype=torch.bool)
    valid[..., -1, -1] = True
    filled = fill_invalid(torch.full((1, 1, *size), 2.0), valid)
    torch.testing.assert_close(filled, torch.full((1, 1, *size), 2.0))


def test_fill_of_nothing_is_zero():
    nothing = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    assert fill_invalid(torch.full((1, 1, 4, 4), torch.nan), nothing).eq(0).all()
