"""DINOv2's weights, as `transformers` has them, into a `depthart.baselines.vit.ViT`."""

from __future__ import annotations

import torch
from torch import Tensor

from depthart.baselines.vit import ViT

# Ours -> transformers' inside a block, by the names of version 5 and of version 4.
_BLOCK = {
    "norm1": ("norm1",),
    "attn.proj": ("attention.o_proj", "attention.output.dense"),
    "ls1.gamma": ("layer_scale1.lambda1",),
    "norm2": ("norm2",),
    "mlp.fc1": ("mlp.fc1",),
    "mlp.fc2": ("mlp.fc2",),
    "ls2.gamma": ("layer_scale2.lambda1",),
}
_QKV = (
    ("attention.q_proj", "attention.k_proj", "attention.v_proj"),
    ("attention.attention.query", "attention.attention.key", "attention.attention.value"),
)


def load_dinov2(vit: ViT, name: str) -> None:
    """Fill a ViT.

    Args:
        name: hub id such as "facebook/dinov2-small", or a folder with such a model.

    Raises:
        ImportError: without transformers.
        OSError: if the weights are neither on the disk nor to be had.
        ValueError: if they do not fit, naming the first tensor that does not.
    """
    try:
        from transformers import AutoModel
    except ImportError as error:
        raise ImportError("DINOv2's weights need transformers: pip install transformers") from error
    theirs = AutoModel.from_pretrained(name).state_dict()
    ours = {}
    for key, value in vit.state_dict().items():
        found = _find(key, theirs)
        if found is None or found.shape != value.shape:
            shape = "missing" if found is None else f"of shape {tuple(found.shape)}"
            raise ValueError(f"{name}: {key} is {shape}, need {tuple(value.shape)}")
        ours[key] = found
    vit.load_state_dict(ours)


def _find(key: str, theirs: dict[str, Tensor]) -> Tensor | None:
    """The tensor for one of our keys."""
    fixed = {
        "cls_token": "embeddings.cls_token",
        "pos_embed": "embeddings.position_embeddings",
        "patch_embed.proj.weight": "embeddings.patch_embeddings.projection.weight",
        "patch_embed.proj.bias": "embeddings.patch_embeddings.projection.bias",
        "norm.weight": "layernorm.weight",
        "norm.bias": "layernorm.bias",
    }
    if key in fixed:
        return theirs.get(fixed[key])
    _, number, inside = key.split(".", 2)  # blocks.3.attn.qkv.weight
    block = f"encoder.layer.{number}."
    if inside.startswith("attn.qkv."):
        part = inside.rpartition(".")[2]
        for names in _QKV:
            found = [theirs.get(f"{block}{name}.{part}") for name in names]
            if all(value is not None for value in found):
                return torch.cat(found)
        return None
    for mine, others in _BLOCK.items():
        if inside.startswith(mine):
            names = [block + other + inside.removeprefix(mine) for other in others]
            return next((theirs[name] for name in names if name in theirs), None)
    return None
