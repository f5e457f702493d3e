"""The fast gradients of depthwise convolutions are torch's own."""

import pytest
import torch
from torch import nn

from train.depthwise import (
    FastDepthwise,
    faster_depthwise,
    input_gradient,
    main,
    weight_gradient,
)


@pytest.mark.parametrize(
    "stride, padding, size", [(1, 2, (9, 12)), (2, 0, (11, 15)), (2, 2, (8, 9))]
)
def test_weight_gradient_in_full_precision(stride, padding, size):
    torch.manual_seed(0)
    convolution = nn.Conv2d(6, 6, 5, stride, padding, groups=6, bias=False)
    x = torch.randn(3, 6, *size)
    out = convolution(x)
    gradient = torch.randn_like(out)
    out.backward(gradient)
    found = weight_gradient(x, gradient, (stride, stride), (padding, padding))
    torch.testing.assert_close(found, convolution.weight.grad, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kernel", [2, 3, 5])
@pytest.mark.parametrize("size", [(9, 12), (10, 11)])
def test_input_gradient_in_full_precision(kernel, size):
    torch.manual_seed(0)
    convolution = nn.Conv2d(6, 6, kernel, 2, groups=6, bias=False)
    x = torch.randn(3, 6, *size, requires_grad=True)
    out = convolution(x)
    gradient = torch.randn_like(out)
    out.backward(gradient)
    found = input_gradient(gradient, convolution.weight.detach(), size)
    torch.testing.assert_close(found, x.grad, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "shape", [{"kernel_size": 5, "padding": 2}, {"kernel_size": 3, "stride": 2}]
)
def test_training_in_bf16_gives_the_same_gradients_as_before(shape):
    torch.manual_seed(0)
    plain, fast = (
        nn.Sequential(nn.Conv2d(4, 8, 1), nn.Conv2d(8, 8, **shape, groups=8), nn.ReLU6())
        for _ in range(2)
    )
    fast.load_state_dict(plain.state_dict())
    faster_depthwise(fast)
    assert type(fast[1]) is FastDepthwise and type(fast[0]) is nn.Conv2d
    assert fast.state_dict().keys() == plain.state_dict().keys()
    x = torch.randn(2, 4, 10, 10)
    for model in (plain, fast):
        with torch.autocast("cpu", torch.bfloat16):
            model(x).float().square().mean().backward()
    for a, b in zip(plain.parameters(), fast.parameters(), strict=True):
        assert (a.grad - b.grad).norm() < 0.02 * a.grad.norm()
    assert torch.equal(plain(x), fast(x))  # outside of autocast nothing changes


@pytest.mark.parametrize(
    "other",
    [
        nn.Conv2d(8, 8, 3, groups=8),
        nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8),
        nn.Conv2d(8, 8, 5, groups=4),
        nn.Conv2d(8, 16, 5, groups=8),
        nn.Conv2d(8, 8, 5, groups=8, dilation=2),
        nn.Conv2d(8, 8, 5, groups=8, padding=2, padding_mode="reflect"),
    ],
)
def test_other_convolutions_are_left_alone(other):
    faster_depthwise(other)
    assert type(other) is nn.Conv2d


def test_the_command_times_both_gradients(capsys):
    main(batch=1)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["weight"] * 3 + ["input"] * 3
    assert all(line.endswith("ms here") for line in lines)
