"""Depth Anything, eqs. 1-3 and 5-9, on numbers worked out by hand."""

import math

import pytest
import torch

from train.depth_anything import cutmix, losses
from train.depth_anything.feature_alignment import Alignment, alignment_loss


def rows(*values, repeat=1):
    """(1, 1, repeat, n)"""
    return torch.tensor(values, dtype=torch.float32).repeat(repeat, 1)[None, None]


@pytest.fixture(autouse=True)
def tiny_maps_count(monkeypatch):
    monkeypatch.setattr(losses, "MIN_PIXELS", 3)


def test_disparity_spans_0_to_1_and_sky_is_0():
    d, known = losses.disparity(rows(1.0, 2.0, 4.0, 0.0, math.inf))
    # 1 / depth = 1, 1/2, 1/4, sky 0; the unmeasured pixel stays out.
    assert d.flatten().tolist() == pytest.approx([1, 0.5, 0.25, 0, 0])
    assert known.flatten().tolist() == [True, True, True, False, True]


def test_without_sky_the_farthest_is_0():
    d, _ = losses.disparity(rows(1.0, 2.0, 4.0))
    # (1, 1/2, 1/4) minus 1/4, over 3/4
    assert d.flatten().tolist() == pytest.approx([1, 1 / 3, 0])


def test_each_map_has_its_own_range():
    d, _ = losses.disparity(torch.cat([rows(1.0, 2.0), rows(10.0, 40.0)]))
    assert d.flatten().tolist() == pytest.approx([1, 0, 1, 0])


def test_standardised_by_median_and_mean_absolute_deviation():
    mask = rows(1, 1, 1, 1, 1, 0).bool()
    # t = 3; |d - t| = 3, 2, 0, 1, 4 -> s = 2; the masked 100 counts for neither.
    out = losses.standardize(rows(0.0, 1.0, 3.0, 4.0, 7.0, 100.0), mask)
    assert out.flatten()[:5].tolist() == pytest.approx([-1.5, -1, 0, 0.5, 2])


def test_error_by_hand():
    mask = torch.ones(1, 1, 1, 3, dtype=torch.bool)
    # 0 1 2 -> t 1, s 2/3 -> -1.5 0 1.5;  0 1 5 -> t 1, s 5/3 -> -0.6 0 2.4
    error = losses.affine_invariant_error(rows(0.0, 1.0, 2.0), rows(0.0, 1.0, 5.0), mask)
    assert error.item() == pytest.approx((0.9 + 0 + 0.9) / 3)


def test_scale_and_shift_of_either_map_do_not_count():
    torch.manual_seed(0)
    prediction, target = torch.rand(2, 2, 1, 8, 8)
    mask = torch.rand(2, 1, 8, 8) > 0.3
    plain = losses.affine_invariant_loss(prediction, target, mask)
    moved = losses.affine_invariant_loss(3 * prediction + 2, 0.1 * target - 5, mask)
    assert moved.item() == pytest.approx(plain.item(), rel=1e-4)
    assert losses.affine_invariant_loss(2 * target + 1, target, mask).item() < 1e-5


def test_what_is_not_known_gets_no_gradient():
    prediction = torch.rand(1, 1, 4, 4, requires_grad=True)
    mask = torch.ones(1, 1, 4, 4, dtype=torch.bool)
    mask[..., 2:] = False
    losses.affine_invariant_loss(prediction, torch.rand(1, 1, 4, 4), mask).backward()
    assert (prediction.grad[..., 2:] == 0).all()
    assert prediction.grad[..., :2].abs().sum() > 0


def test_maps_that_say_nothing_are_left_out_of_the_mean():
    mask = torch.ones(1, 1, 1, 3, dtype=torch.bool)
    prediction, target = rows(0.0, 1.0, 2.0), rows(0.0, 1.0, 5.0)
    alone = losses.affine_invariant_loss(prediction, target, mask)
    flat, empty = rows(2.0, 2.0, 2.0), torch.zeros_like(mask)
    together = losses.affine_invariant_loss(
        torch.cat([prediction] * 3),
        torch.cat([target, flat, target]),
        torch.cat([mask, mask, empty]),
    )
    assert together.item() == pytest.approx(alone.item())
    assert losses.affine_invariant_loss(prediction, flat, mask).item() == 0


# ---- eqs. 5-8 ----------------------------------------------------------------------------------


def test_a_mix_takes_each_pixel_from_its_picture():
    inside = torch.tensor([[True, False], [True, True]]).view(2, 1, 1, 2)
    mix = cutmix.Mix(torch.tensor([1, 0]), inside)
    pictures = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).view(2, 1, 1, 2)
    assert mix(pictures).flatten().tolist() == [1, 4, 3, 4]


def test_regions_are_standardised_alone_and_weighted_by_area():
    # Left 3 pixels are the picture's own, right 6 its partner's.
    inside = rows(1, 1, 1, 0, 0, 0, 0, 0, 0).bool()
    other = torch.ones_like(inside)
    mix = cutmix.Mix(torch.tensor([1, 0]), torch.cat([inside, other]))
    own = rows(0.0, 1.0, 5.0, *[9.0] * 6)
    partner = rows(*[7.0] * 3, 0.0, 1.0, 2.0, 0.0, 1.0, 2.0)
    labels = torch.cat([own, partner])
    known = torch.ones_like(labels, dtype=torch.bool)
    # The student says 0 1 2 everywhere: eq. 6 gives 0.6 as above, eq. 7 nothing (lower median 1).
    # His second picture is perfect.
    student = torch.cat([rows(*[0.0, 1.0, 2.0] * 3), partner])
    loss = cutmix.region_loss(student, labels, known, mix)
    first = 3 / 9 * 0.6 + 6 / 9 * 0.0
    assert loss.item() == pytest.approx((first + 0) / 2)


def test_the_regions_of_teachers_with_other_scales_fit_together():
    """The student may answer in one scale where the labels of the two pictures have two."""
    torch.manual_seed(1)
    labels = torch.rand(2, 1, 12, 12)
    mix = cutmix.draw(2, 12, 12, torch.Generator().manual_seed(0), probability=1)
    student = mix(torch.cat([3 * labels[:1] + 1, 0.5 * labels[1:]]))
    loss = cutmix.region_loss(student, labels, torch.ones_like(labels, dtype=torch.bool), mix)
    assert loss.item() < 1e-5


def test_half_of_the_pictures_are_cut_and_never_with_themselves():
    mix = cutmix.draw(400, 32, 48, torch.Generator().manual_seed(0))
    cut = ~mix.inside.flatten(1).all(1)
    assert 0.42 < cut.float().mean() < 0.58
    assert (mix.partner != torch.arange(400)).all()
    share = 1 - mix.inside[cut].float().mean((1, 2, 3))
    assert 0.05 < share.min() and share.max() < 0.55
    assert cutmix.draw(4, 8, 8, torch.Generator().manual_seed(0), probability=0).inside.all()
    assert cutmix.draw(1, 8, 8, torch.Generator().manual_seed(0), probability=1).inside.all()


def test_the_same_seed_cuts_the_same():
    a, b = (cutmix.draw(8, 16, 16, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(a.inside, b.inside) and torch.equal(a.partner, b.partner)


# ---- eq. 9 -------------------------------------------------------------------------------------


def cells(*vectors):
    """Vectors as cells of one picture, (1, D, 1, n)."""
    return torch.tensor(vectors, dtype=torch.float32).t()[None, :, None]


def test_similar_cells_are_left_out():
    frozen = cells((1, 0), (1, 0), (1, 0))
    student = cells((2, 0), (0.8, 0.6), (0, 1))  # cosines 1, 0.8, 0
    # alpha = 0.85 leaves out the first: mean of 0.2 and 1
    assert alignment_loss(student, frozen, 0.15).item() == pytest.approx(0.6)
    assert alignment_loss(student, frozen, 0.3).item() == pytest.approx(1.0)  # 0.8 is enough now
    assert alignment_loss(student, frozen, 0.0).item() == pytest.approx(0.4)  # all three count


def test_the_log_tells_how_many_are_left_out():
    frozen, student = cells((1, 0), (1, 0), (1, 0)), cells((2, 0), (0.8, 0.6), (0, 1))
    for margin, share in ((0.15, 1 / 3), (0.3, 2 / 3)):
        _, report = Alignment(2, 2, margin)(student, frozen)
        assert report["left_out"].item() == pytest.approx(share)
        assert report["cosine"].item() == pytest.approx(0.6)


def test_aligned_cells_cost_nothing_and_pull_nowhere():
    frozen = cells((1, 0), (0, 1))
    student = (frozen * 3 + 0.1).requires_grad_()
    loss = alignment_loss(student, frozen, 0.15)
    loss.backward()
    assert loss.item() == 0 and (student.grad == 0).all()


def test_only_the_student_learns():
    torch.manual_seed(0)
    student, frozen = (torch.rand(2, 4, 3, 3, requires_grad=True) for _ in range(2))
    alignment_loss(student, frozen.detach()).backward()
    assert student.grad.abs().sum() > 0 and frozen.grad is None


def test_other_widths_and_grids_are_brought_together():
    align = Alignment(6, 4)
    loss, report = align(torch.rand(2, 6, 8, 8), torch.rand(2, 4, 3, 3))
    loss.backward()
    assert -1 <= report["cosine"] <= 1
    assert align.project.weight.grad is not None
    assert not list(Alignment(4, 4).parameters())  # the paper's case: compared as they are
    with pytest.raises(ValueError, match="margin"):
        alignment_loss(torch.rand(1, 2, 1, 1), torch.rand(1, 2, 1, 1), 1.5)
