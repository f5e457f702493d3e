"""The VQ-VAE's loss: optional perceptual and adversarial terms, and the care for its codes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from depthart.config import TINY_VQVAE
from depthart.normalize import image_to_depth
from depthart.trunks import build_trunk
from depthart.vqvae import VQVAE
from train import autoencoder
from train.adversarial import Adversary, adaptive_factor
from train.autoencoder import Lesson
from train.code_usage import CodeUsage
from train.loop import RunConfig
from train.perceptual import PerceptualDistance
from train.vqvae_loss import nearness, reconstruct

RUN = RunConfig(steps=4, bf16=False, device="cpu")


@pytest.fixture(scope="module")
def images():
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture(scope="module")
def trunk_file(tmp_path_factory):
    """Random weights in the format of `train.imagenet`."""
    torch.manual_seed(0)
    state = {
        f"conv{i:02d}.{name}": value
        for i, convolution in enumerate(build_trunk("mobilenet_v2").convolutions)
        for name, value in convolution.state_dict().items()
    }
    path = tmp_path_factory.mktemp("trunk") / "trunk.safetensors"
    save_file(state, path)
    return path


def test_perceptual_distance(trunk_file, images):
    distance = PerceptualDistance.from_file("mobilenet_v2", trunk_file)
    assert distance(images, images).item() == pytest.approx(0, abs=1e-6)
    changed = images.flip(-1).requires_grad_()
    value = distance(changed, images)
    value.backward()
    assert 0 < value.item() <= 4  # of unit vectors
    assert changed.grad.abs().max() > 0
    assert all(p.grad is None for p in distance.parameters())
    torch.testing.assert_close(value, distance(images, images.flip(-1)))


def test_perceptual_weights_are_local(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.safetensors"):
        PerceptualDistance.from_file("mobilenet_v2", tmp_path / "nothing.safetensors")


def test_one_token_alone_is_to_be_flat(monkeypatch):
    """1x1 knows no places; from 2x2 on, and with all scales, the target is the picture."""
    torch.manual_seed(0)
    vqvae = VQVAE(TINY_VQVAE)
    assert vqvae.scales.sides[0] == 1
    images = torch.rand(1, 3, TINY_VQVAE.image_size, TINY_VQVAE.image_size) * 2 - 1
    mean = images.mean((2, 3), keepdim=True).expand_as(images)
    monkeypatch.setattr(vqvae, "decode", lambda features: mean)
    first, second, last = (reconstruct(vqvae, images, count) for count in (1, 2, None))
    assert first.error.item() == 0
    assert second.error.item() > 0.1 and last.error.item() == second.error.item()
    torch.testing.assert_close(last.target, images)
    only = VQVAE(replace(TINY_VQVAE, sides=TINY_VQVAE.sides[-1:]))  # knows places
    torch.testing.assert_close(reconstruct(only, images, 1).target, images)


def test_adaptive_factor_balances_gradients():
    weight = nn.Parameter(torch.tensor([2.0, 0.0]))
    error, fooled = 6 * weight[0], -2 * weight[1]
    assert adaptive_factor(error, fooled, weight).item() == pytest.approx(3, rel=1e-3)


def test_the_discriminator_learns_to_tell(images):
    torch.manual_seed(0)
    adversary = Adversary(1.0, 0, 1e-3, "cpu", width=16)
    fake = (images * 0.2).requires_grad_()
    scale = nn.Parameter(torch.ones(()))
    losses = []
    for _ in range(12):
        rebuilt = fake * scale
        error = (rebuilt - images).abs().mean()
        term, report = adversary.judge(images, rebuilt, error, scale)
        own = [p.grad.clone() for p in adversary.discriminator.parameters()]
        term.backward()
        kept = zip(own, adversary.discriminator.parameters(), strict=True)
        assert all(torch.equal(grad, p.grad) for grad, p in kept)  # nothing of the generator's
        losses.append(report["discriminator"].item())
        adversary.after_step()
    assert losses[-1] < 0.7 * losses[0]
    assert fake.grad.abs().max() > 0


def test_a_saved_adversary_goes_on_alike(images):
    def trained(adversary, steps):
        for _ in range(steps):
            rebuilt = images * scale
            adversary.judge(images, rebuilt, (rebuilt - images).abs().mean(), scale)
            adversary.after_step()
        return adversary

    scale = nn.Parameter(torch.full((), 0.5))
    torch.manual_seed(0)
    whole = trained(Adversary(1, 0, 1e-3, "cpu", width=8), 2)
    other = Adversary(1, 0, 1e-3, "cpu", width=8)
    other.load_state_dict(as_from_file(whole.state_dict()))
    for a, b in zip(
        trained(whole, 2).discriminator.parameters(),
        trained(other, 2).discriminator.parameters(),
        strict=True,
    ):
        assert torch.equal(a, b)


def as_from_file(state):
    """A copy, as from a file."""
    return torch.utils._pytree.tree_map_only(torch.Tensor, torch.clone, state)


def test_terms_are_off_by_default_and_adversary_starts_late():
    torch.manual_seed(0)
    vqvae = VQVAE(TINY_VQVAE)
    images = torch.rand(1, 3, 256, 256) * 2 - 1
    adversary = Adversary(0.5, 3, 1e-3, "cpu", width=8)

    def report(step, **terms):
        for seed in range(99):  # the next seed whose step decodes all scales
            torch.manual_seed(seed)
            if float(torch.rand(())) >= autoencoder.PARTIAL:
                torch.manual_seed(seed)
                return Lesson(vqvae, RUN, **terms)(step, images)

    plain, names = report(3)
    assert set(names) == {"l1", "commitment"}
    early, names = report(2, adversary=adversary)
    assert set(names) == {"l1", "commitment"} and early.item() == plain.item()
    late, names = report(3, adversary=adversary)
    assert {"discriminator", "fooled", "adaptive"} < set(names)
    expected = plain + 0.5 * names["adaptive"] * names["fooled"]
    torch.testing.assert_close(late, expected)


def test_nearness_weighs_depth_and_leaves_photos():
    depth = torch.tensor([-1.0, 1.0]).view(1, 1, 1, 2).expand(1, 3, 1, 2)
    photo = torch.rand(1, 3, 1, 2)
    weights = nearness(torch.cat([depth, photo]), 0.0).flatten().tolist()
    assert weights == pytest.approx([0.5 / 0.05, 0.5 / 1.05, 1, 1])


def test_nearness_makes_errors_of_log_depth_relative_too():
    shares, offset = torch.tensor([0.01, 0.1, 0.5]), 0.1
    images = torch.log1p(shares / offset) / np.log1p(1 / offset) * 2 - 1
    images = images.view(1, 1, 1, 3).expand(1, 3, 1, 3)
    wrong = image_to_depth(images + 1e-3, offset).flatten() - shares
    relative = wrong / (shares + 0.05)
    weighted = 1e-3 * nearness(images, offset).flatten()
    torch.testing.assert_close(weighted, relative, rtol=1e-2, atol=0)


def test_unused_codes_get_places_of_residuals():
    torch.manual_seed(0)
    quantizer = VQVAE(TINY_VQVAE).quantizer
    usage = CodeUsage(quantizer)
    before = quantizer.codebook.weight.detach().clone()
    vectors = torch.randn(1, 4, quantizer.channels) + 50
    usage.observe([torch.arange(4)[None]], [vectors])
    again = CodeUsage(quantizer)
    again.load_state_dict(as_from_file(usage.state_dict()))
    assert torch.equal(again.counts, usage.counts)
    assert usage.reseed() == pytest.approx(4 / 64)
    after = quantizer.codebook.weight
    assert torch.equal(after[:4], before[:4])
    nearest = torch.cdist(after[4:], vectors[0]).min(1).values
    assert nearest.max() < 1
    assert usage.counts.sum() == 0


def test_a_perceptual_term_without_weights_is_refused_at_once(tmp_path):
    with pytest.raises(ValueError, match="--trunk"):
        autoencoder.main(["-o", str(tmp_path), "--preset", "tiny", "--perceptual", "1"])
