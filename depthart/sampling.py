"""From predicted distributions to code vectors: argmax, sampled or expected codes.

Letters: B batch, l tokens of one scale, V codes, C latent channels, n draws.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from torch import Tensor

Mode = Literal["argmax", "sample", "expected"]


@dataclass(frozen=True)
class Sampler:
    """How one scale's logits become codes.

    `argmax` takes the likeliest code. `sample` draws `draws` codes per token with replacement from
    the top-k / top-p truncated distribution and averages their vectors (the reference: 900, 0.90,
    5). `expected` takes the softmax-weighted mean of the whole codebook (ours, beyond the paper).

    Raises:
        ValueError: for an unknown mode or a parameter out of range.
    """

    mode: Mode = "argmax"
    top_k: int = 900  # 0 keeps all codes
    top_p: float = 0.90  # 1 keeps all codes
    temperature: float = 1.0
    draws: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise ValueError(f"unknown sampler {self.mode!r}; known: {', '.join(get_args(Mode))}")
        if self.top_k < 0 or not 0 < self.top_p <= 1 or self.temperature <= 0 or self.draws < 1:
            raise ValueError(
                "a sampler needs top_k >= 0, 0 < top_p <= 1, temperature > 0 and draws >= 1, "
                f"got {self}"
            )

    def generator(self, device: torch.device | str) -> torch.Generator:
        """A fresh random generator for one roll-out."""
        return torch.Generator(device=device).manual_seed(self.seed)

    def with_seed(self, seed: int) -> Sampler:
        return replace(self, seed=seed)


def as_sampler(sampler: Sampler | str) -> Sampler:
    """Accept a `Sampler` or the name of a mode."""
    return sampler if isinstance(sampler, Sampler) else Sampler(mode=sampler)  # type: ignore[arg-type]


def choose_codes(
    logits: Tensor, codebook: Tensor, sampler: Sampler, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Codes of one scale.

    Args:
        logits: (B, l, V). codebook: (V, C).

    Returns:
        code vectors (B, l, C) and indices (B, l): the chosen code, the first of the draws, or for
        `expected` the likeliest code.
    """
    logits = logits.float()
    if sampler.mode == "argmax":
        indices = logits.argmax(-1)
        return codebook[indices], indices
    if sampler.mode == "expected":
        weights = (logits / sampler.temperature).softmax(-1)
        return weights.to(codebook.dtype) @ codebook, logits.argmax(-1)
    probabilities = truncate(logits / sampler.temperature, sampler.top_k, sampler.top_p).softmax(-1)
    batch, length, vocab = logits.shape
    draws = torch.multinomial(
        probabilities.view(-1, vocab), sampler.draws, replacement=True, generator=generator
    ).view(batch, length, sampler.draws)
    return codebook[draws].mean(dim=2), draws[..., 0]


def truncate(logits: Tensor, top_k: int = 0, top_p: float = 1.0) -> Tensor:
    """Set all but the likeliest codes to -inf, (..., V) -> same.

    Kept are the `top_k` largest (0: all), and of these the smallest set whose probability reaches
    `top_p` (1: all).
    """
    if 0 < top_k < logits.shape[-1]:
        threshold = logits.topk(top_k, dim=-1).values[..., -1:]
        logits = logits.masked_fill(logits < threshold, -torch.inf)
    if top_p < 1:
        ordered, order = logits.sort(dim=-1, descending=True)
        probabilities = ordered.softmax(-1)
        before = probabilities.cumsum(-1) - probabilities  # mass of the likelier codes
        drop = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, before >= top_p)
        logits = logits.masked_fill(drop, -torch.inf)
    return logits


def entropy(logits: Tensor) -> Tensor:
    """Entropy in nats of softmax(logits), (..., V) -> (...)."""
    log_p = logits.float().log_softmax(-1)
    return -(log_p.exp() * log_p).sum(-1)
