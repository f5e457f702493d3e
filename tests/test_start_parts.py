"""A transformer that starts anew between parts of other checkpoints."""

import argparse

import pytest
import torch

from depthart.checkpoints import CheckpointError
from depthart.config import DepthARTConfig
from depthart.model import DepthART
from depthart.predictor import save_model
from train.autoregressive import build_model


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
