"""DiT-depth: what it diffuses, what it is told of the picture, and where its few steps lead."""

from dataclasses import replace

import pytest
import torch

from depthart.baselines.dit import DiTConfig, DiTDepth, time_features
from depthart.baselines.losses import relative_depth
from depthart.config import TINY_VQVAE
from depthart.normalize import image_to_depth

VQVAE = replace(TINY_VQVAE, image_size=64, sides=(1, 2, 4))
Z = VQVAE.latent_channels


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return DiTDepth(DiTConfig(image_size=64, width=32, depth=1, heads=2, vqvae=VQVAE)).eval()


@pytest.fixture(scope="module")
def batch():
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(3, 4, 8, 8, generator=generator)
    pictures = torch.nn.functional.interpolate(coarse, size=(64, 64), mode="bilinear")
    depth = pictures[:, 3:] + 0.2
    return pictures[:, :3] * 2 - 1, depth, torch.ones_like(depth, dtype=torch.bool)


def depth_image(depth, valid):
    return (2 * relative_depth(depth, valid) - 1)[:, None].expand(-1, 3, -1, -1)


def test_latents_are_standardised_and_not_quantised(network, batch):
    images, depth, valid = batch
    network.begin(images, depth, valid)
    for name, pictures in (("depth", depth_image(depth, valid)), ("picture", images)):
        latents = network._latents(pictures, name)
        spread, mean = torch.std_mean(latents, dim=(0, 2, 3))
        torch.testing.assert_close(mean, torch.zeros(Z), atol=1e-5, rtol=0)
        torch.testing.assert_close(spread, torch.ones(Z), atol=1e-4, rtol=0)
        scale, shift = getattr(network, f"{name}_std"), getattr(network, f"{name}_mean")
        continuous = network.vqvae.encode(pictures)
        torch.testing.assert_close(latents * scale + shift, continuous, atol=1e-5, rtol=1e-4)


def test_the_pictures_latents_stand_beside_the_noisy_ones(network, batch, monkeypatch):
    """Along channels: noise, the picture's own latents, what the trunk sees."""
    images, depth, valid = batch
    network.begin(images, depth, valid)
    told = []
    embed = network.embed.forward
    monkeypatch.setattr(network.embed, "forward", lambda x: told.append(x) or embed(x))
    x = torch.randn(3, Z, 4, 4)
    network.velocity(x, torch.full((3,), 0.5), network.condition(images))
    (tokens,) = told
    assert tokens.shape == (3, 16, 2 * Z + 32)
    torch.testing.assert_close(tokens[..., :Z], x.flatten(2).mT)
    own = network._latents(images, "picture").flatten(2).mT
    torch.testing.assert_close(tokens[..., Z : 2 * Z], own)


def test_the_right_velocity_leads_to_the_depth_at_every_step(network, batch, monkeypatch):
    """x_t = (1 - t) x_0 + t noise, so v = (x_t - x_0) / t: a straight way, whatever the noise."""
    images, depth, valid = batch
    network.begin(images, depth, valid)
    target = network._latents(depth_image(depth, valid), "depth")
    monkeypatch.setattr(
        network, "velocity", lambda x, t, _: (x - target) / t.view(-1, 1, 1, 1)
    )
    steps = list(network.refine(images, torch.Generator().manual_seed(3)))
    assert len(steps) == network.config.steps == 8
    decoded = network.vqvae.decode(network.vqvae.encode(depth_image(depth, valid)))
    for found in steps:
        torch.testing.assert_close(found, image_to_depth(decoded), atol=1e-3, rtol=0)


def test_the_loss_is_that_of_the_right_velocity(network, batch, monkeypatch):
    images, depth, valid = batch
    network.begin(images, depth, valid)
    target = network._latents(depth_image(depth, valid), "depth")
    seen = []

    def right(x, t, condition):
        seen.append(t)
        return (x - target) / t.view(-1, 1, 1, 1)

    torch.manual_seed(5)
    monkeypatch.setattr(network, "velocity", right)
    loss, _ = network.loss(images, depth, valid)
    assert loss.item() < 1e-6 and len(set(seen[0].tolist())) == 3  # a time for each picture
    monkeypatch.setattr(network, "velocity", lambda x, t, _: torch.zeros_like(x))
    loss, _ = network.loss(images, depth, valid)
    assert loss.item() == pytest.approx(2, rel=0.3)  # noise and latents both have spread 1


def test_times_are_told_apart():
    features = time_features(torch.tensor([0.0, 0.5, 1.0]), 32)
    assert features.shape == (3, 32)
    assert torch.cdist(features, features).add(10 * torch.eye(3)).min() > 1


def test_a_vqvae_with_depth_in_log_is_shown_depth_in_log():
    log = replace(VQVAE, log_offset=0.1)
    config = DiTConfig(image_size=64, width=32, depth=1, heads=2, vqvae=log)
    network = DiTDepth(config)
    depth = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0)) + 0.1
    valid = torch.ones_like(depth, dtype=torch.bool)
    image = network._depth_image(depth, valid)
    torch.testing.assert_close(image, network.vqvae.to_image(depth, valid), rtol=0, atol=1e-4)
    assert image.shape == (1, 3, 64, 64)
    far = (depth / depth.flatten().quantile(0.98)).clamp(max=1)
    torch.testing.assert_close(network.vqvae.to_depth(image)[:, None], far, rtol=0, atol=1e-3)
