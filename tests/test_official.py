"""Published weights: the three files' own keys and shapes are accepted, nothing else is.

Meta tensors have shapes and no values, so files of 1.7 GB weigh nothing here. Values are proven by
the golden vectors in `test_parity.py`.
"""

import json
import re
from importlib import resources
from pathlib import Path

import pytest
import torch

from depthart.config import DepthARTConfig
from depthart.official import from_official, vqvae_from_official

PUBLISHED = json.loads(resources.files("depthart").joinpath("official_keys.json").read_text())
VAE, VAR, DEPTHART = "vae_ch160v4096z32", "var_d16", "depthart"
COPIES = {"first copy": "vae_quant_proxy.", "second copy": "vae_proxy.quantize."}
# Constants and statistics that our modules compute or do not need.
IDLE = ("ema_vocab_hit_SV", "lvl_1L", "attn_bias_for_masking", "zero_k_bias", "alpha", "beta")


def published(name: str) -> dict[str, torch.Tensor]:
    return {key: torch.empty(shape, device="meta") for key, shape in PUBLISHED[name].items()}


def convert(name: str, state: dict[str, torch.Tensor]):
    """As each file is meant to be used."""
    if name == VAE:
        return vqvae_from_official(state)
    return from_official(state, published(VAE) if name == VAR else None)


def needed(name: str) -> list[str]:
    """Keys of a file that hold weights, each weight once."""
    keys = [key for key in PUBLISHED[name] if not key.endswith(IDLE)]
    return [key for key in keys if not key.startswith("vae_quant_proxy.")]


def foreign(key: str) -> str:
    """The name that an error message uses: that of the VQ-VAE's own file."""
    return key.removeprefix("vae_proxy.")


# ---- what is accepted ------------------------------------------------------------------------


def test_vae_file():
    vqvae = vqvae_from_official(published(VAE))
    assert vqvae.config == DepthARTConfig.preset("paper").vqvae
    assert round(sum(p.numel() for p in vqvae.parameters()) / 1e6) == 109
    assert not vqvae.training


def test_var_file_with_the_vae_file():
    model = from_official(published(VAR), published(VAE))
    paper = DepthARTConfig.preset("paper")
    assert model.config.vqvae == paper.vqvae
    part = model.config.transformer
    assert (part.depth, part.width, part.heads, part.classes) == (16, 1024, 16, 1001)
    assert part.normalized_attention
    assert model.transformer.blocks[0].attention.log_scale.shape == (1, 16, 1, 1)


@pytest.mark.parametrize("left_out", [None, *COPIES.values()])
def test_depthart_file_with_either_copy_of_the_quantiser(left_out):
    state = published(DEPTHART)
    if left_out:
        before = len(state)
        state = {key: v for key, v in state.items() if not key.startswith(left_out)}
        assert len(state) < before
    model = from_official(state)
    assert model.config == DepthARTConfig.preset("paper")
    assert not model.training
    total = sum(value.numel() for value in model.state_dict().values())
    assert total == sum(torch.Size(PUBLISHED[DEPTHART][key]).numel() for key in needed(DEPTHART))


def test_depthart_file_with_another_vae():
    """`vae_state` wins: the embedded one is not even looked at."""
    state = {k: v for k, v in published(DEPTHART).items() if "encoder.conv_in" not in k}
    assert from_official(state, published(VAE)).config == DepthARTConfig.preset("paper")


def test_idle_keys_may_be_missing():
    state = {k: v for k, v in published(DEPTHART).items() if not k.endswith(IDLE)}
    assert len(state) < len(PUBLISHED[DEPTHART])
    from_official(state)


def test_number_of_heads_may_be_given():
    """No shape tells it, save VAR's own per-head scale."""
    assert from_official(published(DEPTHART), num_heads=8).config.transformer.heads == 8
    message = r"shape of blocks\.0\.attn\.scale_mul_1H11: expected \(1, 8, 1, 1\)"
    with pytest.raises(ValueError, match=message):
        from_official(published(VAR), published(VAE), num_heads=8)


# ---- what is refused -------------------------------------------------------------------------


# Sizes are read from these shapes; another number there is another model, unless it disagrees
# with the rest of the file.
SIZES = (
    "quantize.embedding.weight", "pos_1LC", "class_emb.weight", "blocks.0.ffn.fc1.bias",
    "block.0.conv1.bias",
)  # fmt: skip


def kind(key: str) -> str:
    return re.sub(r"\d+", "#", key)


def sample(name: str) -> list[str]:
    """Some keys of different kinds (they differ in more than a number), and some with the sizes."""
    last_of_kind = {kind(key): key for key in needed(name)}
    with_size = [key for key in needed(name) if key.endswith(SIZES)]
    return list(last_of_kind.values())[::11] + with_size[::4]


SAMPLES = [(name, key) for name in PUBLISHED for key in sample(name)]


def without(state: dict, keys: set[str]) -> dict:
    """Also without the other copy of the quantiser's keys."""
    twins = {key.replace("vae_proxy.quantize.", "vae_quant_proxy.") for key in keys}
    return {key: value for key, value in state.items() if key not in keys | twins}


def reshaped(state: dict, shapes: dict[str, tuple[int, ...]]) -> dict:
    """The same with both copies of the quantiser's keys."""
    twins = {k.replace("vae_proxy.quantize.", "vae_quant_proxy."): v for k, v in shapes.items()}
    changes = {k: v for k, v in {**shapes, **twins}.items() if k in state}
    return {**state, **{key: torch.empty(v, device="meta") for key, v in changes.items()}}


def others(name: str) -> set[str]:
    """Keys whose absence does not change how many blocks and levels are counted."""
    first = {kind(key): key for key in reversed(needed(name))}.values()
    last = {kind(key): key for key in needed(name)}.values()
    rest = set(needed(name)) - set(first) - set(last)
    return {key for key in rest if not key.endswith(SIZES) and "encoder.down.0" not in key}


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_missing_key_is_named(name):
    gone = others(name)
    assert len(gone) > 100
    with pytest.raises(ValueError, match="missing: ") as caught:
        convert(name, without(published(name), gone))
    assert {foreign(key) for key in gone} <= set(re.split(r"[:;,] ", str(caught.value)))


@pytest.mark.parametrize("name, key", SAMPLES)
def test_one_missing_key_is_named(name, key):
    with pytest.raises(ValueError, match="missing: ") as caught:
        convert(name, without(published(name), {key}))
    named = str(caught.value).split("missing: ")[1]
    assert named == foreign(key)


@pytest.mark.parametrize("name", PUBLISHED)
def test_extra_keys_are_named(name):
    extra = ["blocks.3.attn.mystery", "encoder.down.0.mystery"]
    state = {**published(name), **{key: torch.empty(2, device="meta") for key in extra}}
    with pytest.raises(ValueError, match="unused: blocks.3.attn.mystery, encoder.down.0.mystery$"):
        convert(name, state)


def test_extra_key_of_the_embedded_vae_is_named():
    state = {**published(DEPTHART), "vae_proxy.mystery": torch.empty(2, device="meta")}
    with pytest.raises(ValueError, match="VQ-VAE weights do not fit; unused: mystery$"):
        from_official(state)


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_changed_shape_is_named(name):
    shapes = {key: (*PUBLISHED[name][key], 1) for key in needed(name) if not key.endswith(SIZES)}
    with pytest.raises(ValueError) as caught:
        convert(name, reshaped(published(name), shapes))
    problems = set(str(caught.value).split("; "))
    for key, shape in shapes.items():
        expected = tuple(PUBLISHED[name][key])
        assert f"shape of {foreign(key)}: expected {expected}, got {shape}" in problems


@pytest.mark.parametrize("name, key", [(n, k) for n, k in SAMPLES if not k.endswith(SIZES)])
def test_one_changed_shape_is_named(name, key):
    *first, last = PUBLISHED[name][key]
    with pytest.raises(ValueError) as caught:
        convert(name, reshaped(published(name), {key: (*first, last + 1)}))
    expected, got = (*first, last), (*first, last + 1)
    message = f"do not fit; shape of {foreign(key)}: expected {expected}, got {got}"
    assert str(caught.value).endswith(message)


@pytest.mark.parametrize(
    "key, shape, message",
    [
        ("vae_proxy.quantize.embedding.weight", (4097, 32), r"shape of head\.weight"),
        ("vae_proxy.quantize.embedding.weight", (4096, 33), r"shape of quantize\.quant_resi"),
        ("pos_1LC", (1, 680, 2048), r"shape of word_embed\.weight"),
        ("pos_1LC", (1, 680, 1000), "width 1000 is no multiple of 64: pass num_heads"),
        ("pos_1LC", (1, 681, 1024), "pos_1LC has 681 positions"),
        ("class_emb.weight", (1001, 1025), r"shape of class_emb\.weight"),
        ("blocks.0.ffn.fc1.bias", (4097,), r"shape of blocks\.0\.ffn\.fc1\.weight"),
        ("vae_proxy.encoder.down.2.block.0.conv1.bias", (352,), r"shape of encoder\.down\.2"),
        ("vae_proxy.encoder.down.2.block.0.conv1.bias", (321,), r"multiples of 32, got .*321"),
    ],
)
def test_a_size_that_disagrees_with_the_rest_is_refused(key, shape, message):
    with pytest.raises(ValueError, match=message):
        from_official(reshaped(published(DEPTHART), {key: shape}))


def test_problems_of_both_parts_are_told_together():
    state = without(published(DEPTHART), {"head.bias", "vae_proxy.decoder.conv_out.bias"})
    message = r"missing: head\.bias; .* missing: decoder\.conv_out\.bias"
    with pytest.raises(ValueError, match=message):
        from_official(state)


def test_var_alone_asks_for_its_vae():
    with pytest.raises(ValueError, match="no VQ-VAE .*vae_ch160v4096z32.pth as vae_state"):
        from_official(published(VAR))


def test_files_in_the_wrong_place():
    with pytest.raises(ValueError, match="transformer weights do not fit; missing: pos_1LC"):
        from_official(published(VAE), published(VAE))
    with pytest.raises(ValueError, match="VQ-VAE weights do not fit; missing: quantize.embedding"):
        vqvae_from_official(published(VAR))
    with pytest.raises(ValueError, match="transformer weights do not fit; missing: pos_1LC"):
        from_official({}, published(VAE))


# ---- values ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small_file():
    """The authors' format at the golden vectors' small sizes, with values, both copies in it."""
    golden = json.loads((Path(__file__).parent / "golden" / "golden_dev.json").read_text())
    generator = torch.Generator().manual_seed(0)
    state = {
        key: torch.randn(shape, generator=generator) for key, shape in golden["shapes"].items()
    }
    for key in [key for key in state if key.startswith("vae_quant_proxy.")]:
        state[key.replace("vae_quant_proxy.", "vae_proxy.quantize.")] = state[key].clone()
    for key in [key for key in state if key.startswith("vae_proxy.quantize.")]:
        state[key.replace("vae_proxy.quantize.", "vae_quant_proxy.")] = state[key].clone()
    return state, golden["config"]["heads"]


@pytest.mark.parametrize("left_out", COPIES.values(), ids=COPIES)
def test_either_copy_gives_the_same_model(small_file, left_out):
    state, heads = small_file
    whole = from_official(state, num_heads=heads).state_dict()
    part = {key: value for key, value in state.items() if not key.startswith(left_out)}
    assert len(part) < len(state)
    for key, value in from_official(part, num_heads=heads).state_dict().items():
        assert torch.equal(value, whole[key]), key


def test_copies_that_differ_are_refused(small_file):
    state, heads = small_file
    key = "vae_quant_proxy.embedding.weight"
    state = {**state, key: state[key] + 1e-3}
    with pytest.raises(ValueError, match=f"{key} and its copy vae_proxy.quantize.* differ"):
        from_official(state, num_heads=heads)


def test_copies_of_different_shapes_are_refused():
    state = published(DEPTHART)
    state["vae_quant_proxy.embedding.weight"] = torch.empty(4096, 31, device="meta")
    with pytest.raises(ValueError, match="differ"):
        from_official(state)


def test_weights_become_float32_and_are_copied(small_file):
    state, heads = small_file
    halves = {key: value.half() for key, value in state.items()}
    model = from_official(halves, num_heads=heads)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert torch.equal(model.word_embed.weight, halves["word_embed.weight"].float())
    model = from_official(state, num_heads=heads)
    model.word_embed.weight.data += 1
    torch.testing.assert_close(model.word_embed.weight.data, state["word_embed.weight"] + 1)
