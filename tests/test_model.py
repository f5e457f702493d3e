"""Refinement: what each step holds, that calls share no state, and that the fast path is right."""

import copy
import math
from types import SimpleNamespace

import pytest
import torch

from depthart.model import DepthART
from depthart.sampling import Sampler
from depthart.scales import PAPER_SIDES
from tests.conftest import make_tiny

SAMPLERS = [Sampler("argmax"), Sampler("expected"), Sampler("sample", seed=5)]
BY_MODE = dict(argvalues=SAMPLERS, ids=[s.mode for s in SAMPLERS])


@pytest.fixture(scope="module")
def images():
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(2, 3, 8, 8, generator=generator) * 2 - 1
    return torch.nn.functional.interpolate(coarse, size=(256, 256), mode="nearest")


@pytest.fixture
def own_model(each_tiny_model) -> DepthART:
    """A copy that a test may change."""
    return copy.deepcopy(each_tiny_model)


def same_steps(mine, expected) -> bool:
    return len(mine) == len(expected) and all(
        torch.equal(a.indices, b.indices)
        and torch.equal(a.entropy, b.entropy)
        and torch.equal(a.features, b.features)
        for a, b in zip(mine, expected, strict=True)
    )


# ---- what a step holds -----------------------------------------------------------------------


@pytest.mark.parametrize("sampler", **BY_MODE)
def test_ten_steps_with_their_shapes_and_ranges(each_tiny_model, images, sampler):
    config = each_tiny_model.config
    steps = list(each_tiny_model.refine(images, sampler))
    assert [step.scale for step in steps] == list(range(10))
    assert tuple(step.side for step in steps) == PAPER_SIDES
    for step in steps:
        assert step.indices.shape == step.entropy.shape == (2, step.side**2)
        assert step.indices.dtype == torch.int64
        assert step.indices.min() >= 0 and step.indices.max() < config.vocab_size
        assert step.entropy.min() > 0 and step.entropy.max() <= math.log(config.vocab_size) + 1e-4
        assert step.features.shape == (2, config.latent_channels, 16, 16)
        assert step.depth.shape == (2, 256, 256) and step.depth.dtype == torch.float32
        assert step.depth.min() >= 0 and step.depth.max() <= 1
        assert step.seconds > 0
        assert not (step.features.requires_grad or step.depth.requires_grad)


def test_features_are_the_sum_of_the_chosen_codes(each_tiny_model, images):
    steps = list(each_tiny_model.refine(images))
    with torch.no_grad():
        rebuilt = each_tiny_model.vqvae.quantizer.cumulate([step.indices for step in steps])
    for step, features in zip(steps, rebuilt, strict=True):
        torch.testing.assert_close(step.features, features)
        assert torch.equal(step.depth, each_tiny_model.decode(features))


def test_codes_and_entropy_come_from_the_same_logits(each_tiny_model, images):
    with torch.no_grad():
        features = each_tiny_model.image_features(images)
        rollout = list(each_tiny_model.rollout(features))
    for step, inside in zip(each_tiny_model.refine(images), rollout, strict=True):
        p = inside.logits.softmax(-1)
        assert torch.equal(step.indices, p.argmax(-1))
        torch.testing.assert_close(step.entropy, -(p * p.log()).sum(-1), rtol=1e-4, atol=1e-5)


def test_depth_is_decoded_when_asked_for_and_once(own_model, images):
    calls, decode = [], own_model.decode

    def counting(features):
        calls.append(features)
        return decode(features)

    own_model.decode = counting
    steps = list(own_model.refine(images[:1]))
    assert calls == []
    first = steps[3].depth
    assert len(calls) == 1 and calls[0] is steps[3].features
    assert steps[3].depth is first and len(calls) == 1


@pytest.mark.parametrize("sampler", **BY_MODE)
def test_predict_is_the_last_step(each_tiny_model, images, sampler):
    last = list(each_tiny_model.refine(images, sampler))[-1]
    assert torch.equal(each_tiny_model.predict(images, sampler), last.depth)


def test_seconds_leave_out_decoding_and_the_caller(own_model, images, monkeypatch):
    """A clock that moves by 1 in the transformer, by 100 in the decoder and by 10 at the caller."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(
        "depthart.model.time", SimpleNamespace(perf_counter=lambda: clock.now)
    )

    def costs(function, seconds):
        def run(*args, **kwargs):
            clock.now += seconds
            return function(*args, **kwargs)

        return run

    own_model.transformer.forward = costs(own_model.transformer.forward, 1)
    own_model.decode = costs(own_model.decode, 100)
    steps = []
    for step in own_model.refine(images[:1]):
        _ = step.depth
        clock.now += 10
        steps.append(step)
    assert [step.seconds for step in steps] == [1] * 10
    assert clock.now == 10 * 111


# ---- independence ----------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", SAMPLERS[:2], ids=["argmax", "expected"])
def test_rows_of_a_batch_are_independent(each_tiny_model, images, sampler):
    model = copy.deepcopy(each_tiny_model).double()
    together = list(model.refine(images.double(), sampler))
    for row in range(2):
        alone = list(model.refine(images[row : row + 1].double(), sampler))
        for both, one in zip(together, alone, strict=True):
            assert torch.equal(both.indices[row], one.indices[0])
            torch.testing.assert_close(both.features[row], one.features[0])
    entropy = together[-1].entropy
    assert not torch.allclose(entropy[0], entropy[1], atol=1e-6)  # the picture matters


def test_interleaved_generators_do_not_disturb_each_other(each_tiny_model, images):
    model, one, other = each_tiny_model, Sampler("sample", seed=1), Sampler("sample", seed=2)
    alone = list(model.refine(images[:1], one)), list(model.refine(images[1:], other))
    first, second = model.refine(images[:1], one), model.refine(images[1:], other)
    together = [], []
    for step in first:
        together[0].append(step)
        torch.rand(3)
        together[1].append(next(second))
    assert same_steps(together[0], alone[0])
    assert same_steps(together[1], alone[1])


def test_an_abandoned_refinement_leaves_nothing_behind(each_tiny_model, images):
    sampler = Sampler("sample", seed=1)
    expected = list(each_tiny_model.refine(images, sampler))
    abandoned = each_tiny_model.refine(images.flip(0), sampler)
    next(abandoned), next(abandoned)
    assert same_steps(list(each_tiny_model.refine(images, sampler)), expected)


def test_the_seed_decides(each_tiny_model, images):
    def depth(seed):
        return each_tiny_model.predict(images[:1], Sampler("sample", seed=seed))

    first = depth(1)
    torch.manual_seed(99)
    assert torch.equal(depth(1), first)
    assert not torch.allclose(depth(2), first)


def test_argmax_knows_no_seed(each_tiny_model, images):
    one, other = (
        each_tiny_model.predict(images[:1], Sampler("argmax", seed=s)) for s in (1, 2)
    )
    assert torch.equal(one, other)


def test_gradients_of_the_caller_stay_on(each_tiny_model, images):
    for _ in each_tiny_model.refine(images[:1]):
        assert torch.is_grad_enabled()


# ---- fast and slow path ----------------------------------------------------------------------


def inputs_of(model, rollout):
    """What the roll-out fed itself at scales 2, 3, ..."""
    return [model.vqvae.quantizer.downsample(s.features, s.scale + 1) for s in rollout[:-1]]


@pytest.mark.parametrize("sampler", **BY_MODE)
@pytest.mark.parametrize("count", [None, 1, 4])
def test_cached_rollout_equals_one_masked_pass(own_model, images, sampler, count):
    model = own_model.double()
    with torch.no_grad():
        features = model.image_features(images.double())
        rollout = list(model.rollout(features, sampler, count))
        logits = model(features, inputs_of(model, rollout), count)
    assert len(rollout) == (count or 10)
    fast = torch.cat([step.logits for step in rollout], dim=1)
    assert fast.abs().max() > 0.1
    torch.testing.assert_close(logits, fast, rtol=0, atol=1e-9)


def test_masked_pass_looks_at_its_inputs(own_model, images):
    """So that the agreement above means something: other inputs, other logits, but only later."""
    model = own_model.double()
    with torch.no_grad():
        features = model.image_features(images.double())
        inputs = inputs_of(model, list(model.rollout(features)))
        before = model(features, inputs)
        inputs[4] = inputs[4] + 1
        after = model(features, inputs)
    start = model.scales.slices[5].start
    moved = (before - after).abs().amax((0, 2)) > 1e-9
    assert moved[start:].all() and not moved[:start].any()


# ---- the image -------------------------------------------------------------------------------


def test_image_features_have_the_documented_shape(each_tiny_model, images):
    with torch.no_grad():
        features = each_tiny_model.image_features(images)
    config = each_tiny_model.config
    if config.image_encoder:
        assert features.shape == (2, 256, config.image_encoder.width)
    else:
        assert features.shape == (2, 10, config.latent_channels, 16, 16)


def test_conditioning_uses_what_its_kind_uses(each_tiny_model, images):
    with torch.no_grad():
        prefix, memory, aligned = each_tiny_model.condition(each_tiny_model.image_features(images))
    width = each_tiny_model.config.transformer.width
    if each_tiny_model.config.image_encoder:
        assert prefix is None
        assert memory.shape == (2, 256, width) and aligned.shape == (2, 680, width)
    else:
        assert prefix.shape == (2, 680, width) and memory is None and aligned is None


def test_gradient_reaches_every_trained_parameter(own_model, images):
    """The VQ-VAE is frozen; of the class embeddings only the last, "no class", is ever used."""
    model = own_model
    model.vqvae.requires_grad_(False)
    with torch.no_grad():
        inputs = inputs_of(model, list(model.rollout(model.image_features(images[:1]))))
    model(model.image_features(images[:1]), inputs).square().sum().backward()
    for name, parameter in model.named_parameters():
        if name.startswith("vqvae."):
            assert parameter.grad is None, name
        else:
            assert parameter.grad.abs().sum() > 0, name
    if model.config.transformer.classes:
        assert model.class_embed.weight.grad[:-1].abs().sum() == 0


# ---- borders ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape", [(3, 256, 256), (1, 1, 256, 256), (1, 3, 256, 128), (1, 3, 64, 64)]
)
def test_pictures_of_another_shape_are_refused(tiny_model, shape):
    with pytest.raises(ValueError, match=r"expected images \(B, 3, 256, 256\), got") as caught:
        list(tiny_model.refine(torch.zeros(shape)))
    assert str(shape) in str(caught.value)


def test_unknown_sampler_is_refused(tiny_model, images):
    with pytest.raises(ValueError, match="unknown sampler 'beam'"):
        list(tiny_model.refine(images, "beam"))


def test_models_of_one_seed_are_equal():
    one, other = make_tiny().state_dict(), make_tiny().state_dict()
    assert all(torch.equal(one[key], other[key]) for key in one)
