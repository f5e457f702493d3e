"""Colour jitter and blur of the student's pictures."""

import pytest
import torch

from train.depth_anything import perturbations as p


def pixel(*rgb):
    """One colour as a picture (1, 3, 1, 1)."""
    return torch.tensor(rgb, dtype=torch.float32).view(1, 3, 1, 1)


def values(x):
    return x.flatten().tolist()


def test_brightness_multiplies_and_clips():
    assert values(p.brightness(pixel(0.2, 0.4, 0.8), torch.tensor([1.5]))) == pytest.approx(
        [0.3, 0.6, 1.0]
    )


def test_contrast_blends_with_the_mean_grey():
    x = torch.cat([pixel(0.2, 0.2, 0.2), pixel(0.6, 0.6, 0.6)], dim=3)  # mean grey 0.4
    out = p.contrast(x, torch.tensor([0.5]))
    assert out[0, 0, 0].tolist() == pytest.approx([0.3, 0.5])


def test_no_saturation_is_grey():
    out = p.saturation(pixel(1.0, 0.5, 0.0), torch.tensor([0.0]))
    assert values(out) == pytest.approx([0.299 + 0.587 / 2] * 3)


def test_a_third_of_a_turn_takes_red_to_green():
    assert values(p.hue(pixel(1, 0, 0), torch.tensor([1 / 3]))) == pytest.approx(
        [0, 1, 0], abs=1e-6
    )
    assert values(p.hue(pixel(0.3, 0.5, 0.7), torch.tensor([0.0]))) == pytest.approx(
        [0.3, 0.5, 0.7]
    )
    assert values(p.hue(pixel(0.5, 0.5, 0.5), torch.tensor([0.2]))) == pytest.approx([0.5] * 3)


def test_the_kernel_is_a_gaussian():
    kernel = p.gaussian_kernel(1.0)
    assert len(kernel) == 7 and kernel.sum().item() == pytest.approx(1)
    assert (kernel[4] / kernel[3]).item() == pytest.approx(2.718281828**-0.5)


def test_blur_spreads_a_dot_and_keeps_its_mass():
    x = torch.zeros(2, 3, 21, 21)
    x[:, :, 10, 10] = 1
    out = p.gaussian_blur(x, [1.0, 0.0])
    kernel = p.gaussian_kernel(1.0)
    assert torch.allclose(out[0, 0, 10, 7:14], kernel * kernel[3], atol=1e-6)
    assert out[0].sum().item() == pytest.approx(3, abs=1e-4)
    assert torch.equal(out[1], x[1])
    with pytest.raises(ValueError, match="wide"):
        p.gaussian_blur(torch.zeros(1, 3, 4, 4), [2.0])


def test_pictures_change_differently_but_keep_their_range():
    images = torch.rand(1, 3, 32, 32).repeat(6, 1, 1, 1) * 2 - 1
    always = p.Strength(colour=1, blur=1)
    out = p.perturb(images, torch.Generator().manual_seed(0), always)
    assert out.shape == images.shape and out.min() >= -1 and out.max() <= 1
    assert len({round(float(picture.mean()), 4) for picture in out}) == 6
    again = p.perturb(images, torch.Generator().manual_seed(0), always)
    assert torch.equal(out, again)


def test_chances_are_kept():
    images = torch.rand(200, 3, 8, 8) * 2 - 1
    never = p.Strength(colour=0, grey=0, blur=0)
    same = p.perturb(images, torch.Generator().manual_seed(0), never)
    assert torch.allclose(same, images, atol=1e-5)
    some = p.Strength(colour=0, grey=0.2, blur=0)
    out = p.perturb(images, torch.Generator().manual_seed(0), some)
    grey = (out[:, 0] - out[:, 1]).abs().amax((1, 2)) < 1e-5
    assert 0.12 < grey.float().mean() < 0.28
