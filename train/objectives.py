"""Training objectives: who produces (inputs, targets); the masked forward pass is shared.

`var` is teacher forcing (VAR); `depthart` learns from its own roll-out with targets recomputed as
the remaining residual (paper, eqs. 5-8). Letters: B batch, K scales, l tokens of one scale,
z latent channels, S finest side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from depthart import DepthART
from depthart.sampling import Sampler


class Lesson(NamedTuple):
    """Inputs and targets of one masked forward pass."""

    inputs: list[Tensor]  # scales 2..K, each (B, l, z): cumulative features so far, resized
    targets: list[Tensor]  # scales 1..K, each (B, l): code indices
    residuals: list[Tensor]  # scales 1..K, each (B, l, z): the vectors that `targets` quantise
    totals: Sequence[Tensor] = ()  # scales 1..K, each (B, z, S, S): features before that scale


Objective = Callable[..., Lesson]


@torch.no_grad()
def teacher_forcing(
    model: DepthART,
    image_features: Tensor,
    depth_features: Tensor,
    count: int | None = None,
    sampler: Sampler | str = "argmax",
) -> Lesson:
    """VAR: inputs and targets are the true depth's own token maps (eq. 1).

    Args:
        model: its quantiser is used, its transformer is not.
        image_features: unused, so that all objectives are called alike.
        depth_features: VQ-VAE features of the true depth before quantisation, (B, z, S, S).
        count: only the first so many scales.
        sampler: unused.
    """
    quantizer = model.vqvae.quantizer
    used = count or len(model.scales)
    indices, totals = quantizer.tokenize(depth_features)
    before = [torch.zeros_like(depth_features), *totals[: used - 1]]
    return Lesson(
        inputs=[quantizer.downsample(before[k], k) for k in range(1, used)],
        targets=indices[:used],
        residuals=[quantizer.downsample(depth_features - before[k], k) for k in range(used)],
        totals=before,
    )


@torch.no_grad()
def dynamic_targets(
    model: DepthART,
    image_features: Tensor,
    depth_features: Tensor,
    count: int | None = None,
    sampler: Sampler | str = "argmax",
) -> Lesson:
    """DepthART, eqs. 5-8: inputs from the model's own roll-out, targets what is still missing.

    Args:
        model: rolled out without dropout and without gradients.
        image_features: see `DepthART.image_features`.
        depth_features: VQ-VAE features of the true depth before quantisation, (B, z, S, S).
        count: only the first so many scales.
        sampler: "argmax" as in the paper. Ours: "expected" feeds the mean code; "sample" draws, by
            a `Sampler` with a seed for this step.
    """
    quantizer = model.vqvae.quantizer
    total = torch.zeros_like(depth_features)
    lesson = Lesson([], [], [], [])
    used = count or len(model.scales)
    with _evaluation_mode(model), _cast_once(model.transformer, depth_features.device.type):
        steps = model.rollout(image_features, sampler, used)
        for scale in range(used):
            if scale:
                total = next(steps).features  # of the scale before; nobody needs the last one's
                lesson.inputs.append(quantizer.downsample(total, scale))
            residual = quantizer.downsample(depth_features - total, scale)  # eq. 6
            lesson.totals.append(total)
            lesson.residuals.append(residual)
            lesson.targets.append(quantizer.nearest_codes(residual))  # eq. 7
    return lesson


@contextmanager
def _evaluation_mode(model: nn.Module) -> Iterator[None]:
    """No dropout inside; afterwards every part is in its own mode again (some may be frozen)."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def _cast_once(module: nn.Module, device_type: str) -> Iterator[None]:
    """Inside, linear layers hold weights of autocast's type, if it is on.

    Without gradients autocast would cast every weight anew at every scale: the same numbers, ten
    times.
    """
    whole: list[tuple[nn.Linear, str, nn.Parameter]] = []
    if torch.is_autocast_enabled(device_type):
        dtype = torch.get_autocast_dtype(device_type)
        for linear in module.modules():
            if isinstance(linear, nn.Linear):
                whole += [(linear, name, p) for name, p in linear.named_parameters(recurse=False)]
        for linear, name, parameter in whole:
            linear._parameters[name] = parameter.to(dtype)
    try:
        yield
    finally:
        for linear, name, parameter in whole:
            linear._parameters[name] = parameter


OBJECTIVES: dict[str, Objective] = {"var": teacher_forcing, "depthart": dynamic_targets}
