"""A faster weight gradient for 5x5 depthwise convolutions in bf16 on CPUs.

oneDNN has fast kernels for the weight gradient of 3x3 depthwise convolutions and none for 5x5,
which then takes 30 times as long as the forward pass and more than half of a training step of an
EfficientNet trunk. A 5x5 gradient is four 3x3 ones, of the input moved by 0 or 2 rows and columns.
`python -m train.depthwise` prints what that gives on this machine.

Letters: B batch, C channels, H x W input, h x w output.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_convolution_backward = torch.ops.aten.convolution_backward


def faster_depthwise(module: nn.Module) -> None:
    """Let all 5x5 depthwise convolutions of a module be differentiated the fast way.

    Weights, their names and the forward pass stay as they are, and so does everything in other
    precisions and on other devices.
    """
    for part in module.modules():
        if type(part) is nn.Conv2d and _is_depthwise5(part):
            part.__class__ = Depthwise5


def _is_depthwise5(convolution: nn.Conv2d) -> bool:
    depthwise = convolution.groups == convolution.in_channels == convolution.out_channels
    plain = convolution.dilation == (1, 1) and convolution.padding_mode == "zeros"
    return depthwise and plain and convolution.kernel_size == (5, 5)


class Depthwise5(nn.Conv2d):
    """(B, C, H, W) -> (B, C, h, w)."""

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        fast = (
            input.device.type == "cpu"
            and torch.is_autocast_enabled("cpu")
            and torch.get_autocast_dtype("cpu") == torch.bfloat16
            and torch.is_grad_enabled()
            and weight.requires_grad
        )
        if not fast:
            return super()._conv_forward(input, weight, bias)
        out = _Convolution.apply(input.bfloat16(), weight, self.stride, self.padding)
        return out if bias is None else out + bias.bfloat16().view(1, -1, 1, 1)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, stride: tuple, padding: tuple) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight.bfloat16(), None, stride, padding, groups=x.shape[1])

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, Tensor, None, None]:
        x, weight = ctx.saved_tensors
        of_input = None
        if ctx.needs_input_grad[0]:
            of_input = _backward(gradient, x, weight.bfloat16(), ctx.stride, ctx.padding, 0)
        return of_input, weight_gradient(x, gradient, ctx.stride, ctx.padding), None, None


def weight_gradient(
    x: Tensor, gradient: Tensor, stride: tuple[int, int], padding: tuple[int, int]
) -> Tensor:
    """Gradient of the weight (C, 1, 5, 5), float32.

    Args:
        x: the convolution's input (B, C, H, W). gradient: of its output (B, C, h, w).
    """
    below, right = padding
    x = F.pad(x, (right, right, below, below)) if below or right else x
    height, width = (
        (size - 1) * step + 3 for size, step in zip(gradient.shape[-2:], stride, strict=True)
    )
    small = x.new_zeros(x.shape[1], 1, 3, 3)  # its values do not matter
    whole = torch.empty(x.shape[1], 1, 5, 5)
    for row in (0, 2):
        for column in (0, 2):
            moved = x[..., row : row + height, column : column + width]
            moved = moved.contiguous(memory_format=torch.channels_last)
            part = _backward(gradient, moved, small, stride, (0, 0), 1)
            whole[..., row : row + 3, column : column + 3] = part
    return whole


def _backward(
    gradient: Tensor, x: Tensor, weight: Tensor, stride: tuple, padding: tuple, which: int
) -> Tensor:
    """torch's own gradient of the input (`which` 0) or of the weight (1)."""
    mask = [which == 0, which == 1, False]
    return _convolution_backward(
        gradient, x, weight, None, stride, padding, [1, 1], False, [0, 0], x.shape[1], mask
    )[which]


def main() -> None:
    torch.set_num_threads(1)
    for channels, side in ((288, 32), (720, 16), (1248, 8)):  # of EfficientNet-Lite2, batch 16
        plain, fast = measure(channels, side)
        print(f"{channels} channels, {side} x {side}: {plain:.1f} ms plain, {fast:.1f} ms here")


def measure(channels: int, side: int, batch: int = 16) -> tuple[float, float]:
    """CPU milliseconds of the weight gradient: torch's own, and ours."""
    x = torch.randn(batch, channels, side, side).bfloat16()
    x = x.to(memory_format=torch.channels_last)
    weight, gradient = torch.randn(channels, 1, 5, 5).bfloat16(), torch.randn_like(x)
    return (
        _milliseconds(lambda: _backward(gradient, x, weight, (1, 1), (2, 2), 1)),
        _milliseconds(lambda: weight_gradient(x, gradient, (1, 1), (2, 2))),
    )


def _milliseconds(run: Callable[[], object], repeat: int = 5) -> float:
    run()
    start = time.process_time()
    for _ in range(repeat):
        run()
    return (time.process_time() - start) / repeat * 1000


if __name__ == "__main__":
    main()
