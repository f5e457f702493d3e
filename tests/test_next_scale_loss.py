"""The shared loss: cross entropy over scales by hand, and the options beyond the paper."""

import math

import pytest
import torch
from torch.nn import functional as F

from depthart.scales import Scales
from train.next_scale_loss import LossConfig, next_scale_loss, soft_targets
from train.objectives import Lesson

SCALES, VOCAB, CHANNELS = Scales((1, 2, 3)), 5, 2


@pytest.fixture
def codebook():
    return torch.tensor([[0.0, 0], [4, 0], [0, 4], [-4, 0], [0, -4]])


@pytest.fixture
def lesson(codebook):
    """Residuals near their targets."""
    generator = torch.Generator().manual_seed(0)
    targets = [torch.randint(VOCAB, (2, n), generator=generator) for n in SCALES.lengths]
    noise = [torch.randn(2, n, CHANNELS, generator=generator) * 0.3 for n in SCALES.lengths]
    residuals = [codebook[t] + e for t, e in zip(targets, noise, strict=True)]
    return Lesson([], targets, residuals)


@pytest.fixture
def logits():
    return torch.randn(2, SCALES.total, VOCAB, generator=torch.Generator().manual_seed(1))


def ce_by_hand(logits, lesson):
    """Per scale, a list of -log p of every token."""
    p = logits.double().softmax(-1)
    found = []
    for piece, targets in zip(SCALES.slices, lesson.targets, strict=False):
        found.append([
            -math.log(p[b, piece][i, targets[b, i]])
            for b in range(2)
            for i in range(targets.shape[1])
        ])  # fmt: skip
    return found


def mean(values):
    return sum(values) / len(values)


def test_default_is_the_mean_over_all_tokens(logits, lesson, codebook):
    loss, report = next_scale_loss(logits, lesson, codebook, SCALES, LossConfig())
    by_hand = ce_by_hand(logits, lesson)
    assert loss.item() == pytest.approx(mean(sum(by_hand, [])), rel=1e-5)
    assert report == pytest.approx({f"ce_{k + 1}": mean(by_hand[k]) for k in range(3)}, rel=1e-5)
    targets = torch.cat(lesson.targets, dim=1)
    assert loss.item() == pytest.approx(F.cross_entropy(logits.mT, targets).item(), rel=1e-5)


def test_scales_may_weigh_the_same(logits, lesson, codebook):
    loss, _ = next_scale_loss(logits, lesson, codebook, SCALES, LossConfig(average="scale"))
    by_hand = mean([mean(scale) for scale in ce_by_hand(logits, lesson)])
    assert loss.item() == pytest.approx(by_hand, rel=1e-5)
    by_token, _ = next_scale_loss(logits, lesson, codebook, SCALES, LossConfig())
    assert abs(loss.item() - by_token.item()) > 1e-3


def test_every_scale_gets_a_loss(logits, lesson, codebook):
    """The published configuration forgot the finest."""
    loss, _ = next_scale_loss(logits.requires_grad_(), lesson, codebook, SCALES, LossConfig())
    (gradient,) = torch.autograd.grad(loss, logits)
    assert (gradient.abs().sum(-1) > 0).all()


def test_fewer_scales(logits, lesson, codebook):
    part = Lesson([], lesson.targets[:2], lesson.residuals[:2])
    loss, report = next_scale_loss(logits[:, :5], part, codebook, SCALES, LossConfig())
    assert loss.item() == pytest.approx(mean(sum(ce_by_hand(logits, part), [])), rel=1e-5)
    assert set(report) == {"ce_1", "ce_2"}


def test_sure_and_right_costs_nothing_sure_and_wrong_costs_much(lesson, codebook):
    right = 50 * F.one_hot(torch.cat(lesson.targets, dim=1), VOCAB).float()
    assert next_scale_loss(right, lesson, codebook, SCALES, LossConfig())[0].item() < 1e-6
    wrong = right.roll(1, dims=-1)
    loss = next_scale_loss(wrong, lesson, codebook, SCALES, LossConfig())[0]
    assert loss.item() == pytest.approx(50, rel=1e-3)


def test_half_precision_logits_are_summed_in_float32(logits, lesson, codebook):
    loss, _ = next_scale_loss(logits.bfloat16(), lesson, codebook, SCALES, LossConfig())
    rounded, _ = next_scale_loss(logits.bfloat16().float(), lesson, codebook, SCALES, LossConfig())
    assert loss.dtype == torch.float32 and loss.item() == rounded.item()


# ---- code error ------------------------------------------------------------------------------


def test_code_error_by_hand(logits, lesson, codebook):
    loss, report = next_scale_loss(logits, lesson, codebook, SCALES, LossConfig(code_error=0.5))
    p, total = logits.double().softmax(-1), 0.0
    for k, piece in enumerate(SCALES.slices):
        r = lesson.residuals[k].double()
        error = (p[:, piece] @ codebook.double() - r).square().sum((1, 2))
        power = r.square().sum((1, 2))
        relative = (error / (power + 0.1 * power.mean() + 1e-6)).mean().item()
        assert report[f"code_{k + 1}"] == pytest.approx(relative, rel=1e-4)
        total += relative * SCALES.lengths[k] / SCALES.total
    cross_entropy = mean(sum(ce_by_hand(logits, lesson), []))
    assert loss.item() == pytest.approx(cross_entropy + 0.5 * total, rel=1e-4)


def test_code_error_vanishes_for_exact_codes(lesson, codebook):
    exact = Lesson([], lesson.targets, [codebook[t] for t in lesson.targets])
    right = 50 * F.one_hot(torch.cat(lesson.targets, dim=1), VOCAB).float()
    config = LossConfig(code_error=1.0)
    loss, report = next_scale_loss(right, exact, codebook, SCALES, config)
    assert loss.item() < 1e-6
    assert all(report[f"code_{k}"] < 1e-6 for k in (1, 2, 3))


def test_code_error_of_zero_residuals_is_finite(logits, lesson, codebook):
    nothing = Lesson([], lesson.targets, [torch.zeros_like(r) for r in lesson.residuals])
    loss, _ = next_scale_loss(
        logits.requires_grad_(), nothing, codebook, SCALES, LossConfig(code_error=1.0)
    )
    assert loss.isfinite() and torch.autograd.grad(loss, logits)[0].isfinite().all()


def test_code_error_leaves_the_codebook_alone(logits, lesson, codebook):
    codebook.requires_grad_()
    config = LossConfig(code_error=1.0)
    loss, _ = next_scale_loss(logits.requires_grad_(), lesson, codebook, SCALES, config)
    of_logits, of_codebook = torch.autograd.grad(loss, [logits, codebook], allow_unused=True)
    assert of_codebook is None and of_logits.abs().sum() > 0


# ---- soft targets ----------------------------------------------------------------------------


def test_soft_targets_by_hand(lesson, codebook):
    residuals = lesson.residuals[1]
    distance = torch.tensor([
        [[sum((r - c) ** 2 for r, c in zip(vector.tolist(), code.tolist(), strict=True))
          for code in codebook] for vector in row]
        for row in residuals
    ])  # fmt: skip
    unit = distance.min(-1).values.mean() * 2.0
    expected = (-distance / unit).softmax(-1)
    soft = soft_targets(residuals, codebook, 2.0)
    torch.testing.assert_close(soft, expected, rtol=1e-3, atol=1e-5)


def test_cold_soft_targets_are_hard(logits, lesson, codebook):
    hard, _ = next_scale_loss(logits, lesson, codebook, SCALES, LossConfig())
    cold, _ = next_scale_loss(logits, lesson, codebook, SCALES, LossConfig(soft_targets=0.01))
    warm, _ = next_scale_loss(logits, lesson, codebook, SCALES, LossConfig(soft_targets=100.0))
    assert cold.item() == pytest.approx(hard.item(), rel=1e-4)
    assert abs(warm.item() - hard.item()) > 1e-2


def test_soft_targets_have_no_gradient(lesson, codebook):
    codebook.requires_grad_()
    soft = soft_targets(lesson.residuals[0], codebook, 1.0)
    assert not soft.requires_grad
    torch.testing.assert_close(soft.sum(-1), torch.ones(2, 1))
