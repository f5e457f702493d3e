"""The one file that knows foreign names: published VAR and DepthART weights -> our modules.

Accepted are VAR's `vae_ch160v4096z32.pth` (a VQ-VAE) and `var_d16.pth` (a transformer, as an
initialisation) and the DepthART authors' `model.safetensors` (both in one).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from depthart.config import DepthARTConfig
from depthart.model import DepthART
from depthart.scales import PAPER_SIDES, Scales
from depthart.transformer import TransformerConfig
from depthart.vqvae import VQVAE, VQVAEConfig

# Our name -> theirs, applied in order to the keys of our own modules.
_VQVAE_NAMES = (
    (r"^(encoder|decoder)\.stem\.", r"\1.conv_in."),
    (r"^(encoder|decoder)\.norm\.", r"\1.norm_out."),
    (r"^(encoder|decoder)\.head\.", r"\1.conv_out."),
    (r"^encoder\.downsamples\.(\d+)\.", r"encoder.down.\1.downsample.conv."),
    (r"^decoder\.upsamples\.(\d+)\.", lambda m: f"decoder.up.{int(m[1]) + 1}.upsample.conv."),
    (r"^encoder\.levels\.", "encoder.down."),
    (r"^decoder\.levels\.", "decoder.up."),
    (r"\.middle\.0\.", ".mid.block_1."),
    (r"\.middle\.1\.", ".mid.attn_1."),
    (r"\.middle\.2\.", ".mid.block_2."),
    (r"\.blocks\.", ".block."),
    (r"\.attentions\.", ".attn."),
    (r"\.shortcut\.", ".nin_shortcut."),
    (r"\.out\.", ".proj_out."),
    (r"^pre_quant\.", "quant_conv."),
    (r"^post_quant\.", "post_quant_conv."),
    (r"^quantizer\.codebook\.", "quantize.embedding."),
    (r"^quantizer\.phis\.", "quantize.quant_resi.qresi_ls."),
)
_MODEL_NAMES = (
    (r"^position$", "pos_1LC"),
    (r"^start_position$", "pos_start"),
    (r"^class_embed\.", "class_emb."),
    (r"^level_embed\.", "lvl_embed."),
    (r"^transformer\.head_modulation\.linear\.", "head_nm.ada_lin.1."),
    (r"^transformer\.", ""),
    (r"\.attention\.", ".attn."),
    (r"\.attn\.log_scale$", ".attn.scale_mul_1H11"),
    (r"\.attn\.qkv\.", ".attn.mat_qkv."),
    (r"\.attn\.out\.", ".attn.proj."),
    (r"\.mlp\.0\.", ".ffn.fc1."),
    (r"\.mlp\.2\.", ".ffn.fc2."),
    (r"\.modulation\.linear\.", ".ada_lin.1."),
)
# Statistics and constants that our modules compute or do not need.
_UNNEEDED = re.compile(
    r"(^|\.)(ema_vocab_hit_SV|lvl_1L|attn_bias_for_masking|zero_k_bias|normalizer\.(alpha|beta))$"
)
_DUPLICATE, _PROXY = "vae_quant_proxy.", "vae_proxy."


def from_official(
    model_state: Mapping[str, Tensor],
    vae_state: Mapping[str, Tensor] | None = None,
    num_heads: int | None = None,
) -> DepthART:
    """Build a `DepthART` from published weights, sizes read off the tensors' shapes.

    Args:
        model_state: DepthART's or VAR's transformer weights.
        vae_state: the VQ-VAE's; default the `vae_proxy.*` keys of `model_state` (ignored if this
            is given). Of the duplicated quantiser keys either copy will do.
        num_heads: attention heads, which no shape tells; default width / 64.

    Returns:
        The model in evaluation mode, float32, on the tensors' device (meta tensors stay meta).

    Raises:
        ValueError: naming every missing, unused and wrongly shaped key.
    """
    transformer_state, embedded_vae = _split(model_state)
    if vae_state is None:
        if not embedded_vae:
            raise ValueError(
                "these weights hold no VQ-VAE (no vae_proxy.* keys): pass the state dict of "
                "vae_ch160v4096z32.pth as vae_state"
            )
        vae_state = embedded_vae
    vqvae_config = _vqvae_config(vae_state)
    transformer_config = _transformer_config(transformer_state, num_heads)
    if transformer_state["pos_1LC"].shape[1] != vqvae_config.scales.total:
        raise ValueError(
            f"pos_1LC has {transformer_state['pos_1LC'].shape[1]} positions, the paper's scales "
            f"{vqvae_config.sides} need {vqvae_config.scales.total}"
        )
    config = DepthARTConfig(vqvae=vqvae_config, transformer=transformer_config)
    with torch.device("meta"):
        model = DepthART(config)
    mine = {key: value for key, value in _ours(model, _MODEL_NAMES) if not key.startswith("vqvae.")}
    vqvae = dict(_ours(model.vqvae, _VQVAE_NAMES))
    _refuse_misfits(
        _misfits(mine, transformer_state, "transformer"), _misfits(vqvae, vae_state, "VQ-VAE")
    )
    converted = _take(mine, transformer_state)
    converted |= {f"vqvae.{key}": value for key, value in _take(vqvae, vae_state).items()}
    model.load_state_dict(converted, strict=True, assign=True)
    return model.eval()


def vqvae_from_official(vae_state: Mapping[str, Tensor]) -> VQVAE:
    """Build a `VQVAE` from the state dict of `vae_ch160v4096z32.pth`; errors as above."""
    with torch.device("meta"):
        vqvae = VQVAE(_vqvae_config(vae_state))
    names = dict(_ours(vqvae, _VQVAE_NAMES))
    _refuse_misfits(_misfits(names, vae_state, "VQ-VAE"))
    vqvae.load_state_dict(_take(names, vae_state), strict=True, assign=True)
    return vqvae.eval()


def _split(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Separate the transformer from the VQ-VAE and merge the quantiser's two copies."""
    transformer, vae = {}, {}
    for key, value in state.items():
        if key.startswith(_DUPLICATE):
            name = "quantize." + key.removeprefix(_DUPLICATE)
            twin = state.get(_PROXY + name)
            if twin is not None and not _same(twin, value):
                raise ValueError(f"{key} and its copy {_PROXY + name} differ")
            vae[name] = value
        elif key.startswith(_PROXY):
            vae[key.removeprefix(_PROXY)] = value
        else:
            transformer[key] = value
    return transformer, vae


def _same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and (a.is_meta or b.is_meta or torch.equal(a, b))


def _ours(module: nn.Module, names: tuple) -> list[tuple[str, tuple[str, torch.Size]]]:
    """For each of our keys: (key, (their name, shape))."""
    pairs = []
    for key, value in module.state_dict().items():
        foreign = key
        for pattern, replacement in names:
            foreign = re.sub(pattern, replacement, foreign)
        pairs.append((key, (foreign, value.shape)))
    return pairs


def _misfits(
    ours: Mapping[str, tuple[str, torch.Size]], state: Mapping[str, Tensor], part: str
) -> str:
    """A sentence naming every missing, unused and wrongly shaped key; "" if all is well."""
    problems = []
    used = {foreign for foreign, _ in ours.values()}
    missing = sorted(used - set(state))
    unused = sorted(key for key in set(state) - used if not _UNNEEDED.search(key))
    if missing:
        problems.append(f"missing: {', '.join(missing)}")
    if unused:
        problems.append(f"unused: {', '.join(unused)}")
    for foreign, shape in ours.values():
        if foreign in state and state[foreign].shape != shape:
            problems.append(
                f"shape of {foreign}: expected {tuple(shape)}, got {tuple(state[foreign].shape)}"
            )
    return "; ".join([f"official {part} weights do not fit", *problems]) if problems else ""


def _refuse_misfits(*sentences: str) -> None:
    if any(sentences):
        raise ValueError("; ".join(filter(None, sentences)))


def _take(
    ours: Mapping[str, tuple[str, torch.Size]], state: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    return {key: state[foreign].detach().float().clone() for key, (foreign, _) in ours.items()}


def _require(state: Mapping[str, Tensor], key: str, part: str) -> Tensor:
    if key not in state:
        raise ValueError(f"official {part} weights do not fit; missing: {key}")
    return state[key]


def _count(state: Mapping[str, Tensor], pattern: str) -> int:
    """One more than the largest number that `pattern` captures among the keys."""
    found = [int(match[1]) for key in state if (match := re.match(pattern, key))]
    return max(found, default=-1) + 1


def _vqvae_config(state: Mapping[str, Tensor]) -> VQVAEConfig:
    vocab, channels = _require(state, "quantize.embedding.weight", "VQ-VAE").shape
    levels = _count(state, r"encoder\.down\.(\d+)\.")
    widths = tuple(
        _require(state, f"encoder.down.{i}.block.0.conv1.bias", "VQ-VAE").shape[0]
        for i in range(levels)
    )
    if not widths:
        raise ValueError("official VQ-VAE weights do not fit; missing: encoder.down.*")
    return VQVAEConfig(
        image_size=2 ** (levels - 1) * Scales(PAPER_SIDES).finest,
        widths=widths,
        blocks=_count(state, r"encoder\.down\.0\.block\.(\d+)\."),
        latent_channels=channels,
        vocab_size=vocab,
        phi_count=_count(state, r"quantize\.quant_resi\.qresi_ls\.(\d+)\."),
    )


def _transformer_config(state: Mapping[str, Tensor], heads: int | None) -> TransformerConfig:
    width = _require(state, "pos_1LC", "transformer").shape[-1]
    hidden = _require(state, "blocks.0.ffn.fc1.bias", "transformer").shape[0]
    if heads is None:
        if width % 64:
            raise ValueError(f"width {width} is no multiple of 64: pass num_heads")
        heads = width // 64
    return TransformerConfig(
        depth=_count(state, r"blocks\.(\d+)\."),
        width=width,
        heads=heads,
        mlp_ratio=hidden / width,
        classes=_require(state, "class_emb.weight", "transformer").shape[0],
        normalized_attention="blocks.0.attn.scale_mul_1H11" in state,
    )
