"""The transformer: cached and masked passes agree, and only what a token may see matters."""

import math

import pytest
import torch
from torch import nn

from depthart.scales import Scales
from depthart.transformer import KVCache, NextScaleTransformer, TransformerConfig

SCALES, WIDTH, VOCAB = Scales((1, 2, 3)), 16, 11
CONFIGS = {
    "paper": dict(classes=3),
    "var": dict(classes=3, normalized_attention=True),
    "memory": dict(classes=0, memory=True, attention_tau=1.0),
    "normalized memory": dict(classes=0, memory=True, normalized_attention=True),
}


def make(**options) -> NextScaleTransformer:
    torch.manual_seed(0)
    config = TransformerConfig(**{"depth": 2, "width": WIDTH, "heads": 2, **options})
    transformer = NextScaleTransformer(config, VOCAB).double().eval()
    for name, parameter in transformer.named_parameters():  # nothing at zero or one
        if "bias" in name or "constants" in name or "log_scale" in name:
            nn.init.normal_(parameter, mean=0.3, std=0.3)
    return transformer


@pytest.fixture(params=CONFIGS)
def transformer(request):
    return make(**CONFIGS[request.param])


def random(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(7))


def condition_of(transformer, batch=2):
    return random(batch, WIDTH) if transformer.config.classes else None


def start_cache(transformer, memory):
    return transformer.remember(memory) if transformer.config.memory else KVCache()


# ---- cache and mask --------------------------------------------------------------------------


def test_cache_grows_per_block_and_is_its_own():
    one, other = KVCache(), KVCache()
    first = random(1, 2, 3, 4)
    one.extend(0, first, first)
    keys, values = one.extend(0, first[:, :, :1], 2 * first[:, :, :1])
    assert torch.equal(keys, torch.cat([first, first[:, :, :1]], dim=2))
    assert torch.equal(values, torch.cat([first, 2 * first[:, :, :1]], dim=2))
    assert one.extend(1, first, first)[0].shape[2] == 3
    assert other.extend(0, first, first)[0].shape[2] == 3


def test_cached_pieces_equal_one_masked_pass(transformer):
    tokens, memory = random(2, SCALES.total, WIDTH), random(2, 4, WIDTH)
    condition = condition_of(transformer)
    mask = SCALES.mask(memory.shape[1] if transformer.config.memory else 0)
    with torch.no_grad():
        whole = transformer(tokens, condition, mask, start_cache(transformer, memory))
        cache = start_cache(transformer, memory)
        pieces = [transformer(part, condition, cache=cache) for part in SCALES.split(tokens)]
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole, rtol=0, atol=1e-9)


def test_training_and_inference_attention_agree(transformer):
    """With gradients a CPU takes another route through the attention."""
    tokens, memory = random(2, SCALES.total, WIDTH), random(2, 4, WIDTH)
    condition = condition_of(transformer)
    mask = SCALES.mask(memory.shape[1] if transformer.config.memory else 0)
    with_graph = transformer(tokens, condition, mask, start_cache(transformer, memory))
    with torch.no_grad():
        without = transformer(tokens, condition, mask, start_cache(transformer, memory))
    assert with_graph.requires_grad
    torch.testing.assert_close(with_graph.detach(), without, rtol=0, atol=1e-9)


@pytest.mark.parametrize("changed", [0, 1, 2])
def test_a_token_changes_its_own_and_later_scales_only(transformer, changed):
    tokens, memory = random(2, SCALES.total, WIDTH), random(2, 4, WIDTH)
    condition = condition_of(transformer)
    mask = SCALES.mask(memory.shape[1] if transformer.config.memory else 0)
    other = tokens.clone()
    other[:, SCALES.slices[changed].start, 0] += 1  # one channel: layer norm undoes all at once
    with torch.no_grad():
        before, after = (
            transformer(x, condition, mask, start_cache(transformer, memory))
            for x in (tokens, other)
        )
    moved = (before - after).abs().amax((0, 2)) > 1e-9
    for k, piece in enumerate(SCALES.slices):
        assert moved[piece].all() if k >= changed else not moved[piece].any()


def test_every_token_sees_the_memory():
    transformer = make(**CONFIGS["memory"])
    tokens, memory = random(1, SCALES.total, WIDTH), random(1, 4, WIDTH)
    other = memory.clone()
    other[:, 3, 0] += 1
    mask = SCALES.mask(4)
    with torch.no_grad():
        before = transformer(tokens, None, mask, transformer.remember(memory))
        after = transformer(tokens, None, mask, transformer.remember(other))
    assert ((before - after).abs().amax((0, 2)) > 1e-9).all()


def test_last_gives_the_last_logits(transformer):
    tokens, memory = random(2, 5, WIDTH), random(2, 4, WIDTH)
    condition = condition_of(transformer)
    with torch.no_grad():
        every = transformer(tokens, condition, cache=start_cache(transformer, memory))
        last = transformer(tokens, condition, cache=start_cache(transformer, memory), last=2)
    assert every.shape == (2, 5, VOCAB)
    torch.testing.assert_close(last, every[:, -2:])


def test_rows_of_a_batch_do_not_mix(transformer):
    tokens, memory = random(2, 5, WIDTH), random(2, 4, WIDTH)
    condition = condition_of(transformer)
    with torch.no_grad():
        both = transformer(tokens, condition, cache=start_cache(transformer, memory))
        one = None if condition is None else condition[1:]
        alone = transformer(tokens[1:], one, cache=start_cache(transformer, memory[1:]))
    torch.testing.assert_close(both[1:], alone)


# ---- options ---------------------------------------------------------------------------------


def test_class_embedding_modulates():
    transformer = make(classes=3)
    tokens = random(2, 5, WIDTH)
    with torch.no_grad():
        one = transformer(tokens, torch.zeros(2, WIDTH, dtype=torch.float64))
        other = transformer(tokens, torch.ones(2, WIDTH, dtype=torch.float64))
    assert not torch.allclose(one, other)


def test_constants_start_as_a_plain_transformer():
    """Gains 1, scales and shifts 0: no modulation until it is learned."""
    transformer = NextScaleTransformer(TransformerConfig(1, WIDTH, 2, classes=0), VOCAB)
    gain1, gain2, *others = transformer.blocks[0].modulation(None)
    assert (gain1 == 1).all() and (gain2 == 1).all()
    assert all((part == 0).all() for part in [*others, *transformer.head_modulation(None)])


@pytest.mark.parametrize("normalized", [False, True])
def test_normalised_attention_forgets_the_length_of_queries(normalized):
    transformer = make(classes=0, normalized_attention=normalized)
    tokens = random(1, 6, WIDTH)
    with torch.no_grad():
        before = transformer(tokens)
        for block in transformer.blocks:
            block.attention.qkv.weight[:WIDTH] *= 7
            block.attention.q_bias *= 7
        after = transformer(tokens)
    assert torch.allclose(before, after) == normalized


def test_learned_scale_stops_at_100():
    transformer = make(classes=0, normalized_attention=True)
    tokens = random(1, 6, WIDTH)
    results = []
    with torch.no_grad():
        for value in (math.log(100), 9.0, math.log(50)):
            for block in transformer.blocks:
                block.attention.log_scale.fill_(value)
            results.append(transformer(tokens))
    torch.testing.assert_close(results[0], results[1])
    assert not torch.allclose(results[0], results[2])


def test_tau_divides_the_attention_logits():
    sharp, soft = make(classes=0, attention_tau=1.0), make(classes=0, attention_tau=4.0)
    tokens = random(1, 6, WIDTH)
    with torch.no_grad():
        assert not torch.allclose(sharp(tokens), soft(tokens))
        for block in sharp.blocks:
            block.attention.qkv.weight[:WIDTH] /= 4
            block.attention.q_bias /= 4
        torch.testing.assert_close(sharp(tokens), soft(tokens))


def test_dropout_is_for_training_only():
    transformer = make(classes=0, dropout=0.5)
    tokens = random(1, 6, WIDTH)
    with torch.no_grad():
        assert torch.equal(transformer(tokens), transformer(tokens))
        transformer.train()
        assert not torch.equal(transformer(tokens), transformer(tokens))


def test_gradient_reaches_every_parameter(transformer):
    memory = random(2, 4, WIDTH)
    cache = start_cache(transformer, memory)
    logits = transformer(random(2, 6, WIDTH), condition_of(transformer), cache=cache)
    names = [name for name, _ in transformer.named_parameters()]
    loss = logits.square().sum()
    for name, gradient in zip(
        names, torch.autograd.grad(loss, transformer.parameters()), strict=True
    ):
        assert gradient.abs().sum() > 0, name


def test_width_must_divide_into_heads():
    with pytest.raises(ValueError, match="width 16 is not a multiple of 3 heads"):
        TransformerConfig(width=16, heads=3)
