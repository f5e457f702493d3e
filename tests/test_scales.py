"""The ladder of scales: lengths, slices and masks, against plain loops."""

import pytest
import torch

from depthart.scales import PAPER_SIDES, Scales, as_scales

SMALL = Scales((1, 2, 3))


def test_paper_has_680_tokens_in_ten_scales():
    scales = Scales()
    assert scales.sides == PAPER_SIDES and len(scales) == 10
    assert scales.total == 680 and scales.finest == 16
    assert scales.lengths == (1, 4, 9, 16, 25, 36, 64, 100, 169, 256)


def test_slices_tile_the_sequence():
    positions = [i for piece in Scales().slices for i in range(680)[piece]]
    assert positions == list(range(680))


def test_levels_number_the_tokens():
    levels = Scales().levels().tolist()
    for k, piece in enumerate(Scales().slices):
        assert set(levels[piece]) == {k}


@pytest.mark.parametrize("sides", [(), (0, 1), (-1, 2), (1, 1), (1, 3, 2)])
def test_bad_ladders_are_refused(sides):
    with pytest.raises(ValueError, match="strictly increasing positive"):
        Scales(sides)


def test_split_is_the_inverse_of_concatenation():
    pieces = [torch.randn(2, n, 3) for n in SMALL.lengths]
    for piece, again in zip(pieces, SMALL.split(torch.cat(pieces, dim=1)), strict=True):
        assert torch.equal(piece, again)


def test_split_of_the_first_scales():
    sequence = torch.arange(5).view(1, 5)
    first, second = SMALL.split(sequence, 2)
    assert first.tolist() == [[0]] and second.tolist() == [[1, 2, 3, 4]]


def test_split_refuses_another_length():
    with pytest.raises(RuntimeError):
        SMALL.split(torch.zeros(1, SMALL.total + 1))


def scale_of(token: int) -> int:
    return next(k for k, piece in enumerate(SMALL.slices) if token < piece.stop)


@pytest.mark.parametrize("image_tokens", [0, 3])
def test_mask_is_block_causal(image_tokens):
    mask = SMALL.mask(image_tokens).dense
    assert mask.dtype == torch.bool and mask.shape == (SMALL.total, image_tokens + SMALL.total)
    for query in range(SMALL.total):
        for key in range(image_tokens + SMALL.total):
            image = key < image_tokens
            visible = image or scale_of(key - image_tokens) <= scale_of(query)
            assert mask[query, key] == visible, (query, key)


def test_mask_of_the_first_scales_is_a_corner_of_the_whole():
    image_tokens, tokens = 3, 1 + 4
    corner = SMALL.mask(image_tokens).dense[:tokens, : image_tokens + tokens]
    assert torch.equal(SMALL.mask(image_tokens, count=2).dense, corner)


@pytest.mark.parametrize("count", [None, 2])
def test_image_tokens_see_each_other_and_the_first_depth_token(count):
    image_tokens = 3
    mask = SMALL.mask_with_image_queries(image_tokens, count).dense
    assert mask.shape[0] == mask.shape[1]
    assert torch.equal(mask[image_tokens:], SMALL.mask(image_tokens, count).dense)
    assert mask[:image_tokens, : image_tokens + 1].all()
    assert not mask[:image_tokens, image_tokens + 1 :].any()


def test_as_scales_accepts_both():
    assert as_scales(SMALL) is SMALL
    assert as_scales([1, 2, 3]) == SMALL
