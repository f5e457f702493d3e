"""Photos become what a model sees, and its maps go back to the photo's size."""


import numpy as np
import pytest
import torch

from depthart.images import open_photo, resize_depth, to_model_input
from tests.test_images import corners


def test_model_input_is_squashed_and_centred_on_zero():
    photo = open_photo(corners(80, 40))
    image = to_model_input(photo, 32)
    assert image.shape == (1, 3, 32, 32)
    assert image.dtype == torch.float32
    assert image[0, :, 2, 2].tolist() == [1, -1, -1]
    assert image[0, :, -3, -3].tolist() == [1, 1, 1]
    assert image.min() >= -1 and image.max() <= 1


def test_model_input_of_a_large_photo_is_antialiased():
    """One-pixel stripes become grey; picking pixels would give stripes or one flat extreme."""
    stripes = np.zeros((1000, 1000, 3), np.uint8)
    stripes[:, ::2] = 255
    image = to_model_input(open_photo(stripes), 64)
    assert image.abs().max() < 0.1


def test_model_input_agrees_with_torch():
    noise = np.random.default_rng(0).integers(0, 256, (300, 200, 3), np.uint8)
    image = to_model_input(open_photo(noise), 64)
    pixels = torch.from_numpy(noise).permute(2, 0, 1)[None].float() / 127.5 - 1
    expected = torch.nn.functional.interpolate(pixels, (64, 64), mode="bicubic", antialias=True)
    assert (image - expected.clamp(-1, 1)).abs().max() < 2.5 / 127.5


def test_resize_depth():
    depth = torch.zeros(8, 8)
    depth[:, 4:] = 1
    large = resize_depth(depth, 30, 50)
    assert large.shape == (30, 50) and large.dtype == np.float32
    assert large.min() == 0 and large.max() == 1  # no overshoot at the step
    assert np.allclose(large[:, 0], 0) and np.allclose(large[:, -1], 1)
    assert np.all(np.diff(large, axis=1) >= -1e-6)
    assert np.array_equal(resize_depth(depth.numpy(), 8, 8), depth.numpy())
    with pytest.raises(ValueError, match="two axes"):
        resize_depth(depth[None], 9, 9)


def test_resize_depth_matches_the_reference():
    depth = torch.rand(16, 16, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.interpolate(depth[None, None], (40, 64), mode="bicubic")[0, 0]
    expected = expected.clamp(depth.min(), depth.max())
    assert np.allclose(resize_depth(depth, 40, 64), expected, atol=1e-6)
