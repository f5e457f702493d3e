"""Options of the transformer's step beyond the paper: off by default, and doing what they say."""

import copy

import pytest
import torch

from depthart.config import DepthARTConfig
from depthart.model import DepthART
from depthart.normalize import to_log
from depthart.sampling import Sampler
from tests.conftest import make_tiny
from train.autoregressive import Shares, parameter_groups
from train.data.sample import Batch
from train.decoded_depth import decoded_depth_error, true_depth
from train.loop import RunConfig
from train.next_scale_step import NextScaleStep, StepConfig, decoded_scale
from train.objectives import dynamic_targets, teacher_forcing

RUN = RunConfig(steps=10, bf16=False, device="cpu")


@pytest.fixture(scope="module")
def given():
    """A model with a frozen VQ-VAE, image features, depth features of two smooth maps."""
    model = make_tiny()
    model.vqvae.requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(2, 256, model.config.image_encoder.width, generator=generator)
    coarse = torch.randn(2, model.config.latent_channels, 4, 4, generator=generator)
    depth = torch.nn.functional.interpolate(coarse, size=(16, 16), mode="bilinear")
    return model, image, depth


def step_of(model, seed=0, **options):
    step = NextScaleStep(model, StepConfig(**options), RUN)

    def at(number, image, depth):
        torch.manual_seed(seed)
        return step.lesson(number, image, depth)

    return at


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.targets, other.targets, strict=True))


def test_defaults_are_the_papers(given):
    model, image, depth = given
    step = NextScaleStep(model, StepConfig(), RUN)
    lesson = step.lesson(0, image, depth)
    assert same(lesson, dynamic_targets(model, image, depth))
    loss, report = step(0, image, depth)
    logits = step.logits(lesson, image)
    plain = torch.nn.functional.cross_entropy(logits.mT, torch.cat(lesson.targets, dim=1))
    torch.testing.assert_close(loss, plain, rtol=1e-5, atol=1e-6)
    assert set(report) == {f"ce_{k}" for k in range(1, 11)}


def test_sampled_rollouts_hang_on_the_step_alone(given):
    model, image, depth = given
    step = step_of(model, rollout="sample")
    assert same(step(3, image, depth), step(3, image, depth))
    other = step_of(model, seed=1, rollout="sample")
    assert not same(step(3, image, depth), other(3, image, depth))


def test_sampled_rollout_feeds_what_was_drawn(given):
    """The inputs of scale 2 are the drawn code of scale 1, expanded and shrunk."""
    model, image, depth = given
    sampler = Sampler("sample", draws=1, seed=5)
    lesson = dynamic_targets(model, image, depth, 2, sampler)
    quantizer = model.vqvae.quantizer
    with torch.no_grad():
        drawn = next(model.rollout(image, sampler)).codes
        expected = quantizer.downsample(quantizer.expand(drawn, 0), 1)
    torch.testing.assert_close(lesson.inputs[0], expected)
    torch.testing.assert_close(lesson.totals[1], quantizer.expand(drawn, 0))


def test_mixture_takes_the_objective_of_the_moment(given):
    model, image, depth = given
    step = step_of(model, mix="0:var,0.5:depthart")
    truth, own = teacher_forcing(model, image, depth), dynamic_targets(model, image, depth)
    assert not same(truth, own)
    assert same(step(4, image, depth), truth)
    assert same(step(5, image, depth), own)


def test_mixture_by_share_draws_per_step(given):
    model, image, depth = given
    truth = teacher_forcing(model, image, depth)
    lessons = [step_of(model, seed, mix="0:0.5")(0, image, depth) for seed in range(12)]
    assert 2 <= sum(same(lesson, truth) for lesson in lessons) <= 10
    report = NextScaleStep(model, StepConfig(mix="0:0,0.5:1"), RUN)(2, image, depth)[1]
    assert report["depthart_share"] == pytest.approx(0.4)


def test_progressive_steps_train_the_first_scales(given):
    model, image, depth = given
    step = step_of(model, progressive="0.5:3")
    assert len(step(4, image, depth).targets) == 3
    assert len(step(5, image, depth).targets) == 10


def test_decoded_depth_error_is_zero_for_the_truth(given):
    """A last scale whose expected code is what is missing, of a depth that the decoder can draw."""
    model, image, depth = copy.deepcopy(given)
    quantizer = model.vqvae.quantizer
    with torch.no_grad():
        indices, totals = quantizer.tokenize(depth)
        truth = model.vqvae.decode(totals[-1]).mean(1, keepdim=True)
    logits = torch.full((2, model.scales.total, model.config.vocab_size), -100.0)
    logits.scatter_(2, torch.cat(indices, dim=1).unsqueeze(-1), 100.0)
    lesson = teacher_forcing(model, image, depth)
    error = decoded_depth_error(model, logits, lesson, truth, 9)
    assert error.item() == pytest.approx(0, abs=1e-5)
    assert decoded_depth_error(model, -logits, lesson, truth, 9).item() > 1e-3
    partly = truth.clone()
    partly[..., :100, :] = torch.nan  # not measured
    there = decoded_depth_error(model, -logits, lesson, partly, 9)
    changed = torch.where(partly.isnan(), partly, truth)
    assert there.isfinite() and there == decoded_depth_error(model, -logits, lesson, changed, 9)
    error = decoded_depth_error(model, logits, lesson, partly, 9)
    assert error.item() == pytest.approx(0, abs=1e-5)


def test_one_token_decoded_alone_is_to_be_flat(given):
    """Whatever the depth is: a token without a place that is taught layout draws the mean one."""
    model, image, depth = given
    lesson = teacher_forcing(model, image, depth)
    logits = torch.randn(2, model.scales.total, model.config.vocab_size)
    truths = torch.rand(2, 2, 1, 256, 256) * 2 - 1
    one, other = (decoded_depth_error(model, logits, lesson, truth, 0) for truth in truths)
    assert one == other > 0
    flat = torch.zeros(2, 1, 256, 256)
    assert decoded_depth_error(model, logits, lesson, flat, 0) == one


def test_decoded_depth_error_does_not_mind_the_scale(given):
    model, image, depth = given
    lesson = teacher_forcing(model, image, depth)
    logits = torch.randn(2, model.scales.total, model.config.vocab_size)
    share = torch.rand(2, 1, 256, 256) * 0.5 + 0.25  # of D_98
    errors = [
        decoded_depth_error(model, logits, lesson, 2 * factor * share - 1, 4).item()
        for factor in (1.0, 0.5)
    ]
    assert errors[0] == pytest.approx(errors[1], rel=1e-4) and errors[0] > 0.1


def test_true_depth_is_unknown_in_holes_and_the_sky():
    depth = torch.rand(2, 1, 64, 64) + 1
    depth[0, 0, :5], depth[1, 0, :3] = 0, torch.inf  # holes, sky
    valid = (depth > 0) & depth.isfinite()
    batch = Batch(torch.zeros(2, 3, 64, 64), depth, valid, torch.zeros(2, 4))
    truth = true_depth(batch, 0.0)
    assert truth.isnan().flatten(1).sum(1).tolist() == [5 * 64, 3 * 64]
    order = depth[0][valid[0]].argsort()
    assert (truth[0][valid[0]][order].diff() >= 0).all() and truth[0].nan_to_num().max() == 1
    in_log = true_depth(batch, 0.1)
    torch.testing.assert_close(in_log, to_log(truth, 0.1), equal_nan=True)


def test_decoded_depth_teaches_the_transformer_only(given):
    model, image, depth = given
    truth = torch.rand(2, 1, 256, 256) * 2 - 1
    step = NextScaleStep(model, StepConfig(decoded_depth=0.5), RUN)
    lesson = step.lesson(0, image, depth)
    plain = NextScaleStep(model, StepConfig(), RUN).loss(lesson, step.logits(lesson, image))
    with pytest.raises(ValueError, match="true depth"):
        step.loss(lesson, step.logits(lesson, image))
    loss, report = step.loss(lesson, step.logits(lesson, image), truth)
    assert loss.item() == pytest.approx(plain[0].item() + 0.5 * report["decoded_depth"].item())
    (loss - plain[0]).backward()
    assert model.transformer.head.weight.grad.abs().max() > 0
    assert all(p.grad is None for p in model.vqvae.parameters())
    model.zero_grad()


def test_the_decoder_learns_when_it_may(given):
    model, image, depth = copy.deepcopy(given)
    groups = parameter_groups(model, Shares(decoder=0.5))
    assert groups[1]["lr_scale"] == 0.5
    step = NextScaleStep(model, StepConfig(decoded_depth=1.0), RUN)
    step(0, image, depth, torch.zeros(2, 1, 256, 256))[0].backward()
    learning = {name for name, p in model.named_parameters() if p.grad is not None}
    assert any(name.startswith("vqvae.decoder") for name in learning)
    kept = ("vqvae.encoder", "vqvae.pre_quant", "vqvae.quantizer", "image_encoder")
    assert not any(name.startswith(kept) for name in learning)


@pytest.mark.parametrize("preset", ["tiny", "tiny-vq"])
def test_all_but_the_trained_parts_learn(preset):
    """Embeddings and projections, too, which stand beside the transformer's blocks."""
    model = DepthART(DepthARTConfig.preset(preset))
    groups = parameter_groups(model)
    learning = {name for name, p in model.named_parameters() if p.requires_grad}
    given = ("vqvae.", "image_encoder.")
    assert learning == {n for n, _ in model.named_parameters() if not n.startswith(given)}
    assert "word_embed.weight" in learning and len(groups[0]["params"]) == len(learning)


def test_every_other_step_decodes_the_last_scale():
    drawn = []
    for seed in range(200):
        torch.manual_seed(seed)
        drawn.append(decoded_scale(10))
    assert 90 <= drawn.count(9) <= 130 and set(drawn) == set(range(10))


def test_unreadable_schedules_are_refused_at_once(given):
    for options in ({"mix": "soon"}, {"progressive": "soon"}):
        with pytest.raises(ValueError, match="schedule"):
            NextScaleStep(given[0], StepConfig(**options), RUN)
