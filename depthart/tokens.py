"""A look into a model's tokens: colours of its codes, what a code draws, what the tokenizer can do.

Letters: V codes, C latent channels, K scales, s side of one scale's grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

from depthart.model import DepthART
from depthart.normalize import fill_invalid

if TYPE_CHECKING:
    from depthart.base_predictor import BasePredictor
    from depthart.vqvae import VQVAE

_DARKEST, _BRIGHTEST = 40, 235


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """A depth map written in tokens by the VQ-VAE and decoded again.

    Attributes:
        indices: K x (s, s) int64.
        depths: K x (256, 256) float32 in [0, 1], after each scale.
    """

    indices: list[np.ndarray]
    depths: list[np.ndarray]


def has_tokens(predictor: BasePredictor) -> bool:
    """Whether the model predicts tokens."""
    return isinstance(getattr(predictor, "model", None), DepthART)


@torch.no_grad()
def code_colors(predictor: BasePredictor) -> np.ndarray:
    """A colour per code, alike for codes that mean alike: their first three principal components.

    Each component is spread over its whole channel by its normal quantile; signs are fixed by the
    largest weight, so that a code keeps its colour.

    Returns:
        (V, 3) uint8.
    """
    codes = _vqvae(predictor).quantizer.codebook.weight.detach().double().cpu()  # (V, C)
    centred = codes - codes.mean(0)
    axes = torch.linalg.svd(centred, full_matrices=False).Vh[:3]  # (3, C)
    peaks = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    values = centred @ (axes * peaks.sign()).t()  # (V, 3)
    spread = values.std(0).clamp_min(1e-12)
    share = torch.special.ndtr(values / spread)
    return (_DARKEST + (_BRIGHTEST - _DARKEST) * share).round().to(torch.uint8).numpy()


@torch.no_grad()
def code_depth(predictor: BasePredictor, code: int, scale: int) -> np.ndarray:
    """What the decoder draws if a whole grid holds one code and nothing else is known.

    Args:
        code: 0-based index into the codebook.
        scale: 0-based; scales have different smoothing convolutions.

    Returns:
        (256, 256) float32 in [0, 1].

    Raises:
        ValueError: No such code or scale.
    """
    vqvae = _vqvae(predictor)
    quantizer = vqvae.quantizer
    vocabulary, scales = quantizer.codebook.num_embeddings, len(quantizer.scales)
    if not 0 <= code < vocabulary or not 0 <= scale < scales:
        raise ValueError(f"there are {vocabulary} codes and {scales} scales, got {code}, {scale}")
    vector = quantizer.codebook.weight[code].expand(1, quantizer.scales.lengths[scale], -1)
    return _depths(vqvae, quantizer.expand(vector, scale))[0]


@torch.no_grad()
def reconstruct(
    predictor: BasePredictor, depth: np.ndarray, valid: np.ndarray | None = None
) -> Reconstruction:
    """What the tokenizer makes of a depth map: the soft limit of any prediction in its tokens.

    Soft, because the tokens are found greedily, coarse to fine.

    Args:
        depth: (h, w) linear depth >= 0, any unit; squashed to the model's square.
        valid: (h, w) bool, where it is known; by default everywhere.
    """
    vqvae = _vqvae(predictor)
    device = vqvae.quantizer.codebook.weight.device
    side = vqvae.config.image_size
    known = np.ones(depth.shape, bool) if valid is None else valid
    maps = torch.tensor(np.where(known, depth, 0), dtype=torch.float32)[None, None]
    flags = torch.tensor(known)[None, None]
    if depth.shape != (side, side):  # nearest: a mean over a step would be a depth of nothing
        maps = F.interpolate(maps, (side, side), mode="nearest-exact")
        flags = F.interpolate(flags.float(), (side, side), mode="nearest-exact") > 0
    images = vqvae.to_image(fill_invalid(maps, flags), flags).to(device)
    indices, totals = vqvae.tokenize(images)
    sides = vqvae.quantizer.scales.sides
    return Reconstruction(
        [i.view(s, s).cpu().numpy() for i, s in zip(indices, sides, strict=True)],
        list(_depths(vqvae, torch.cat(totals))),
    )


def _vqvae(predictor: BasePredictor) -> VQVAE:
    if not has_tokens(predictor):
        raise ValueError(f"{predictor.name} predicts depth directly; it has no tokens")
    return predictor.model.vqvae  # type: ignore[attr-defined]  # of `Predictor`


def _depths(vqvae: VQVAE, features: torch.Tensor) -> np.ndarray:
    """(B, C, S, S) -> (B, 256, 256) float32."""
    return vqvae.to_depth(vqvae.decode(features)).cpu().numpy()
