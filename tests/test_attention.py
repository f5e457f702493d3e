"""Attention against plain loops, and its own form for training against autograd's."""

import pytest
import torch
from torch import Tensor

from depthart.attention import LeadingMask, attend

LEADING = LeadingMask(((2, 2), (1, 5)))
MASKS = pytest.mark.parametrize("mask", [None, LEADING], ids=["none", "leading"])


@pytest.fixture
def qkv() -> tuple[Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(0)
    q, k, v = (
        torch.randn(2, 2, count, 4, generator=draw, dtype=torch.float64) for count in (3, 5, 5)
    )
    return q, k + 1, v - 1


def loops(q: Tensor, k: Tensor, v: Tensor, mask: LeadingMask | None, scale: float) -> Tensor:
    """One query at a time."""
    mixed = torch.zeros_like(q)
    for b, h, i in torch.cartesian_prod(*map(torch.arange, q.shape[:3])).tolist():
        keys = [j for j in range(k.shape[2]) if mask is None or mask.dense[i, j]]
        weights = torch.stack([scale * q[b, h, i] @ k[b, h, j] for j in keys]).softmax(0)
        mixed[b, h, i] = sum(w * v[b, h, j] for w, j in zip(weights, keys, strict=True))
    return mixed


@MASKS
@pytest.mark.parametrize("grad", [False, True], ids=["fused", "training"])
def test_attention_equals_plain_loops(grad, mask, qkv):
    q, k, v = qkv
    mixed = attend(q.clone().requires_grad_(grad), k, v, mask, 0.3)
    torch.testing.assert_close(mixed, loops(q, k, v, mask, 0.3))


@MASKS
def test_gradients_are_those_of_finite_differences(mask, qkv):
    qkv = [x.requires_grad_() for x in qkv]
    assert torch.autograd.gradcheck(lambda q, k, v: attend(q, k, v, mask, 0.3), qkv)


def test_bf16_under_autocast_is_near_full_precision(qkv):
    types = torch.float64, torch.bfloat16
    parts = [[x.detach().to(dtype).requires_grad_() for x in qkv] for dtype in types]
    mixed = []
    for q, k, v in parts:
        with torch.autocast("cpu", torch.bfloat16, enabled=q.dtype == torch.bfloat16):
            mixed.append(attend(q, k, v, LEADING, 0.3))
        mixed[-1].double().square().sum().backward()
    assert mixed[1].dtype == torch.bfloat16
    torch.testing.assert_close(mixed[1].double(), mixed[0], atol=0.03, rtol=0.03)
    for whole, half in zip(*parts, strict=True):
        assert (half.grad.double() - whole.grad).norm() < 0.03 * whole.grad.norm()


def test_a_mask_reads_as_a_table():
    assert LEADING.dense.int().tolist() == [[1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 1, 1]]
    assert LEADING.slices() == [(slice(0, 2), slice(2)), (slice(2, 3), slice(5))]
