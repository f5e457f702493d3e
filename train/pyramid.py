"""The residual pyramid of one depth map as pictures, for the figures.

Letters: S side of the feature map, s side of one scale's token map, z channels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from depthart.normalize import to_log
from depthart.scales import Scales
from depthart.vqvae import VQVAE


class Pyramid(Protocol):
    """How features become token maps and pictures (paper, eqs. 2 to 4)."""

    scales: Scales
    features: Tensor  # (1, z, S, S) of the true depth

    def tokens(self, residual: Tensor, scale: int) -> Tensor:
        """Q[S(r, s_k)]: what is missing, (1, z, S, S) -> one vector per token, (1, s * s, z)."""

    def expand(self, tokens: Tensor, scale: int) -> Tensor:
        """eta_k: a token map's contribution, (1, s * s, z) -> (1, z, S, S)."""

    def picture(self, features: Tensor) -> Tensor:
        """(1, z, S, S) -> depth (256, 256), 0 to 1."""


class PlainPyramid:
    """The decomposition on the depth map itself: one channel, no codebook, no phi."""

    def __init__(self, depth: Tensor, scales: Scales) -> None:
        """depth: (256, 256), 0 to 1."""
        self.scales = scales
        self.features = F.interpolate(depth[None, None], size=(scales.finest,) * 2, mode="area")

    def tokens(self, residual: Tensor, scale: int) -> Tensor:
        side = self.scales.sides[scale]
        return F.interpolate(residual, size=(side, side), mode="area").flatten(2).mT

    def expand(self, tokens: Tensor, scale: int) -> Tensor:
        side = self.scales.sides[scale]
        maps = tokens.mT.unflatten(2, (side, side))
        return F.interpolate(maps, size=(self.scales.finest,) * 2, mode="bicubic")

    def picture(self, features: Tensor) -> Tensor:
        return F.interpolate(features, size=(256, 256), mode="bicubic")[0, 0].clamp(0, 1)


class CodedPyramid:
    """The decomposition of a trained VQ-VAE."""

    @torch.no_grad()
    def __init__(self, depth: Tensor, vqvae: VQVAE) -> None:
        """depth: (256, 256), 0 to 1."""
        self.vqvae = vqvae
        self.scales = vqvae.scales
        image = to_log(depth * 2 - 1, vqvae.config.log_offset)
        self.features = vqvae.encode(image.expand(1, 3, -1, -1))

    def tokens(self, residual: Tensor, scale: int) -> Tensor:
        quantizer = self.vqvae.quantizer
        return quantizer.codebook(quantizer.nearest(residual, scale))

    def expand(self, tokens: Tensor, scale: int) -> Tensor:
        return self.vqvae.quantizer.expand(tokens, scale)

    def picture(self, features: Tensor) -> Tensor:
        return self.vqvae.to_depth(self.vqvae.decode(features))[0]


@dataclass(frozen=True)
class Level:
    """One scale as pictures. Depths are (256, 256) in 0 to 1; token maps are (s, s): how far each
    token moves the depth on its square, positive is farther."""

    side: int
    seen: np.ndarray  # depth so far, what the transformer is given
    target: np.ndarray  # token map asked for
    predicted: np.ndarray  # token map answered
    depth: np.ndarray  # depth with the answer added


@torch.no_grad()
def unroll(
    pyramid: Pyramid, answer: Callable[[Tensor, int], Tensor] | None = None, own: bool = True
) -> list[Level]:
    """Go through the scales as training does.

    Args:
        pyramid: the decomposition.
        answer: turns the target (1, s * s, z) of scale k into a prediction; perfect when None.
        own: go on from the predictions (DepthART, eqs. 5 and 6) or from the targets (VAR).
    """
    total = torch.zeros_like(pyramid.features)
    levels = []
    for k, side in enumerate(pyramid.scales.sides):
        target = pyramid.tokens(pyramid.features - total, k)
        predicted = target if answer is None else answer(target, k)
        seen = pyramid.picture(total)

        def effect(tokens: Tensor, k=k, total=total, seen=seen, side=side) -> np.ndarray:
            change = pyramid.picture(total + pyramid.expand(tokens, k)) - seen
            return F.interpolate(change[None, None], size=(side, side), mode="area")[0, 0].numpy()

        after = total + pyramid.expand(predicted, k)
        levels.append(
            Level(
                side,
                seen.numpy(),
                effect(target),
                effect(predicted),
                pyramid.picture(after).numpy(),
            )
        )
        total = after if own else total + pyramid.expand(target, k)
    return levels


class Story(NamedTuple):
    """The scales of one depth map: put together without mistakes, and in both ways to train."""

    refinement: list[Level]
    var: list[Level]
    depthart: list[Level]

    @classmethod
    def of(cls, pyramid: Pyramid) -> Story:
        answer = _imperfect(pyramid)
        return cls(
            unroll(pyramid), unroll(pyramid, answer, own=False), unroll(pyramid, answer, own=True)
        )


def _imperfect(pyramid: Pyramid) -> Callable[[Tensor, int], Tensor]:
    """A made-up predictor: the right answer damped by a fifth, plus noise, as a token map."""
    noise = torch.Generator().manual_seed(3)
    spread = float(pyramid.features.std())

    def answer(target: Tensor, scale: int) -> Tensor:
        wrong = torch.randn(target.shape, generator=noise) * spread * 0.35 * 0.8**scale
        return 0.8 * target + wrong

    return answer
