"""The ladder of token-map sizes from 1x1 to the finest grid (paper, section 3.1).

Letters: K scales, s side of one token map, l = s * s its tokens, L = sum of all l, S = finest side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, islice

import torch
from torch import Tensor

from depthart.attention import LeadingMask

PAPER_SIDES = (1, 2, 3, 4, 5, 6, 8, 10, 13, 16)


@dataclass(frozen=True)
class Scales:
    """Sides of the K token maps, coarse to fine; the only place that knows lengths and slices.

    Raises:
        ValueError: if the sides are empty, not positive or not strictly increasing.
    """

    sides: tuple[int, ...] = PAPER_SIDES

    def __post_init__(self) -> None:
        sides = self.sides
        if not sides or sides[0] < 1 or any(a >= b for a, b in zip(sides, sides[1:], strict=False)):
            raise ValueError(f"expected strictly increasing positive scale sides, got {sides}")

    def __len__(self) -> int:
        return len(self.sides)

    @property
    def finest(self) -> int:
        """S, the side of the last token map and of the latent grid."""
        return self.sides[-1]

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """Tokens of each scale, s * s."""
        return tuple(side * side for side in self.sides)

    @cached_property
    def total(self) -> int:
        """L, the tokens of all scales together (680 for the paper's ladder)."""
        return sum(self.lengths)

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """Where each scale lies in a sequence of all L tokens."""
        ends = [sum(self.lengths[: k + 1]) for k in range(len(self))]
        return tuple(slice(e - n, e) for e, n in zip(ends, self.lengths, strict=True))

    def split(self, sequence: Tensor, count: int | None = None) -> list[Tensor]:
        """Cut (B, L, ...) into its first `count` (default all) scales, each (B, l, ...)."""
        return list(sequence.split(self.lengths[: count or len(self)], dim=1))

    def levels(self) -> Tensor:
        """Scale number of each token, (L,) int64."""
        lengths = torch.tensor(self.lengths)
        return torch.repeat_interleave(torch.arange(len(self)), lengths, output_size=self.total)

    def mask(self, image_tokens: int, count: int | None = None) -> LeadingMask:
        """The block-causal mask: depth tokens of scale k see image tokens and scales up to k.

        Args:
            image_tokens: number of keys that precede the depth tokens and that all of them see.
            count: number of scales, from the coarsest (default all).

        Returns:
            of l_1 + ... + l_count queries and image_tokens + l_1 + ... + l_count keys.
        """
        ends = accumulate(self.lengths[: count or len(self)], initial=image_tokens)
        return LeadingMask(tuple(zip(self.lengths, islice(ends, 1, None), strict=False)))

    def mask_with_image_queries(self, image_tokens: int, count: int | None = None) -> LeadingMask:
        """The same mask with the P image tokens among the queries, P + L of both.

        Image tokens see one another and the first depth tokens: at inference both are prefilled in
        one unmasked call, so the released weights were trained to see it.
        """
        (first, keys), *others = self.mask(image_tokens, count).runs
        return LeadingMask(((image_tokens + first, keys), *others))


def as_scales(sides: Scales | Sequence[int]) -> Scales:
    """Accept a `Scales` or any sequence of sides."""
    return sides if isinstance(sides, Scales) else Scales(tuple(int(s) for s in sides))
