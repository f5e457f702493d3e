"""Samplers against brute force on small vocabularies."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from depthart.sampling import Sampler, as_sampler, choose_codes, entropy, truncate

VOCAB, CHANNELS = 7, 3


@pytest.fixture
def logits():
    return torch.randn(2, 4, VOCAB, generator=torch.Generator().manual_seed(0)) * 2


@pytest.fixture
def codebook():
    return torch.randn(VOCAB, CHANNELS, generator=torch.Generator().manual_seed(1))


def choose(logits, codebook, sampler):
    sampler = as_sampler(sampler)
    return choose_codes(logits, codebook, sampler, sampler.generator("cpu"))


# ---- truncation ------------------------------------------------------------------------------


def kept_by_hand(values: list[float], top_k: int, top_p: float) -> set[int]:
    order = sorted(range(len(values)), key=lambda i: -values[i])
    if top_k:
        order = order[:top_k]
    mass = [math.exp(values[i] - values[order[0]]) for i in order]
    kept, total = set(), 0.0
    for i, m in zip(order, mass, strict=True):
        if top_p < 1 and total >= top_p:
            break
        kept.add(i)
        total += m / sum(mass)
    return kept


@settings(deadline=None, max_examples=200)
@given(
    values=st.lists(st.integers(-40, 40), min_size=1, max_size=8, unique=True),
    top_k=st.integers(0, 10),
    top_p=st.sampled_from([0.05, 0.3, 0.61, 0.9, 1.0]),
)
def test_truncate_equals_brute_force(values, top_k, top_p):
    values = [v / 9 for v in values]
    logits = torch.tensor(values)
    kept = truncate(logits, top_k, top_p)
    finite = set(kept.isfinite().nonzero().flatten().tolist())
    assert finite == kept_by_hand(values, top_k, top_p)
    assert torch.equal(kept[kept.isfinite()], logits[kept.isfinite()])
    assert (kept[~kept.isfinite()] == -torch.inf).all()


def test_truncate_treats_every_token_alone(logits):
    together = truncate(logits, 4, 0.8)
    for b in range(2):
        for i in range(4):
            assert torch.equal(together[b, i], truncate(logits[b, i], 4, 0.8))


def test_the_likeliest_code_always_stays(logits):
    kept = truncate(logits, top_p=1e-9)
    assert kept.isfinite().sum(-1).eq(1).all()
    assert torch.equal(kept.argmax(-1), logits.argmax(-1))


# ---- modes -----------------------------------------------------------------------------------


def test_argmax(logits, codebook):
    codes, indices = choose(logits, codebook, "argmax")
    assert torch.equal(indices, logits.argmax(-1))
    assert torch.equal(codes, codebook[indices])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_expected_is_the_weighted_codebook(logits, codebook, temperature):
    codes, indices = choose(logits, codebook, Sampler("expected", temperature=temperature))
    for b in range(2):
        for i in range(4):
            weights = (logits[b, i].double() / temperature).softmax(0)
            mean = sum(w * code.double() for w, code in zip(weights, codebook, strict=True))
            torch.testing.assert_close(codes[b, i].double(), mean, rtol=1e-4, atol=1e-5)
    assert torch.equal(indices, logits.argmax(-1))


@pytest.mark.parametrize("mode", ["sample", "expected"])
def test_cold_is_argmax(logits, codebook, mode):
    codes, indices = choose(logits, codebook, Sampler(mode, temperature=1e-4))
    assert torch.equal(indices, logits.argmax(-1))
    torch.testing.assert_close(codes, codebook[indices])


def test_mean_of_many_draws_tends_to_the_truncated_expectation(logits, codebook):
    n = 20_000
    sampler = Sampler("sample", top_k=4, top_p=0.9, temperature=1.5, draws=n)
    codes, _ = choose(logits, codebook, sampler)
    weights = truncate(logits / 1.5, 4, 0.9).softmax(-1)
    mean = weights @ codebook
    variance = weights @ codebook.square() - mean.square()
    assert ((codes - mean).abs() <= 5 * (variance / n).sqrt() + 1e-4).all()
    assert not torch.allclose(mean, (logits / 1.5).softmax(-1) @ codebook, atol=1e-2)


def test_draws_are_averaged_codes(codebook):
    """Two equally likely codes, two draws: their mean is one of three points."""
    logits = torch.full((1, 200, VOCAB), -torch.inf)
    logits[..., 2] = logits[..., 5] = 0
    codes, indices = choose(logits, codebook, Sampler("sample", top_k=0, top_p=1, draws=2))
    points = torch.stack([codebook[2], (codebook[2] + codebook[5]) / 2, codebook[5]])
    which = torch.cdist(codes[0], points).min(-1)
    assert (which.values < 1e-5).all()
    assert {0, 1, 2} == set(which.indices.tolist())
    both_same = which.indices != 1
    assert torch.equal(indices[0, both_same] == 5, which.indices[both_same] == 2)


def test_one_draw_is_a_code_that_truncation_kept(logits, codebook):
    for seed in range(20):
        sampler = Sampler("sample", top_k=3, top_p=0.9, draws=1, seed=seed)
        codes, indices = choose(logits, codebook, sampler)
        assert torch.equal(codes, codebook[indices])
        kept = truncate(logits, 3, 0.9).isfinite()
        assert kept.gather(-1, indices[..., None]).all()


def test_the_seed_decides_and_the_global_generator_is_left_alone(logits, codebook):
    before = torch.get_rng_state()
    sampler = Sampler("sample", top_k=0, top_p=1.0, draws=1, seed=3)
    first = choose(logits, codebook, sampler)[1]
    torch.rand(5)
    assert torch.equal(choose(logits, codebook, sampler)[1], first)
    others = [choose(logits, codebook, sampler.with_seed(seed))[1] for seed in range(4, 9)]
    assert any(not torch.equal(other, first) for other in others)
    torch.set_rng_state(before)
    choose(logits, codebook, sampler)
    assert torch.equal(torch.get_rng_state(), before)


def test_with_seed_changes_nothing_else():
    sampler = Sampler("sample", top_k=5, temperature=2.0)
    changed = sampler.with_seed(9)
    assert changed.seed == 9 and changed.with_seed(sampler.seed) == sampler


# ---- borders ---------------------------------------------------------------------------------


def test_names_become_samplers():
    assert as_sampler("expected") == Sampler(mode="expected")
    sampler = Sampler("sample")
    assert as_sampler(sampler) is sampler


def test_reference_values_are_the_defaults():
    sampler = Sampler("sample")
    assert (sampler.top_k, sampler.top_p, sampler.temperature, sampler.draws) == (900, 0.9, 1, 5)


def test_unknown_mode_lists_the_known():
    with pytest.raises(ValueError, match="unknown sampler 'beam'; known: argmax, sample, expected"):
        as_sampler("beam")


@pytest.mark.parametrize(
    "bad", [dict(top_k=-1), dict(top_p=0), dict(top_p=1.1), dict(temperature=0), dict(draws=0)]
)
def test_parameters_out_of_range(bad):
    with pytest.raises(ValueError, match="a sampler needs"):
        Sampler("sample", **bad)


# ---- entropy ---------------------------------------------------------------------------------


def test_entropy_by_hand(logits):
    p = logits.double().softmax(-1)
    torch.testing.assert_close(entropy(logits).double(), -(p * p.log()).sum(-1), rtol=1e-5, atol=0)
    assert entropy(torch.zeros(3, VOCAB)).tolist() == pytest.approx([math.log(VOCAB)] * 3)
    sure = torch.tensor([0.0, 100.0, 0.0])
    assert entropy(sure).item() == pytest.approx(0, abs=1e-6)
