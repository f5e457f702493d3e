"""Who produces inputs and targets: teacher forcing, and the roll-out with what is still missing."""

import copy
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from depthart.config import DepthARTConfig
from depthart.model import DepthART
from depthart.normalize import depth_to_image
from tests.conftest import make_tiny
from train.objectives import OBJECTIVES, dynamic_targets, teacher_forcing

PRESETS = ["tiny", "tiny-vq"]


@pytest.fixture(scope="module")
def pictures():
    """Two photos and their depth, as pictures (2, 3, 256, 256)."""
    generator = torch.Generator().manual_seed(0)

    def blocks(channels):
        coarse = torch.rand(2, channels, 16, 16, generator=generator)
        return F.interpolate(coarse, size=(256, 256), mode="bilinear")

    return blocks(3) * 2 - 1, depth_to_image(blocks(1) + 0.1)


@pytest.fixture(scope="module", params=PRESETS)
def lesson_input(request, pictures):
    """A float64 model with a frozen VQ-VAE, image features and features of the true depth."""
    model = make_tiny(request.param).double()
    model.vqvae.requires_grad_(False)
    with torch.no_grad():
        depth_features = 3 * model.vqvae.encode(pictures[1].double())
        image_features = model.image_features(pictures[0].double())
    return model, image_features, depth_features


def nearest(quantizer, vectors):
    return torch.cdist(vectors, quantizer.codebook.weight).argmin(-1)


# ---- what a lesson holds ---------------------------------------------------------------------


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("count", [None, 1, 4])
def test_shapes(lesson_input, objective, count):
    model, image_features, depth_features = lesson_input
    lesson = OBJECTIVES[objective](model, image_features, depth_features, count)
    sides, z = model.scales.sides[:count], model.config.latent_channels
    assert [t.shape for t in lesson.targets] == [(2, s * s) for s in sides]
    assert [r.shape for r in lesson.residuals] == [(2, s * s, z) for s in sides]
    assert [i.shape for i in lesson.inputs] == [(2, s * s, z) for s in sides[1:]]
    assert not any(t.requires_grad for t in [*lesson.inputs, *lesson.residuals])


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_first_scales_do_not_depend_on_the_count(lesson_input, objective):
    model, *features = lesson_input
    whole, part = (OBJECTIVES[objective](model, *features, count) for count in (None, 3))
    assert len(part.targets) == 3 and len(part.inputs) == 2
    for mine, expected in zip(part.targets, whole.targets, strict=False):
        assert torch.equal(mine, expected)
    for mine, expected in zip(part.inputs, whole.inputs, strict=False):
        assert torch.equal(mine, expected)


def test_teacher_forcing_gives_the_truth(lesson_input):
    """Eq. 1: targets are the true token maps, inputs the true partial sums."""
    model, image_features, depth_features = lesson_input
    quantizer = model.vqvae.quantizer
    lesson = teacher_forcing(model, image_features, depth_features)
    indices, totals = quantizer.tokenize(depth_features)
    for mine, expected in zip(lesson.targets, indices, strict=True):
        assert torch.equal(mine, expected)
    for k, mine in enumerate(lesson.inputs, start=1):
        torch.testing.assert_close(mine, quantizer.downsample(totals[k - 1], k))


def test_dynamic_targets_are_what_the_rollout_still_misses(lesson_input):
    """Eqs. 5-8 from the roll-out's own indices, and f_D without quantisation."""
    model, image_features, depth_features = lesson_input
    quantizer = model.vqvae.quantizer
    lesson = dynamic_targets(model, image_features, depth_features)
    with torch.no_grad():
        own = [step.indices for step in model.rollout(image_features)]
        sums = [torch.zeros_like(depth_features), *quantizer.cumulate(own)]
    for k in range(10):
        missing = quantizer.downsample(depth_features - sums[k], k)  # S(delta_k)
        torch.testing.assert_close(lesson.residuals[k], missing)
        assert torch.equal(lesson.targets[k], nearest(quantizer, missing))
        if k:
            torch.testing.assert_close(lesson.inputs[k - 1], quantizer.downsample(sums[k], k))


def test_untrained_model_is_corrected(lesson_input):
    """The objectives differ where the model errs: same first target, other inputs and targets."""
    model, *features = lesson_input
    var, depthart = teacher_forcing(model, *features), dynamic_targets(model, *features)
    assert torch.equal(var.targets[0], depthart.targets[0])
    assert not torch.allclose(var.inputs[0], depthart.inputs[0])
    later = zip(var.targets[1:], depthart.targets[1:], strict=True)
    assert any(not torch.equal(a, b) for a, b in later)


def test_objectives_coincide_for_a_perfect_predictor(lesson_input, monkeypatch):
    """A transformer that always gives the true tokens is taught the same by both."""
    model, *features = lesson_input
    truth = {t.shape[1]: t for t in model.vqvae.quantizer.tokenize(features[1])[0]}

    def perfect(tokens, condition=None, mask=None, cache=None, last=None):
        return F.one_hot(truth[last], model.config.vocab_size).double()

    monkeypatch.setattr(model.transformer, "forward", perfect)
    var, depthart = teacher_forcing(model, *features), dynamic_targets(model, *features)
    for mine, expected in zip(depthart, var, strict=True):
        for a, b in zip(mine, expected, strict=True):
            torch.testing.assert_close(a, b)


def test_expected_rollout_feeds_the_mean_code(lesson_input):
    model, image_features, depth_features = lesson_input
    lesson = dynamic_targets(model, image_features, depth_features, 2, "expected")
    quantizer = model.vqvae.quantizer
    with torch.no_grad():
        first = next(model.rollout(image_features)).logits
    mean = first.softmax(-1) @ quantizer.codebook.weight
    expected = quantizer.downsample(quantizer.expand(mean, 0), 1)
    torch.testing.assert_close(lesson.inputs[0], expected, rtol=1e-5, atol=1e-6)


# ---- the two equal forms ---------------------------------------------------------------------


def test_sequential_and_masked_forms_have_equal_losses_and_gradients(lesson_input, pictures):
    """(a) One cached pass that keeps its graph; (b) no-grad roll-out, then one masked pass.

    With the VQ-VAE frozen and argmax codes, the inputs carry no graph before `word_embed`, whose
    weights learn in both forms; so does the image encoder.
    """
    model, _, depth_features = copy.deepcopy(lesson_input)
    images, scales = pictures[0].double(), model.scales
    codes = []

    def loss_of(logits, targets):
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    def sequential(image_features):
        total = torch.zeros_like(depth_features)
        logits, targets = [], []
        for step in model.rollout(image_features):
            assert step.logits.requires_grad and not step.features.requires_grad
            missing = model.vqvae.quantizer.downsample(depth_features - total, step.scale)
            targets.append(nearest(model.vqvae.quantizer, missing))
            logits.append(step.logits)
            codes.append(step.indices)
            total = step.features
        return loss_of(torch.cat(logits, dim=1), torch.cat(targets, dim=1))

    def masked(image_features):
        lesson = dynamic_targets(model, image_features.detach(), depth_features)
        logits = model(image_features, lesson.inputs)
        return loss_of(logits, torch.cat(lesson.targets, dim=1))

    results = []
    for form in (sequential, masked):
        model.zero_grad()
        loss = form(model.image_features(images))
        loss.backward()
        gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
        results.append((loss.detach(), {n: g.clone() for n, g in gradients.items()}))
    (loss_a, gradients_a), (loss_b, gradients_b) = results
    torch.testing.assert_close(loss_a, loss_b, rtol=0, atol=1e-9)
    assert gradients_a.keys() == gradients_b.keys()
    trained = {n for n, _ in model.named_parameters() if not n.startswith("vqvae.")}
    assert gradients_a.keys() == trained
    for name, gradient in gradients_a.items():
        torch.testing.assert_close(gradient, gradients_b[name], rtol=0, atol=1e-9)
    assert gradients_a["word_embed.weight"].abs().max() > 1e-6
    assert sum(c.shape[1] for c in codes) == scales.total


# ---- modes -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def with_dropout(lesson_input):
    trained, image_features, depth_features = lesson_input
    config: DepthARTConfig = trained.config
    config = replace(config, transformer=replace(config.transformer, dropout=0.5))
    model = DepthART(config).double()
    model.load_state_dict(trained.state_dict())
    return model, image_features, depth_features


def test_rollout_is_without_dropout(with_dropout):
    model, *features = with_dropout
    calm = dynamic_targets(model.eval(), *features)
    lively = dynamic_targets(model.train(), *features)
    for mine, expected in zip(lively.inputs, calm.inputs, strict=True):
        assert torch.equal(mine, expected)
    with torch.no_grad():  # and dropout would have mattered
        one, other = (model(features[0], calm.inputs) for _ in range(2))
    assert not torch.allclose(one, other)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("training", [False, True])
def test_modes_are_as_before(with_dropout, objective, training):
    """Of every part: the frozen VQ-VAE stays in evaluation mode while the rest trains."""
    model, *features = with_dropout
    model.train(training)
    model.vqvae.eval()
    before = [module.training for module in model.modules()]
    OBJECTIVES[objective](model, *features)
    assert [module.training for module in model.modules()] == before


def test_modes_are_as_before_after_an_error(with_dropout):
    model, *features = with_dropout
    model.train()
    with pytest.raises(ValueError, match="unknown sampler"):
        dynamic_targets(model, *features, sampler="beam")
    assert model.training and model.transformer.training


def test_weights_cast_once_give_what_autocast_gives(pictures):
    """In bf16 the roll-out is autocast's to the bit, and the parameters are back afterwards."""
    model = make_tiny()
    with torch.no_grad():
        features = model.image_features(pictures[0]), model.vqvae.encode(pictures[1])
    before = dict(model.named_parameters())
    with torch.autocast("cpu", torch.bfloat16):
        lesson = dynamic_targets(model, *features)
        with torch.no_grad():
            plain = [step.features for step in model.rollout(features[0])]
    for mine, expected in zip(lesson.totals[1:], plain[:-1], strict=True):
        assert torch.equal(mine, expected)
    assert all(before[name] is parameter for name, parameter in model.named_parameters())


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_gradients_of_the_caller_stay_on(lesson_input, objective):
    model, *features = lesson_input
    OBJECTIVES[objective](model, *features, 2)
    assert torch.is_grad_enabled()


def test_var_does_not_ask_the_transformer(lesson_input, monkeypatch):
    model, *features = lesson_input

    def refuse(*args, **kwargs):
        raise AssertionError("asked")

    monkeypatch.setattr(model.transformer, "forward", refuse)
    teacher_forcing(model, *features)
    with pytest.raises(AssertionError, match="asked"):
        dynamic_targets(model, *features)


@pytest.mark.parametrize("count", [1, 4, None])
def test_the_last_scale_is_not_rolled_out(lesson_input, monkeypatch, count):
    """It is 256 of 680 tokens, and no later scale builds on it."""
    model, *features = lesson_input
    lengths = []
    forward = model.transformer.forward
    monkeypatch.setattr(
        model.transformer,
        "forward",
        lambda tokens, *args, last, **rest: lengths.append(last)
        or forward(tokens, *args, last=last, **rest),
    )
    dynamic_targets(model, *features, count)
    assert lengths == list(model.scales.lengths[: (count or 10) - 1])
