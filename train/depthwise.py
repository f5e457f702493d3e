"""Faster gradients of depthwise convolutions in bf16 on CPUs.

oneDNN has a fast kernel for the weight gradient of 3x3 depthwise convolutions and none for 5x5,
which then takes 30 times as long as the forward pass and more than half of a training step of an
EfficientNet trunk: but a 5x5 gradient is four 3x3 ones, of the input moved by 0 or 2 rows and
columns. Nor is there one for the input's gradient at stride 2, whose even and odd rows and columns
are four convolutions of stride 1. `python -m train.depthwise` prints what that gives here.

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
    """Let all depthwise convolutions of 5x5 or of stride 2 be differentiated the fast way.

    Weights, their names and the forward pass stay as they are, and so does everything in other
    precisions and on other devices.
    """
    for part in module.modules():
        if type(part) is nn.Conv2d and _is_slow(part):
            part.__class__ = FastDepthwise


def _is_slow(convolution: nn.Conv2d) -> bool:
    depthwise = convolution.groups == convolution.in_channels == convolution.out_channels
    plain = convolution.dilation == (1, 1) and convolution.padding_mode == "zeros"
    five = convolution.kernel_size == (5, 5)
    return depthwise and plain and (five or _has_phases(convolution.stride, convolution.padding))


def _has_phases(stride: tuple[int, int], padding: tuple[int, int]) -> bool:
    return stride == (2, 2) and padding == (0, 0)


class FastDepthwise(nn.Conv2d):
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
        small, stride, padding = weight.to(x.dtype), ctx.stride, ctx.padding
        of_input = None
        if ctx.needs_input_grad[0] and _has_phases(stride, padding):
            of_input = input_gradient(gradient, small, x.shape[-2:])
        elif ctx.needs_input_grad[0]:
            of_input = _backward(gradient, x, small, stride, padding, 0)
        if weight.shape[-2:] == (5, 5):
            of_weight = weight_gradient(x, gradient, stride, padding)
        else:
            of_weight = _backward(gradient, x, small, stride, padding, 1).to(weight.dtype)
        return of_input, of_weight, None, None


def input_gradient(gradient: Tensor, weight: Tensor, size: tuple[int, int]) -> Tensor:
    """Gradient (B, C, H, W) of the input of a convolution of stride 2 without padding.

    Args:
        gradient: of its output (B, C, h, w). weight: (C, 1, k, k). size: H, W.
    """
    whole = gradient.new_zeros(*gradient.shape[:2], *size)
    whole = whole.contiguous(memory_format=torch.channels_last)
    for row in (0, 1):
        for column in (0, 1):  # what the inputs of these rows and columns are multiplied with
            seen = weight[..., row::2, column::2].flip(2, 3).contiguous()
            above, left = (side - 1 for side in seen.shape[-2:])
            part = F.conv2d(gradient, seen, padding=(above, left), groups=len(weight))
            below, right = row + 2 * part.shape[-2], column + 2 * part.shape[-1]
            whole[..., row:below:2, column:right:2] = part
    return whole


def weight_gradient(
    x: Tensor, gradient: Tensor, stride: tuple[int, int], padding: tuple[int, int]
) -> Tensor:
    """Gradient (C, 1, 5, 5) of the weight, float32.

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


def main(batch: int = 16) -> None:
    """Print what the gradients of an EfficientNet-Lite2's layers take, plain and here."""
    for channels, side in ((288, 32), (720, 16), (1248, 8)):  # of EfficientNet-Lite2
        x, weight, gradient = _example(batch, channels, side, side, 5)
        plain = _milliseconds(lambda e=(gradient, x, weight): _backward(*e, (1, 1), (2, 2), 1))
        fast = _milliseconds(lambda e=(x, gradient): weight_gradient(*e, (1, 1), (2, 2)))
        print(f"weight, {channels} x {side} x {side}: {plain:.1f} ms plain, {fast:.1f} ms here")
    for channels, side, kernel in ((96, 129, 3), (144, 67, 5), (720, 19, 5)):
        x, weight, gradient = _example(batch, channels, side, (side - kernel) // 2 + 1, kernel)
        plain = _milliseconds(lambda e=(gradient, x, weight): _backward(*e, (2, 2), (0, 0), 0))
        fast = _milliseconds(lambda e=(gradient, weight, x.shape[-2:]): input_gradient(*e))
        print(f"input, {channels} x {side} x {side}: {plain:.1f} ms plain, {fast:.1f} ms here")


def _example(
    batch: int, channels: int, side: int, output: int, kernel: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Input, weight and the output's gradient."""
    x, gradient = (
        torch.randn(batch, channels, n, n).bfloat16().to(memory_format=torch.channels_last)
        for n in (side, output)
    )
    return x, torch.randn(channels, 1, kernel, kernel).bfloat16(), gradient


def _milliseconds(run: Callable[[], object], repeat: int = 5) -> float:
    run()
    start = time.process_time()
    for _ in range(repeat):
        run()
    return (time.process_time() - start) / repeat * 1000


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
