"""Arithmetic on many vectors.

Vectors (N, 3) are kept as the transpose of memory laid out as (3, N), in which sums over x, y, z
are five times faster; sums, products and choices of such vectors are laid out alike.
"""

from __future__ import annotations

from torch import Tensor


def dot(a: Tensor, b: Tensor) -> Tensor:
    """(N,) products of vectors (N, 3)."""
    return (a * b).sum(1)


def unit(x: Tensor) -> Tensor:
    """Vectors (N, 3) of length 1; those of length 0 stay."""
    return x / dot(x, x).sqrt().clamp_min(1e-12)[:, None]


def rows_of(table: Tensor, index: Tensor) -> Tensor:
    """(M,) or (M, C) entries `index` (M,) int64 of a table (N,) or (N, C), laid out as (C, M)."""
    if table.ndim == 1:
        return table.index_select(0, index)
    return table.T.index_select(1, index).T
