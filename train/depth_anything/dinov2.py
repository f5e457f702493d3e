"""DINOv2's weights, as `transformers` has them, into a `depthart.baselines.vit.ViT`."""

from __future__ import annotations

import torch
from torch import Tensor

from depthart.baselines.vit import ViT

# Ours -> transformers', inside a block.
_BLOCK = {
    "norm1": "norm1",
    "attn.proj": "attention.output.dense",
    "ls1.gamma": "layer_scale1.lambda1",
    "norm2": "norm2",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
    "ls2.gamma": "layer_scale2.lambda1",
}


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
        names = [f"{block}attention.attention.{n}.{part}" for n in ("query", "key", "value")]
        found = [theirs[n] for n in names if n in theirs]
        return torch.cat(found) if len(found) == 3 else None
    for mine, other in _BLOCK.items():
        if inside.startswith(mine):
            return theirs.get(block + other + inside.removeprefix(mine))
    return None
