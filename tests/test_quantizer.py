"""The multi-scale quantiser against a plain-loop version, and where its gradients go."""

import math
from fractions import Fraction

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from depthart.quantizer import MultiScaleQuantizer, Phi
from depthart.scales import Scales

SIDES = (1, 3, 4)  # area windows of 3 out of 4 overlap
CHANNELS, VOCAB = 4, 16


@pytest.fixture
def quantizer():
    torch.manual_seed(0)
    return MultiScaleQuantizer(VOCAB, CHANNELS, Scales(SIDES), phi_count=2).double()


@pytest.fixture
def features():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, CHANNELS, 4, 4, generator=generator, dtype=torch.float64)


def make_identity(quantizer):
    """Let every phi pass its input."""
    for phi in quantizer.phis:
        nn.init.dirac_(phi.weight)
        nn.init.zeros_(phi.bias)


# ---- one step --------------------------------------------------------------------------------


def test_nearest_codes_is_the_closest_of_all(quantizer):
    vectors = torch.randn(2, 5, CHANNELS, dtype=torch.float64)
    codes = quantizer.codebook.weight
    indices = quantizer.nearest_codes(vectors)
    assert indices.shape == (2, 5)
    for b in range(2):
        for i in range(5):
            distances = [(vectors[b, i] - code).square().sum().item() for code in codes]
            assert distances[indices[b, i]] == min(distances)


def test_nearest_codes_does_not_round_under_autocast():
    """bfloat16 cannot tell these two codes from one another; float32 can."""
    quantizer = MultiScaleQuantizer(2, CHANNELS, Scales((1, 2)))
    codes = torch.full((2, CHANNELS), 100.0)
    codes[1] += 0.1
    quantizer.codebook.weight.data = codes
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert quantizer.nearest_codes(codes).tolist() == [0, 1]


@pytest.mark.parametrize("scale", range(len(SIDES)))
def test_downsample_averages_areas(quantizer, features, scale):
    side = SIDES[scale]
    pooled = quantizer.downsample(features, scale)
    assert pooled.shape == (2, side * side, CHANNELS)
    for row in range(side):
        for column in range(side):
            rows = slice(row * 4 // side, math.ceil((row + 1) * 4 / side))
            columns = slice(column * 4 // side, math.ceil((column + 1) * 4 / side))
            expected = features[:, :, rows, columns].mean((2, 3))
            torch.testing.assert_close(pooled[:, row * side + column], expected)


def test_expand_is_bicubic_then_phi(quantizer):
    codes = torch.randn(2, 9, CHANNELS, dtype=torch.float64)
    grid = codes.permute(0, 2, 1).reshape(2, CHANNELS, 3, 3)
    h = F.interpolate(grid, size=(4, 4), mode="bicubic", align_corners=False)
    phi = quantizer.phis[quantizer.phi_of_scale[1]]
    expected = 0.5 * h + 0.5 * F.conv2d(h, phi.weight, phi.bias, padding=1)
    torch.testing.assert_close(quantizer.expand(codes, 1), expected)


def test_last_scale_is_not_resized(quantizer, features, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("resized")

    monkeypatch.setattr("depthart.quantizer.F.interpolate", refuse)
    last = len(SIDES) - 1
    vectors = quantizer.downsample(features, last)
    assert torch.equal(vectors.transpose(1, 2).reshape(features.shape), features)
    phi = quantizer.phis[quantizer.phi_of_scale[last]]
    torch.testing.assert_close(quantizer.expand(vectors, last), phi(features))
    with pytest.raises(AssertionError, match="resized"):
        quantizer.downsample(features, 0)


def test_expand_keeps_float32_under_autocast():
    quantizer = MultiScaleQuantizer(VOCAB, CHANNELS, Scales(SIDES))
    codes = quantizer.codebook.weight[:9][None]
    plain = quantizer.expand(codes, 1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = quantizer.expand(codes.bfloat16().float(), 1), quantizer.expand(codes, 1)
    assert inside[1].dtype == torch.float32
    assert torch.equal(inside[1], plain) and not torch.equal(inside[0], plain)


def test_phi_of_each_scale_is_the_nearest_tick():
    """Ticks 1/12, 13/36, 23/36, 33/36 against k/9; k = 2 and k = 7 lie half-way: either will do
    here, the golden vectors decide."""
    ticks = [Fraction(1, 12) + i * Fraction(10, 36) for i in range(4)]
    for k, chosen in enumerate(MultiScaleQuantizer(2, 1, Scales()).phi_of_scale):
        distances = [abs(tick - Fraction(k, 9)) for tick in ticks]
        assert distances[chosen] == min(distances), k
        assert (distances.count(min(distances)) == 2) == (k in (2, 7))


@pytest.mark.parametrize("sides, phis", [((1,), 1), ((1, 2, 4), 1), ((1, 2), 3)])
def test_other_ladders_find_their_phi(sides, phis):
    chosen = MultiScaleQuantizer(2, 1, Scales(sides), phis).phi_of_scale
    assert len(chosen) == len(sides) and all(0 <= i < phis for i in chosen)
    assert chosen == sorted(chosen)


def test_phi_halves():
    phi = Phi(CHANNELS)
    nn.init.zeros_(phi.weight)
    nn.init.zeros_(phi.bias)
    h = torch.randn(1, CHANNELS, 4, 4)
    torch.testing.assert_close(phi(h), h / 2)


# ---- all scales ------------------------------------------------------------------------------


def tokenize_with_loops(quantizer, features):
    """Eqs. 2-3, one picture, one token and one code at a time."""
    codes = quantizer.codebook.weight
    all_indices = [[] for _ in SIDES]
    all_totals = [[] for _ in SIDES]
    for f in features:  # (C, S, S)
        rest, total = f.clone(), torch.zeros_like(f)
        for k, side in enumerate(SIDES):
            chosen = torch.empty(side, side, dtype=torch.int64)
            for row in range(side):
                for column in range(side):
                    top, bottom = row * 4 // side, math.ceil((row + 1) * 4 / side)
                    left, right = column * 4 // side, math.ceil((column + 1) * 4 / side)
                    mean = rest[:, top:bottom, left:right].mean((1, 2))
                    chosen[row, column] = (codes - mean).square().sum(1).argmin()
            h = codes[chosen].permute(2, 0, 1)[None]  # (1, C, s, s)
            if side != 4:
                h = F.interpolate(h, size=(4, 4), mode="bicubic")
            phi = quantizer.phis[quantizer.phi_of_scale[k]]
            contribution = h / 2 + F.conv2d(h, phi.weight, phi.bias, padding=1) / 2
            rest, total = rest - contribution[0], total + contribution[0]
            all_indices[k].append(chosen.flatten())
            all_totals[k].append(total)
    return [torch.stack(x) for x in all_indices], [torch.stack(x) for x in all_totals]


def test_tokenize_equals_plain_loops(quantizer, features):
    with torch.no_grad():
        expected_indices, expected_totals = tokenize_with_loops(quantizer, features)
        indices, totals = quantizer.tokenize(features)
    for k in range(len(SIDES)):
        assert torch.equal(indices[k], expected_indices[k])
        torch.testing.assert_close(totals[k], expected_totals[k])


def test_token_maps_rebuild_the_cumulative_features(quantizer, features):
    indices, totals = quantizer.tokenize(features)
    for mine, expected in zip(quantizer.cumulate(indices), totals, strict=True):
        torch.testing.assert_close(mine, expected)


def test_a_prefix_of_token_maps_rebuilds_a_prefix(quantizer, features):
    indices, totals = quantizer.tokenize(features)
    for count in (1, 2):
        prefix = quantizer.cumulate(indices[:count])
        assert len(prefix) == count
        torch.testing.assert_close(prefix[-1], totals[count - 1])


def test_exact_codes_are_found_again(quantizer):
    """A flat code plus a checkerboard: the first scale holds one, the last scale the other."""
    make_identity(quantizer)
    codes = torch.zeros(VOCAB, CHANNELS, dtype=torch.float64)
    codes[1, 0], codes[2, 1], codes[3, 1] = 5, 1, -1
    codes[4:] = 50  # never near
    quantizer.codebook.weight.data = codes
    quantizer.scales = Scales((1, 2, 4))
    checkers = torch.tensor([[2, 3], [3, 2]]).repeat(2, 2)
    features = (codes[1].view(-1, 1, 1) + codes[checkers].permute(2, 0, 1))[None]
    indices, totals = quantizer.tokenize(features)
    assert [i.flatten().tolist() for i in indices] == [[1], [0] * 4, checkers.flatten().tolist()]
    torch.testing.assert_close(totals[-1], features)
    torch.testing.assert_close(quantizer.cumulate(indices)[-1], features)


def test_rows_of_a_batch_do_not_mix(quantizer, features):
    indices, _ = quantizer.tokenize(features)
    for row in range(2):
        alone, _ = quantizer.tokenize(features[row : row + 1])
        for together, mine in zip(indices, alone, strict=True):
            assert torch.equal(together[row], mine[0])


# ---- training --------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [None, 1, 2])
def test_forward_quantises_like_tokenize(quantizer, features, count):
    used = count or len(SIDES)
    indices, totals = quantizer.tokenize(features)
    result = quantizer(features, count)
    torch.testing.assert_close(result.features, totals[used - 1])
    for mine, expected in zip(result.indices, indices[:used], strict=True):
        assert torch.equal(mine, expected)
    mean = sum(F.mse_loss(features, total) for total in totals[:used]) / used
    torch.testing.assert_close(result.commitment, mean)
    torch.testing.assert_close(result.codebook, mean)


def test_forward_gives_the_vectors_it_quantised(quantizer, features):
    result = quantizer(features)
    for residuals, indices in zip(result.residuals, result.indices, strict=True):
        assert not residuals.requires_grad
        assert torch.equal(quantizer.nearest_codes(residuals), indices)
    torch.testing.assert_close(result.residuals[0][:, 0], features.mean((2, 3)))


def gradients(loss, features, quantizer):
    parameters = {"features": features, **dict(quantizer.named_parameters())}
    found = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
    return {name: g for name, g in zip(parameters, found, strict=True) if g is not None}


def test_gradient_passes_straight_through_to_the_encoder(quantizer, features):
    features.requires_grad_()
    weights = torch.randn_like(features)
    found = gradients((quantizer(features).features * weights).sum(), features, quantizer)
    assert set(found) == {"features"}
    torch.testing.assert_close(found["features"], weights)


def test_a_partial_sum_gives_no_gradient_to_finer_detail(quantizer, features):
    """One token stands for the mean, so that all places hear the same."""
    features.requires_grad_()
    weights = torch.randn_like(features)
    found = gradients((quantizer(features, 1).features * weights).sum(), features, quantizer)
    assert set(found) == {"features"}
    mean = weights.mean((2, 3), keepdim=True).expand_as(weights)
    torch.testing.assert_close(found["features"], mean)


def test_commitment_moves_the_encoder_alone(quantizer, features):
    features.requires_grad_()
    _, totals = quantizer.tokenize(features)
    found = gradients(quantizer(features).commitment, features, quantizer)
    assert set(found) == {"features"}
    expected = sum(2 * (features - total) / features.numel() for total in totals) / len(SIDES)
    torch.testing.assert_close(found["features"], expected)


def test_codebook_loss_moves_codes_and_phis_alone(quantizer, features):
    features.requires_grad_()
    result = quantizer(features)
    found = gradients(result.codebook, features, quantizer)
    assert set(found) == {name for name, _ in quantizer.named_parameters()}
    assert all(g.abs().sum() > 0 for g in found.values())
    used = torch.cat([i.flatten() for i in result.indices]).unique().tolist()
    moved = found["codebook.weight"].abs().sum(1).nonzero().flatten().tolist()
    assert moved == used and 0 < len(used) < VOCAB
