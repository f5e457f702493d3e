"""The loss that all objectives share: cross entropy over scales, and options beyond the paper.

Letters: B batch, L tokens of the scales in use, l tokens of one scale, V codes, z latent channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from depthart.scales import Scales
from train.objectives import Lesson


@dataclass(frozen=True)
class LossConfig:
    """Defaults are the paper's; everything else goes beyond it and serves both objectives alike."""

    average: Literal["token", "scale"] = "token"  # "scale": all scales weigh the same
    code_error: float = 0.0  # weight of the relative squared error of the expected code vector
    soft_targets: float = 0.0  # temperature of targets softened by code distance; 0 = hard


def next_scale_loss(
    logits: Tensor, lesson: Lesson, codebook: Tensor, scales: Scales, config: LossConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss of one masked pass.

    Args:
        logits: (B, L, V). lesson: its targets and residuals, one entry per scale in use.
        codebook: (V, z).

    Returns:
        scalar, and per scale `ce_1`, ... (nats) and, with `code_error`, `code_1`, ... (relative):
        scalars without gradient, not yet waited for.
    """
    report: dict[str, Tensor] = {}
    cross_entropies, code_errors, lengths = [], [], []
    pieces = scales.split(logits, len(lesson.targets))
    told = zip(pieces, lesson.targets, lesson.residuals, strict=True)
    for k, (piece, targets, residuals) in enumerate(told, start=1):
        log_p = piece.float().log_softmax(-1)  # (B, l, V)
        if config.soft_targets:
            soft = soft_targets(residuals, codebook, config.soft_targets)
            cross_entropies.append(-(soft * log_p).sum(-1).mean())
        else:
            cross_entropies.append(F.nll_loss(log_p.flatten(0, 1), targets.flatten()))
        report[f"ce_{k}"] = cross_entropies[-1].detach()
        lengths.append(targets.shape[1])
        if config.code_error:
            expected = log_p.exp() @ codebook.detach()
            error = (expected - residuals).square().sum((1, 2))
            power = residuals.square().sum((1, 2))
            # A floor keeps nearly solved scales from shouting.
            floor = 0.1 * power.mean() + 1e-6
            code_errors.append((error / (power + floor)).mean())
            report[f"code_{k}"] = code_errors[-1].detach()
    loss = _average(cross_entropies, lengths, config.average)
    if config.code_error:
        loss = loss + config.code_error * _average(code_errors, lengths, config.average)
    return loss, report


def soft_targets(residuals: Tensor, codebook: Tensor, temperature: float) -> Tensor:
    """softmax(-|residual - code|^2 / (temperature * mean distance to the nearest code)).

    Args:
        residuals: (B, l, z). codebook: (V, z).

    Returns:
        (B, l, V) without gradient.
    """
    with torch.no_grad(), torch.autocast(residuals.device.type, enabled=False):
        distance = torch.cdist(residuals.float(), codebook.float()).square()
        unit = distance.amin(-1).mean().clamp_min(1e-12) * temperature
        return (-distance / unit).softmax(-1)


def _average(values: list[Tensor], lengths: list[int], how: str) -> Tensor:
    weights = [float(n) for n in lengths] if how == "token" else [1.0] * len(lengths)
    return sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights)
