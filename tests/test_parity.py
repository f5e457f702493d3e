"""Our modules against the published implementation's numbers (tests/golden, copied numbers only).

The weights are regenerated from a seed recipe under the reference's own key names, so the whole
path through `depthart.official` is part of the proof.
"""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from depthart.normalize import depth_to_image, normalize_depth
from depthart.official import from_official
from train.objectives import dynamic_targets, teacher_forcing

GOLDEN = Path(__file__).parent / "golden"
LOGITS = dict(rtol=0, atol=2e-3)
FEATURES = dict(rtol=1e-4, atol=1e-4)


def recipe(name: str, shape: list[int], salt: str) -> torch.Tensor:
    last = name.rsplit(".", 1)[-1]
    if last in ("lvl_1L", "zero_k_bias", "ema_vocab_hit_SV"):
        return torch.zeros(shape)
    if name.startswith("normalizer."):
        return torch.tensor(2.0 if last == "alpha" else -1.0)
    if len(shape) == 1:
        scale, offset = (0.1, 1.0) if name.endswith("weight") else (0.05, 0.0)
    elif "embedding" in name:
        scale, offset = 0.7, 0.0
    elif any(part in name for part in ("class_emb", "pos", "lvl_embed")):
        scale, offset = 0.5, 0.0
    else:
        scale, offset = float(np.prod(shape[1:])) ** -0.5, 0.0
    generator = torch.Generator().manual_seed(zlib.crc32(f"{salt}/{name}".encode()))
    return torch.randn(shape, generator=generator) * scale + offset


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN / "golden_dev.npz") as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


@pytest.fixture(scope="module")
def model():
    description = json.loads((GOLDEN / "golden_dev.json").read_text())
    state = {}
    for name, shape in description["shapes"].items():
        original = name.replace("vae_quant_proxy.", "vae_proxy.quantize.")
        state[name] = recipe(original, shape, description["salt"])
    return from_official(state, num_heads=description["config"]["heads"])


@pytest.fixture(scope="module")
def image(golden):
    return golden["input_image"].float() / 255 * 2 - 1


@pytest.fixture(scope="module")
def depth_image(golden):
    return depth_to_image(golden["input_depth"].float())


@pytest.fixture(scope="module")
def image_encoded(model, image):
    with torch.no_grad():
        features = model.vqvae.encode(image)
        return features, *model.vqvae.quantizer.tokenize(features)


@pytest.fixture(scope="module")
def encoded(model, depth_image, image):
    with torch.no_grad():
        return model.vqvae.encode(depth_image), model.image_features(image)


def assert_same_tokens(mine, golden):
    assert mine.shape == golden.shape
    assert (mine == golden).float().mean() >= 0.995


def test_weight_recipe(model, golden):
    torch.testing.assert_close(model.word_embed.weight[:2], golden["check_word_embed"])


def test_eq9(golden):
    mine = normalize_depth(golden["input_depth"].float(), clip=False)[..., ::4, ::4]
    torch.testing.assert_close(mine, golden["normalized_depth"], **FEATURES)


def test_encoder_features(image_encoded, golden):
    torch.testing.assert_close(image_encoded[0], golden["feature"], **FEATURES)


def test_tokens_of_every_scale(image_encoded, golden):
    for k, indices in enumerate(image_encoded[1]):
        assert_same_tokens(indices, golden[f"index_{k}"])


@pytest.mark.parametrize("k", [0, 4, 9])
def test_cumulative_features_and_decoded_images(model, image_encoded, golden, k):
    torch.testing.assert_close(image_encoded[2][k], golden[f"fhat_{k}"], **FEATURES)
    with torch.no_grad():
        decoded = model.vqvae.decode(image_encoded[2][k])[..., ::4, ::4].clamp(-1, 1)
    torch.testing.assert_close(decoded, golden[f"decoded_{k}"].clamp(-1, 1), rtol=0, atol=1e-3)


def test_image_tokens(model, encoded, golden):
    with torch.no_grad():
        prefix = model.condition(encoded[1]).prefix
    torch.testing.assert_close(prefix[:, ::17], golden["image_tokens"], rtol=0, atol=1e-3)


def test_greedy_rollout(model, image, encoded, golden):
    with torch.no_grad():
        steps = list(model.rollout(encoded[1]))
    logits = torch.cat([step.logits for step in steps], dim=1)
    torch.testing.assert_close(logits[:, ::5], golden["art_logits"], **LOGITS)
    indices = torch.cat([step.indices for step in steps], dim=1)
    assert_same_tokens(indices, golden["art_argmax"])
    depth = model.decode(steps[-1].features)[:, None, ::2, ::2]
    torch.testing.assert_close(depth, golden["art_decoded"], rtol=0, atol=2e-3)


def test_refine_is_the_same_rollout(model, image, golden):
    steps = list(model.refine(image[:1]))
    indices = torch.cat([step.indices for step in steps], dim=1)
    assert_same_tokens(indices, golden["art_argmax"][:1])


def test_dynamic_targets_and_their_cross_entropy(model, encoded, golden):
    lesson = dynamic_targets(model, encoded[1], encoded[0])
    targets = torch.cat(lesson.targets, dim=1)
    assert_same_tokens(targets, golden["art_targets"])
    with torch.no_grad():
        logits = model(encoded[1], lesson.inputs)
    torch.testing.assert_close(logits[:, ::5], golden["art_logits"], **LOGITS)
    loss = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none").mean(1)
    torch.testing.assert_close(loss, golden["art_ce"], rtol=0, atol=2e-2)


def test_teacher_forcing(model, encoded, golden, monkeypatch):
    """The published teacher-forcing pass leaves `pos_start` out of the start token, its inference
    puts it in. Ours always has it; without it every logit is the reference's."""
    lesson = teacher_forcing(model, encoded[1], encoded[0])
    assert_same_tokens(torch.cat(lesson.targets, dim=1), golden["var_targets"])
    monkeypatch.setattr(model.start_position, "data", torch.zeros_like(model.start_position))
    with torch.no_grad():
        logits = model(encoded[1], lesson.inputs)
    torch.testing.assert_close(logits[:, ::5], golden["var_logits"], **LOGITS)
