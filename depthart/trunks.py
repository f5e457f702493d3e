"""Convolutional trunks of image encoders, with batch norms folded into the convolutions.

MobileNetV2 (Sandler et al., 2018) and EfficientNet-Lite (Tan & Le, 2019, without squeeze and
excitation), both chains of inverted residuals with ReLU6. Letters: B batch, H x W pixels.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F


class Stage(NamedTuple):
    """Inverted residuals of one kind; the first of them has the stride."""

    expansion: int
    channels: int
    repeats: int
    stride: int
    kernel: int = 3


def _efficientnet_lite(channels: tuple[int, ...], repeats: tuple[int, ...]) -> tuple[Stage, ...]:
    expansions, strides = (1, 6, 6, 6, 6, 6, 6), (1, 2, 2, 2, 1, 2, 1)
    kernels = (3, 3, 5, 3, 5, 5, 3)
    return tuple(map(Stage, expansions, channels, repeats, strides, kernels))


TRUNKS: dict[str, tuple[Stage, ...]] = {
    "mobilenet_v2": (
        Stage(1, 16, 1, 1),
        Stage(6, 24, 2, 2),
        Stage(6, 32, 3, 2),
        Stage(6, 64, 4, 2),
        Stage(6, 96, 3, 1),
        Stage(6, 160, 3, 2),
        Stage(6, 320, 1, 1),
    ),
    "efficientnet_lite0": _efficientnet_lite(
        (16, 24, 40, 80, 112, 192, 320), (1, 2, 2, 3, 3, 4, 1)
    ),
    "efficientnet_lite1": _efficientnet_lite(
        (16, 24, 40, 80, 112, 192, 320), (1, 3, 3, 4, 4, 5, 1)
    ),
    "efficientnet_lite2": _efficientnet_lite(
        (16, 24, 48, 88, 120, 208, 352), (1, 3, 3, 4, 4, 5, 1)
    ),
}


def build_trunk(name: str) -> Trunk:
    """A trunk with random weights.

    Raises:
        ValueError: for an unknown name, listing the known ones.
    """
    if name not in TRUNKS:
        raise ValueError(f"unknown trunk {name!r}; known: {', '.join(TRUNKS)}")
    return Trunk(TRUNKS[name])


class Trunk(nn.Module):
    """Pictures -> features at four resolutions.

    Attributes:
        channels: of the taps at strides 4, 8, 16 and 32.
        convolutions: in execution order, so that a folded ImageNet file loads by position.
    """

    channels: tuple[int, int, int, int]

    def __init__(self, stages: tuple[Stage, ...]) -> None:
        super().__init__()
        convolutions = [_conv(3, 32, 3, stride=2)]
        self._blocks: list[tuple[int, int, bool]] = []  # first convolution, count, shortcut
        inputs, stride, tap_of_stride = 32, 2, {}
        for stage in stages:
            for i in range(stage.repeats):
                step = stage.stride if i == 0 else 1
                hidden = inputs * stage.expansion
                layers = [] if stage.expansion == 1 else [_conv(inputs, hidden, 1)]
                layers += [_conv(hidden, hidden, stage.kernel, step, groups=hidden)]
                layers += [_conv(hidden, stage.channels, 1)]
                shortcut = step == 1 and inputs == stage.channels
                self._blocks.append((len(convolutions), len(layers), shortcut))
                convolutions += layers
                inputs, stride = stage.channels, stride * step
                tap_of_stride[stride] = (len(self._blocks) - 1, inputs)
        self._taps, self.channels = zip(*(tap_of_stride[s] for s in (4, 8, 16, 32)), strict=True)
        self.convolutions = nn.ModuleList(convolutions)

    def forward(self, images: Tensor) -> list[Tensor]:
        """(B, 3, H, W) in [-1, 1] -> [(B, channels[i], H / s, W / s) for s = 4, 8, 16, 32].

        H and W are multiples of 32.
        """
        x = F.relu6(self._convolve(0, images))
        taps = []
        for number, (first, count, shortcut) in enumerate(self._blocks):
            h = x
            for i in range(first, first + count - 1):
                h = F.relu6(self._convolve(i, h))
            h = self._convolve(first + count - 1, h)
            x = x + h if shortcut else h
            if number in self._taps:
                taps.append(x)
        return taps

    def _convolve(self, index: int, x: Tensor) -> Tensor:
        convolution = self.convolutions[index]
        if convolution.stride[0] == 2:  # TensorFlow's "same": the odd row goes right and below
            before = (convolution.kernel_size[0] - 2) // 2
            x = F.pad(x, (before, before + 1, before, before + 1))
        return convolution(x)


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    padding = 0 if stride == 2 else kernel // 2
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups)
