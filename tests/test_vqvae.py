"""The VQ-VAE: shapes, wiring and what its configuration refuses."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from depthart.config import DepthARTConfig
from depthart.vqvae import (
    VQVAE,
    Downsample,
    ResidualBlock,
    SmoothSeams,
    SpatialAttention,
    Upsample,
    VQVAEConfig,
)

SMALL = VQVAEConfig(
    image_size=16, widths=(32, 64), stem_patch=2, blocks=1, latent_channels=4, vocab_size=16,
    sides=(1, 2, 4), phi_count=2,
)  # fmt: skip
CONFIGS = [SMALL, replace(SMALL, stem_patch=1, image_size=8)]


@pytest.fixture(params=CONFIGS, ids=["patches", "pixels"])
def vqvae(request):
    torch.manual_seed(0)
    return VQVAE(request.param).eval()


@pytest.fixture
def images(vqvae):
    side = vqvae.config.image_size
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_shapes(vqvae, images):
    with torch.no_grad():
        features = vqvae.encode(images)
        assert features.shape == (2, 4, 4, 4)
        assert vqvae.decode(features).shape == images.shape
        indices, totals = vqvae.tokenize(images)
    assert [i.shape for i in indices] == [(2, 1), (2, 4), (2, 16)]
    assert all(i.min() >= 0 and i.max() < 16 for i in indices)
    assert [t.shape for t in totals] == [(2, 4, 4, 4)] * 3


def test_reconstruction_is_the_decoded_last_sum_clamped(vqvae, images):
    nn.init.constant_(vqvae.decoder.head.bias, 0.9)  # so that clamping matters
    again = vqvae.reconstruct(images)
    with torch.no_grad():
        decoded = vqvae.decode(vqvae.tokenize(images)[1][-1])
    assert decoded.max() > 1
    assert torch.equal(again, decoded.clamp(-1, 1)) and not again.requires_grad


def test_rows_of_a_batch_do_not_mix(vqvae, images):
    with torch.no_grad():
        together, alone = vqvae.encode(images), vqvae.encode(images[1:])
    torch.testing.assert_close(together[1:], alone)
    assert not torch.allclose(together[0], together[1])


def test_training_pass_reaches_every_parameter(vqvae, images):
    reconstruction, quantized = vqvae(images)
    loss = F.mse_loss(reconstruction, images) + quantized.commitment + quantized.codebook
    names = [name for name, _ in vqvae.named_parameters()]
    for name, gradient in zip(names, torch.autograd.grad(loss, vqvae.parameters()), strict=True):
        assert gradient.abs().sum() > 0, name


def test_training_pass_decodes_partial_sums(vqvae, images):
    with torch.no_grad():
        totals = vqvae.tokenize(images)[1]
        for count in (1, 2, 3):
            reconstruction, quantized = vqvae(images, count)
            torch.testing.assert_close(reconstruction, vqvae.decode(totals[count - 1]))
            assert len(quantized.indices) == count


def test_quantisation_stays_float32_under_autocast(vqvae, images):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert vqvae.encode(images).dtype == torch.bfloat16
        _, quantized = vqvae(images)
        assert vqvae.post_quant(quantized.features).dtype == torch.bfloat16
    assert {quantized.features.dtype, quantized.codebook.dtype, quantized.residuals[0].dtype} == {
        torch.float32
    }


# ---- parts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("row, column", [(0, 0), (1, 2), (2, 2)])
def test_downsample_pads_right_and_bottom(row, column):
    layer = Downsample(1)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    layer.weight.data[0, 0, row, column] = 1
    x = torch.randn(1, 1, 6, 6)
    padded = torch.zeros(1, 1, 8, 8)
    padded[..., :6, :6] = x
    assert torch.equal(layer(x), padded[..., row : row + 6 : 2, column : column + 6 : 2])


def test_upsample_repeats_pixels():
    layer = Upsample(2)
    nn.init.dirac_(layer.weight)
    nn.init.zeros_(layer.bias)
    x = torch.randn(1, 2, 3, 3)
    torch.testing.assert_close(layer(x), x.repeat_interleave(2, 2).repeat_interleave(2, 3))


def test_spatial_attention_equals_plain_loops():
    torch.manual_seed(0)
    layer = SpatialAttention(32).double()
    x = torch.randn(1, 32, 2, 3, dtype=torch.float64)
    pixels = layer.norm(x)[0].flatten(1).t()  # (HW, C)
    projected = pixels @ layer.qkv.weight[:, :, 0, 0].t() + layer.qkv.bias
    q, k, v = projected[:, :32], projected[:, 32:64], projected[:, 64:]
    mixed = torch.zeros_like(q)
    for i in range(6):
        weights = torch.stack([q[i] @ k[j] / 32**0.5 for j in range(6)]).softmax(0)
        mixed[i] = sum(weights[j] * v[j] for j in range(6))
    out = mixed @ layer.out.weight[:, :, 0, 0].t() + layer.out.bias
    torch.testing.assert_close(layer(x), x + out.t().view_as(x))


@pytest.mark.parametrize("outputs", [32, 64])
def test_residual_block_with_silent_convolution_is_its_shortcut(outputs):
    block = ResidualBlock(32, outputs)
    nn.init.zeros_(block.conv2.weight)
    nn.init.zeros_(block.conv2.bias)
    x = torch.randn(1, 32, 4, 4)
    expected = x if outputs == 32 else F.conv2d(x, block.shortcut.weight, block.shortcut.bias)
    torch.testing.assert_close(block(x), expected)


def test_attention_is_at_the_coarsest_level_only():
    vqvae = VQVAE(SMALL)
    assert [len(level.attentions) for level in vqvae.encoder.levels] == [0, 1]
    assert [len(level.attentions) for level in vqvae.decoder.levels] == [0, 2]


# ---- configuration ---------------------------------------------------------------------------


def test_paper_size():
    with torch.device("meta"):
        vqvae = VQVAE(DepthARTConfig.preset("paper").vqvae)
    assert round(sum(p.numel() for p in vqvae.parameters()) / 1e6) == 109
    assert vqvae.encode(torch.empty(1, 3, 256, 256, device="meta")).shape == (1, 32, 16, 16)


def test_lists_from_json_become_tuples():
    config = VQVAEConfig(widths=[160, 160, 320, 320, 640], sides=list(VQVAEConfig().sides))
    assert config == VQVAEConfig() and hash(config) == hash(VQVAEConfig())


def test_widths_must_suit_group_norm():
    with pytest.raises(ValueError, match=r"multiples of 32, got \(32, 48\)"):
        replace(SMALL, widths=(32, 48))


def test_the_log_offset_must_not_be_negative():
    with pytest.raises(ValueError, match="must not be negative, got -0.1"):
        replace(SMALL, log_offset=-0.1)


def test_scales_must_end_at_the_latent_side():
    with pytest.raises(ValueError, match="gives 8 latent cells a side, the scales end at 4"):
        replace(SMALL, image_size=32)


@pytest.mark.parametrize("patch", [2, 3, 4])
def test_seams_of_patches_are_smoothed_away_and_slopes_stay(patch):
    smooth, inside = SmoothSeams(patch), slice(patch, -patch)
    grid = torch.zeros(1, 1, 24, 24)
    grid[..., ::patch, :] = 1
    grid[..., 1::patch] -= 0.5
    assert smooth(grid)[..., inside, inside].std() < 1e-6 < grid.std()
    slope = torch.arange(24.0).expand(1, 1, 24, 24)
    assert smooth(slope).shape == slope.shape
    torch.testing.assert_close(smooth(slope)[..., inside], slope[..., inside])
