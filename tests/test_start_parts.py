"""A transformer that starts anew between parts of other checkpoints."""

import argparse

import pytest
import torch

from depthart.checkpoints import CHECKPOINTS, CheckpointError
from depthart.config import DepthARTConfig
from depthart.images import open_photo, to_model_input
from depthart.model import DepthART
from depthart.predictor import save_model
from train.autoregressive import build_model
from train.baseline_parts import load_vqvae
from train.dense import load_dense

EXAMPLES = CHECKPOINTS.parent / "assets/examples"


@pytest.fixture(params=["tiny", "tiny-vq"])
def other(request, tmp_path):
    torch.manual_seed(1)
    model = DepthART(DepthARTConfig.preset(request.param))
    save_model(model, tmp_path, half=False)
    return model, tmp_path


def options(preset, vqvae=None, encoder=None):
    return argparse.Namespace(preset=preset, start=None, vqvae=vqvae, encoder=encoder)


def equal(one, two):
    pairs = zip(one.state_dict().values(), two.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_the_vqvae_of_a_depthart_checkpoint(other):
    model, folder = other
    built = build_model(options("tiny-vq", vqvae=folder))
    assert equal(built.vqvae, model.vqvae) and not equal(built.transformer, model.transformer)


def test_the_encoder_of_a_depthart_checkpoint(other):
    model, folder = other
    if model.config.image_encoder is None:
        with pytest.raises(CheckpointError, match="without an image encoder"):
            build_model(options("tiny", encoder=folder))
    else:
        built = build_model(options("tiny", encoder=folder))
        assert equal(built.image_encoder, model.image_encoder)


def test_the_bundled_vqvae_draws_one_token_flat_and_all_of_them_alike():
    """A wall behind a floor that comes nearer."""
    vqvae = load_vqvae(CHECKPOINTS / "depthart-small").eval()
    rows = torch.linspace(0, 1, 256)[:, None].expand(256, 256)
    depth = torch.where(rows < 0.4, 0.9, 0.9 - 0.7 * (rows - 0.4) / 0.6)[None, None]
    with torch.no_grad():
        image = vqvae.to_image(depth)
        drawn = [vqvae.decode(total) for total in vqvae.tokenize(image)[1]]
    assert drawn[0].std() < 0.1 * image.std()
    assert (drawn[-1] - image).abs().mean() < 0.1 * image.std()


def test_the_bundled_encoder_has_seen_what_is_near():
    """A desk from above: its near edge is at the bottom of the picture, the room at the top."""
    model = load_dense(CHECKPOINTS / "encoder-small").eval()
    photo = open_photo(EXAMPLES / "tabletop.jpg")
    depth = model.depth(to_model_input(photo, 256))[0]
    assert depth.shape == (256, 256) and depth.isfinite().all()
    assert depth[:40].median() > 1.3 * depth[-40:].median()
    built = build_model(options("small", encoder=CHECKPOINTS / "encoder-small"))
    assert equal(built.image_encoder, model.encoder)
