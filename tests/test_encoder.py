"""The learned image encoder."""

import pytest
import torch
from torch import nn

from depthart.encoder import ImageEncoder, ImageEncoderConfig

CONFIG = ImageEncoderConfig(width=16, depth=1, heads=2, side=4)


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return ImageEncoder(CONFIG).eval()


@pytest.fixture
def images():
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_one_token_per_16_pixels(encoder, images):
    with torch.no_grad():
        assert encoder(images).shape == (2, 16, 16)


def test_rows_of_a_batch_do_not_mix(encoder, images):
    with torch.no_grad():
        together, alone = encoder(images), encoder(images[1:])
    torch.testing.assert_close(together[1:], alone, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(together[0], together[1])


def test_gradient_reaches_every_parameter(encoder, images):
    # A constant sum over a layer norm's outputs has no gradient, hence the square.
    loss = (encoder(images) - 0.5).square().sum()
    names = [name for name, _ in encoder.named_parameters()]
    for name, gradient in zip(names, torch.autograd.grad(loss, encoder.parameters()), strict=True):
        assert gradient.abs().sum() > 0, name


def test_every_token_sees_the_whole_picture(encoder, images):
    changed = images.clone()
    changed[:, :, :8, :8] *= -1
    with torch.no_grad():
        difference = (encoder(images) - encoder(changed)).abs().amax((0, 2))
    assert (difference > 0).all()


def test_tokens_are_in_reading_order(encoder, images):
    """A change at the left edge, third row of tokens, moves that token most."""
    changed = images.clone()
    changed[:, :, 32:48, :16] *= -1
    with torch.no_grad():
        difference = (encoder(images) - encoder(changed)).abs().mean((0, 2))
    assert difference.argmax() == 2 * 4


def test_stride_4_detail_reaches_its_own_token(encoder, images):
    """Fine taps are folded, not averaged: swapping two stride-4 cells of a token changes it."""
    taps = encoder.trunk(images)
    swapped = taps[0].clone()
    swapped[..., 0, 0], swapped[..., 0, 1] = taps[0][..., 0, 1], taps[0][..., 0, 0]

    class Fixed(nn.Module):
        def __init__(self, first):
            super().__init__()
            self.first = first

        def forward(self, images):
            return [self.first, *taps[1:]]

    with torch.no_grad():
        encoder.trunk = Fixed(taps[0])
        before = encoder(images)
        encoder.trunk = Fixed(swapped)
        after = encoder(images)
    assert (before - after).abs()[:, 0].max() > 1e-6


def test_width_must_divide_into_heads():
    with pytest.raises(ValueError, match="width 16 is not a multiple of 3 heads"):
        ImageEncoderConfig(width=16, heads=3)


def test_unknown_trunk():
    with pytest.raises(ValueError, match="unknown trunk 'vgg'; known: mobilenet_v2, efficientnet"):
        ImageEncoderConfig(trunk="vgg")
