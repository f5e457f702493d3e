"""The configuration: presets, JSON round trip, and what it refuses."""

import json
from dataclasses import FrozenInstanceError, replace

import pytest
import torch

from depthart.config import PRESETS, DepthARTConfig
from depthart.encoder import ImageEncoderConfig
from depthart.model import DepthART
from depthart.scales import PAPER_SIDES


@pytest.fixture(params=PRESETS)
def config(request):
    return DepthARTConfig.preset(request.param)


def test_json_round_trip(config):
    again = DepthARTConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config and hash(again) == hash(config)


def test_every_preset_makes_a_model_of_ten_scales(config):
    with torch.device("meta"):
        model = DepthART(config)
    assert config.scales.sides == PAPER_SIDES == model.scales.sides
    assert config.image_size == 256
    assert model.vqvae.quantizer.codebook.weight.shape == (
        config.vocab_size, config.latent_channels,
    )  # fmt: skip
    assert model.transformer.head.out_features == config.vocab_size


def test_paper_sizes():
    config = DepthARTConfig.preset("paper")
    assert config.vqvae.widths == (160, 160, 320, 320, 640)  # ch 160 x (1, 1, 2, 2, 4)
    assert (config.latent_channels, config.vocab_size) == (32, 4096)
    part = config.transformer
    assert (part.depth, part.width, part.heads, part.mlp_ratio) == (16, 1024, 16, 4)
    assert (part.classes, part.attention_tau, part.normalized_attention) == (1001, 4, False)
    assert config.conditioning == "vq" and config.default_sampler == "sample"
    with torch.device("meta"):
        model = DepthART(config)
    trained = sum(p.numel() for n, p in model.named_parameters() if not n.startswith("vqvae."))
    assert round(trained / 1e6) == 310


def test_small_fits_into_a_repository():
    with torch.device("meta"):
        model = DepthART(DepthARTConfig.preset("small"))
    assert 2 * sum(p.numel() for p in model.parameters()) < 60e6  # bytes in float16


def test_config_cannot_change():
    with pytest.raises(FrozenInstanceError):
        DepthARTConfig().conditioning = "encoder"


# ---- refusals --------------------------------------------------------------------------------


def test_unknown_preset_lists_the_known():
    with pytest.raises(ValueError, match="unknown preset 'huge'; known: paper, small, "):
        DepthARTConfig.preset("huge")


@pytest.mark.parametrize("part", [None, "vqvae", "transformer", "image_encoder"])
def test_unknown_field_is_named(part):
    values = DepthARTConfig.preset("tiny").to_dict()
    (values if part is None else values[part])["colour"] = 1
    with pytest.raises(ValueError, match="has no field colour"):
        DepthARTConfig.from_dict(values)


@pytest.mark.parametrize("part", ["vqvae", "transformer", "image_encoder"])
def test_a_part_that_is_no_mapping_is_named(part):
    values = DepthARTConfig.preset("tiny").to_dict()
    values[part] = 5
    with pytest.raises(ValueError, match=f"{part}.*got 5"):
        DepthARTConfig.from_dict(values)


def test_missing_fields_take_the_defaults():
    assert DepthARTConfig.from_dict({}) == DepthARTConfig()


@pytest.mark.parametrize(
    "preset, change",
    [
        ("tiny", dict(image_encoder=None)),
        ("tiny", dict(conditioning="vq")),
        ("tiny", dict(transformer=DepthARTConfig.preset("tiny-vq").transformer)),
        ("tiny-vq", dict(conditioning="encoder")),
        ("tiny-vq", dict(image_encoder=ImageEncoderConfig())),
    ],
)
def test_parts_must_fit_the_conditioning(preset, change):
    with pytest.raises(ValueError, match="conditioning 'encoder' needs an image_encoder"):
        replace(DepthARTConfig.preset(preset), **change)


def test_unknown_conditioning():
    with pytest.raises(ValueError, match="unknown conditioning 'clip'; known: vq, encoder"):
        DepthARTConfig(conditioning="clip")


def test_unknown_default_sampler():
    with pytest.raises(ValueError, match="unknown sampler 'beam'; known: argmax"):
        DepthARTConfig(default_sampler="beam")


def test_image_encoder_must_end_at_the_finest_scale():
    config = DepthARTConfig.preset("tiny")
    with pytest.raises(ValueError, match="side 8 differs from the finest scale 16"):
        replace(config, image_encoder=replace(config.image_encoder, side=8))
