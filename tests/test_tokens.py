"""Colours of codes, what a code draws, and the tokenizer's own reconstruction."""

import numpy as np
import pytest
import torch

from depthart import tokens
from depthart.predictor import Predictor
from tests.conftest import make_tiny


class OneShot:
    """A model without tokens."""

    name, model = "one-shot", torch.nn.Identity()


def test_colours_are_stable_and_tell_codes_apart(tiny_predictor):
    colors = tokens.code_colors(tiny_predictor)
    codebook = tiny_predictor.model.vqvae.quantizer.codebook.weight
    assert colors.shape == (len(codebook), 3) and colors.dtype == np.uint8
    np.testing.assert_array_equal(colors, tokens.code_colors(tiny_predictor))
    assert colors.min() >= 40 and colors.max() <= 235 and (colors.std(0) > 30).all()


def test_alike_codes_have_alike_colours():
    predictor = Predictor(make_tiny(), "twins")
    codes = predictor.model.vqvae.quantizer.codebook.weight.data
    codes[1] = codes[0] + 1e-4
    colors = tokens.code_colors(predictor).astype(int)
    assert np.abs(colors[0] - colors[1]).max() <= 1 < np.abs(colors[0] - colors[2]).max()


def test_a_code_alone(tiny_predictor):
    first = tokens.code_depth(tiny_predictor, 3, 0)
    assert first.shape == (256, 256) and 0 <= first.min() <= first.max() <= 1
    assert not np.array_equal(first, tokens.code_depth(tiny_predictor, 4, 0))
    with pytest.raises(ValueError, match="codes and 10 scales"):
        tokens.code_depth(tiny_predictor, 10**6, 0)


def test_reconstruction_is_the_vqvaes_own(tiny_predictor):
    vqvae = tiny_predictor.model.vqvae
    depth = np.random.default_rng(0).random((256, 256)).astype(np.float32)
    depth /= np.quantile(depth, 0.98)
    made = tokens.reconstruct(tiny_predictor, depth)
    picture = torch.tensor(depth).clamp(max=1)[None, None].expand(-1, 3, -1, -1) * 2 - 1
    expected = (vqvae.reconstruct(picture).mean(1)[0] + 1) / 2
    np.testing.assert_allclose(made.depths[-1], expected, atol=1e-3)
    assert [len(i) for i in made.indices] == list(vqvae.scales.sides)
    np.testing.assert_array_equal(made.indices[0], vqvae.tokenize(picture)[0][0].view(1, 1))


def test_unknown_pixels_do_not_matter(tiny_predictor):
    depth = np.full((90, 120), 2.0, np.float32)
    valid = np.ones(depth.shape, bool)
    valid[:30] = False
    spoilt = np.where(valid, depth, 1e6)
    made, clean = (tokens.reconstruct(tiny_predictor, d, valid) for d in (spoilt, depth))
    np.testing.assert_array_equal(made.depths[-1], clean.depths[-1])


def test_a_model_without_tokens_says_so():
    assert not tokens.has_tokens(OneShot())
    with pytest.raises(ValueError, match="one-shot predicts depth directly"):
        tokens.code_colors(OneShot())
