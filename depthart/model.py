"""DepthART: depth maps by next-scale prediction (paper, section 3), on tensors alone.

Letters: B batch, K scales, s side and l = s * s tokens of one scale, L tokens of all scales,
S finest side, z latent channels, C transformer width, E encoder width, P image tokens, V codes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from depthart.config import DepthARTConfig
from depthart.encoder import ImageEncoder
from depthart.sampling import Sampler, as_sampler, choose_codes, entropy
from depthart.transformer import KVCache, NextScaleTransformer
from depthart.vqvae import VQVAE


@dataclass(eq=False)
class Step:
    """One scale of a refinement."""

    scale: int  # 0-based
    side: int  # s
    indices: Tensor  # (B, l) int64, the chosen (or first drawn, or likeliest) codes
    entropy: Tensor  # (B, l) nats, of the predicted distribution
    features: Tensor  # (B, z, S, S), sum of all contributions so far
    seconds: float  # time this scale took, without decoding
    decode: Callable[[Tensor], Tensor] = field(repr=False)

    @cached_property
    def depth(self) -> Tensor:
        """(B, 256, 256) linear depth in [0, 1], up to scale; decoded when first asked for."""
        return self.decode(self.features)


class RolloutStep(NamedTuple):
    """What the transformer did at one scale."""

    scale: int
    logits: Tensor  # (B, l, V)
    indices: Tensor  # (B, l)
    codes: Tensor  # (B, l, z)
    features: Tensor  # (B, z, S, S) cumulative, this scale included


class Conditioning(NamedTuple):
    """The image as the transformer meets it; unused parts are None."""

    prefix: Tensor | None  # (B, P, C) tokens before the depth tokens
    memory: Tensor | None  # (B, S * S, C) tokens that every block looks up
    aligned: Tensor | None  # (B, L, C) added to the depth token at the same place


class DepthART(nn.Module):
    """VQ-VAE, image conditioning and next-scale transformer; see `refine`."""

    def __init__(self, config: DepthARTConfig) -> None:
        super().__init__()
        self.config = config
        self.scales = config.scales
        width = config.transformer.width
        self.vqvae = VQVAE(config.vqvae)
        self.transformer = NextScaleTransformer(config.transformer, config.vocab_size)
        self.word_embed = nn.Linear(config.latent_channels, width)
        self.level_embed = nn.Embedding(len(self.scales), width)
        self.position = nn.Parameter(torch.randn(1, self.scales.total, width) * 0.02)
        self.start_position = nn.Parameter(torch.randn(1, self.scales.lengths[0], width) * 0.02)
        if config.transformer.classes:
            self.class_embed = nn.Embedding(config.transformer.classes, width)
        else:
            self.start = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        if config.image_encoder:
            self.image_encoder = ImageEncoder(config.image_encoder)
            self.memory_embed = nn.Linear(config.image_encoder.width, width)
            self.aligned_embed = nn.Linear(config.image_encoder.width, width)
        nn.init.normal_(self.level_embed.weight, std=0.02)

    # ---- what the demo calls ---------------------------------------------------------------

    def refine(self, image: Tensor, sampler: Sampler | str = "argmax") -> Iterator[Step]:
        """Predict depth coarse to fine (paper, section 3.2), yielding one `Step` per scale.

        Args:
            image: (B, 3, 256, 256) in [-1, 1].
            sampler: how distributions become codes; a name or a `Sampler` with its own seed.

        Raises:
            ValueError: at once, for a picture of another shape or an unknown sampler.
        """
        side = self.config.image_size
        if image.ndim != 4 or image.shape[1:] != (3, side, side):
            raise ValueError(f"expected images (B, 3, {side}, {side}), got {tuple(image.shape)}")
        return self._refine(image, as_sampler(sampler))

    @torch.no_grad()
    def _refine(self, image: Tensor, sampler: Sampler) -> Iterator[Step]:
        started = time.perf_counter()
        for step in self.rollout(self.image_features(image), sampler):
            spread = entropy(step.logits)
            now = time.perf_counter()
            yield Step(
                step.scale,
                self.scales.sides[step.scale],
                step.indices,
                spread,
                step.features,
                now - started,
                self.decode,
            )
            started = time.perf_counter()

    def predict(self, image: Tensor, sampler: Sampler | str = "argmax") -> Tensor:
        """Depth after the last scale: (B, 3, 256, 256) in [-1, 1] -> (B, 256, 256) in [0, 1]."""
        for step in self.refine(image, sampler):
            last = step
        return last.depth

    @torch.no_grad()
    def decode(self, features: Tensor) -> Tensor:
        """Eq. 4: cumulative features (B, z, S, S) -> linear depth (B, 256, 256) in [0, 1]."""
        return self.vqvae.to_depth(self.vqvae.decode(features))

    # ---- the image ---------------------------------------------------------------------------

    def image_features(self, image: Tensor) -> Tensor:
        """What is known of the image before the transformer; constant while it trains.

        Returns:
            `vq`: cumulative quantised features of all scales, (B, K, z, S, S).
            `encoder`: (B, S * S, E).
        """
        if self.config.image_encoder:
            return self.image_encoder(image)
        return torch.stack(self.vqvae.tokenize(image)[1], dim=1)

    def condition(self, image_features: Tensor) -> Conditioning:
        """Embed `image_features` for the transformer."""
        if self.config.image_encoder:
            grid = image_features.transpose(1, 2).unflatten(2, (self.scales.finest,) * 2)
            pooled = [
                F.adaptive_avg_pool2d(grid, s).flatten(2).transpose(1, 2) for s in self.scales.sides
            ]
            aligned = self.aligned_embed(torch.cat(pooled, dim=1))
            return Conditioning(None, self.memory_embed(image_features), aligned)
        maps = [
            F.interpolate(features, size=(side, side), mode="bicubic").flatten(2).transpose(1, 2)
            for features, side in zip(image_features.unbind(1), self.scales.sides, strict=True)
        ]
        return Conditioning(self.word_embed(torch.cat(maps, dim=1)) + self._places(), None, None)

    # ---- the transformer ---------------------------------------------------------------------

    def forward(
        self, image_features: Tensor, inputs: Sequence[Tensor], count: int | None = None
    ) -> Tensor:
        """Logits of all scales in one masked pass (training).

        Args:
            image_features: from `image_features`.
            inputs: cumulative features resized to scales 2 to `count`, each (B, l, z).
            count: number of scales, default all.

        Returns:
            (B, l_1 + ... + l_count, V).
        """
        count = count or len(self.scales)
        image = self.condition(image_features)
        batch = image_features.shape[0]
        tokens = [self._start_tokens(batch, image)]
        tokens += [self._tokens(vectors, k, image) for k, vectors in enumerate(inputs, start=1)]
        x = torch.cat(tokens[:count], dim=1)
        depth_tokens = x.shape[1]
        cache = None
        if image.memory is not None:
            cache = self.transformer.remember(image.memory)
            mask = self.scales.mask(image.memory.shape[1], count)
        else:
            mask = self.scales.mask_with_image_queries(image.prefix.shape[1], count)
            x = torch.cat([image.prefix, x], dim=1)
        return self.transformer(x, self._class(batch), mask, cache, last=depth_tokens)

    def rollout(
        self, image_features: Tensor, sampler: Sampler | str = "argmax", count: int | None = None
    ) -> Iterator[RolloutStep]:
        """Predict scale after scale from the model's own codes, with a key/value cache.

        Keeps the graph unless the caller switches gradients off. Cache and random generator
        belong to this call.

        Args:
            image_features: from `image_features`.
            sampler: a name or a `Sampler`.
            count: stop after so many scales, default all.
        """
        sampler = as_sampler(sampler)
        quantizer = self.vqvae.quantizer
        image = self.condition(image_features)
        batch = image_features.shape[0]
        condition = self._class(batch)
        generator = sampler.generator(image_features.device)
        cache = KVCache() if image.memory is None else self.transformer.remember(image.memory)
        tokens = self._start_tokens(batch, image)
        if image.prefix is not None:
            tokens = torch.cat([image.prefix, tokens], dim=1)
        total: Tensor | None = None
        for k in range(count or len(self.scales)):
            logits = self.transformer(
                tokens, condition, cache=cache, last=self.scales.lengths[k]
            )  # (B, l, V)
            codes, indices = choose_codes(logits, quantizer.codebook.weight, sampler, generator)
            contribution = quantizer.expand(codes, k)
            total = contribution if total is None else total + contribution
            yield RolloutStep(k, logits, indices, codes, total)
            if k + 1 < len(self.scales):
                tokens = self._tokens(quantizer.downsample(total, k + 1), k + 1, image)

    def _class(self, batch: int) -> Tensor | None:
        """(B, C) embedding of the last class, VAR's "no class"; None without classes."""
        if not self.config.transformer.classes:
            return None
        return self.class_embed.weight[-1:].expand(batch, -1)

    def _places(self) -> Tensor:
        """Level and position embeddings of all tokens, (1, L, C)."""
        levels = self.scales.levels().to(self.position.device)
        return self.level_embed(levels) + self.position

    def _start_tokens(self, batch: int, image: Conditioning) -> Tensor:
        first = self.scales.slices[0]
        start = self._class(batch)
        start = self.start if start is None else start.unsqueeze(1)
        x = (start + self.start_position + self._places()[:, first]).expand(batch, -1, -1)
        return x if image.aligned is None else x + image.aligned[:, first]

    def _tokens(self, vectors: Tensor, scale: int, image: Conditioning) -> Tensor:
        """Cumulative features at one scale, (B, l, z) -> embedded tokens (B, l, C)."""
        here = self.scales.slices[scale]
        x = self.word_embed(vectors) + self._places()[:, here]
        return x if image.aligned is None else x + image.aligned[:, here]
