"""The learned image encoder and its MobileNetV2 trunk."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from depthart.encoder import ImageEncoder, ImageEncoderConfig
from depthart.trunks import build_trunk

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


def test_taps_are_at_strides_4_to_32(images):
    taps = build_trunk("mobilenet_v2")(images)
    assert [tuple(tap.shape[1:]) for tap in taps] == [
        (24, 16, 16), (32, 8, 8), (96, 4, 4), (320, 2, 2),
    ]  # fmt: skip


def test_trunk_is_mobilenet_v2():
    """17 blocks, 10 with a shortcut. The usual ImageNet model has 3,504,872 parameters; 1,281,000
    are the classifier's, 409,600 the last 1x1 convolution's, two per channel the batch norms'."""
    trunk = build_trunk("mobilenet_v2")
    assert len(trunk._blocks) == 17 and sum(shortcut for *_, shortcut in trunk._blocks) == 10
    assert len(trunk.convolutions) == 51
    norms = 2 * (sum(c.bias.numel() for c in trunk.convolutions) + 1280)
    weights = sum(c.weight.numel() for c in trunk.convolutions)
    assert weights == 3_504_872 - 1_281_000 - 409_600 - norms
    assert sum(c.stride[0] == 2 for c in trunk.convolutions) == 5


def test_inverted_residual_written_out():
    """The first three blocks: no expansion, stride 2 without shortcut, shortcut."""
    torch.manual_seed(0)
    trunk = build_trunk("mobilenet_v2")
    images = torch.randn(1, 3, 32, 32)

    def run(index, x, groups=1, stride=1):
        layer = trunk.convolutions[index]
        if stride == 2:
            x = F.pad(x, (0, 1, 0, 1))  # right and bottom
        same = layer.weight.shape[-1] // 2 if stride == 1 else 0
        return F.conv2d(x, layer.weight, layer.bias, stride, same, groups=groups)

    def relu6(x):
        return x.clamp(0, 6)

    x = relu6(run(0, images, stride=2))
    x = run(2, relu6(run(1, x, groups=32)))
    x = run(5, relu6(run(4, relu6(run(3, x)), groups=96, stride=2)))
    x = x + run(8, relu6(run(7, relu6(run(6, x)), groups=144)))
    torch.testing.assert_close(trunk(images)[0], x)


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
