"""Scaled dot-product attention, with a form of its own for training on CPUs.

Letters: B batch, H heads, l queries, t keys, D width of a head.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class LeadingMask:
    """Which keys are seen: `(queries, keys)` = so many queries in a row see the first so many keys.

    Every mask of next-scale prediction is of this kind: a scale sees all that came before it.
    """

    runs: tuple[tuple[int, int], ...]

    @cached_property
    def dense(self) -> Tensor:
        """(l, t) bool, True = may look."""
        seen = torch.tensor([keys for queries, keys in self.runs for _ in range(queries)])
        columns = torch.arange(max(keys for _, keys in self.runs))
        return columns < seen[:, None]

    def slices(self) -> list[tuple[slice, slice]]:
        """Queries and keys of each run."""
        first, found = 0, []
        for queries, keys in self.runs:
            found.append((slice(first, first + queries), slice(keys)))
            first += queries
        return found


def attend(q: Tensor, k: Tensor, v: Tensor, mask: LeadingMask | None, scale: float) -> Tensor:
    """softmax(scale * q k^T) v.

    Args:
        q: (B, H, l, D). k, v: (B, H, t, D).
        mask: None lets all queries see all keys.

    Returns:
        (B, H, l, D).
    """
    q, k = q.to(v.dtype), k.to(v.dtype)
    if q.device.type == "cpu" and torch.is_grad_enabled() and q.requires_grad:
        mask = mask or LeadingMask(((q.shape[2], k.shape[2]),))
        return _TrainingAttention.apply(q, k, v, mask, scale)
    dense = None if mask is None else mask.dense.to(q.device)
    return F.scaled_dot_product_attention(q, k, v, dense, scale=scale)


class _TrainingAttention(torch.autograd.Function):
    """Plain matrix products over what is visible alone, probabilities kept in the inputs' type.

    The backward pass of torch's fused attention is slow on CPUs, and a masked product computes
    what the mask throws away.
    """

    @staticmethod
    def forward(ctx, q: Tensor, k: Tensor, v: Tensor, mask: LeadingMask, scale: float) -> Tensor:
        q = q * scale
        out, probabilities = torch.empty_like(q), []
        with torch.autocast(q.device.type, enabled=False):  # it would make them float32
            for rows, keys in mask.slices():
                seen = (q[:, :, rows] @ k[:, :, keys].mT).softmax(-1)  # (B, H, l, t) of this run
                out[:, :, rows] = seen @ v[:, :, keys]
                probabilities.append(seen)
        ctx.save_for_backward(q, k, v, *probabilities)
        ctx.mask, ctx.scale = mask, scale
        return out

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        q, k, v, *probabilities = ctx.saved_tensors
        of_q, of_k, of_v = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for (rows, keys), seen in zip(ctx.mask.slices(), probabilities, strict=True):
            part = gradient[:, :, rows]
            of_v[:, :, keys] += seen.mT @ part
            of_logits = torch._softmax_backward_data(part @ v[:, :, keys].mT, seen, -1, seen.dtype)
            of_q[:, :, rows] = of_logits @ k[:, :, keys]
            of_k[:, :, keys] += of_logits.mT @ q[:, :, rows]
        return of_q * ctx.scale, of_k, of_v, None, None

