"""Next-scale transformer (VAR, section 3.2): AdaLN blocks, key/value cache, logits over codes.

Letters: B batch, l query tokens of one call, t tokens cached so far, M memory tokens, C width,
H heads, V codes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from depthart.attention import LeadingMask, attend


@dataclass(frozen=True)
class TransformerConfig:
    """Sizes of a `NextScaleTransformer`; the defaults are the paper's (VAR-d16).

    Raises:
        ValueError: if the width is not a multiple of the number of heads.
    """

    depth: int = 16
    width: int = 1024
    heads: int = 16
    mlp_ratio: float = 4.0
    classes: int = 1001  # class embeddings that AdaLN may be conditioned on; 0 = learned constants
    normalized_attention: bool = False  # VAR's l2-normalised queries and keys, learned scale
    attention_tau: float = 4.0  # plain attention divides its logits by sqrt(head width) * tau
    memory: bool = False  # every block also attends to memory tokens through its own projection
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of {self.heads} heads")


class KVCache:
    """Keys and values of one roll-out, one (B, H, t, C / H) pair per block."""

    def __init__(self) -> None:
        self._pairs: dict[int, tuple[Tensor, Tensor]] = {}

    def extend(self, block: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Append (B, H, l, C / H) to a block's tokens and return all of them."""
        if block in self._pairs:
            old_keys, old_values = self._pairs[block]
            keys = torch.cat([old_keys, keys], dim=2)
            values = torch.cat([old_values, values], dim=2)
        self._pairs[block] = keys, values
        return keys, values


class NextScaleTransformer(nn.Module):
    """Embedded tokens -> logits; knows nothing of scales beyond the mask it is given."""

    def __init__(self, config: TransformerConfig, vocab_size: int) -> None:
        super().__init__()
        self.config = config
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.head_modulation = Modulation(config, parts=2)
        self.head = nn.Linear(config.width, vocab_size)

    def remember(self, memory: Tensor) -> KVCache:
        """A cache that starts with memory tokens (B, M, C), seen by every later token."""
        cache = KVCache()
        for i, block in enumerate(self.blocks):
            cache.extend(i, *block.attention.project_memory(memory))
        return cache

    def forward(
        self,
        tokens: Tensor,
        condition: Tensor | None = None,
        mask: LeadingMask | None = None,
        cache: KVCache | None = None,
        last: int | None = None,
    ) -> Tensor:
        """Logits of the tokens, given what the cache holds.

        Args:
            tokens: (B, l, C) embedded.
            condition: (B, C) class embedding for AdaLN; None when `classes` is 0.
            mask: of l queries and t + l keys; None lets all tokens see all.
            cache: extended in place by these tokens.
            last: logits of the last so many tokens only.

        Returns:
            (B, l or last, V).
        """
        for i, block in enumerate(self.blocks):
            tokens = block(tokens, condition, mask, cache, i)
        if last is not None:
            tokens = tokens[:, -last:]
        scale, shift = self.head_modulation(condition)
        return self.head(_modulate(tokens, scale, shift))


class Block(nn.Module):
    """Attention and MLP, both modulated by AdaLN: (B, l, C) -> (B, l, C)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.modulation = Modulation(config, parts=6)
        self.attention = Attention(config)
        hidden = round(config.width * config.mlp_ratio)
        self.mlp = nn.Sequential(
            nn.Linear(config.width, hidden),
            nn.GELU(approximate="tanh"),
            nn.Linear(hidden, config.width),
            nn.Dropout(config.dropout),
        )

    def forward(
        self,
        x: Tensor,
        condition: Tensor | None,
        mask: LeadingMask | None,
        cache: KVCache | None,
        index: int,
    ) -> Tensor:
        gain1, gain2, scale1, scale2, shift1, shift2 = self.modulation(condition)
        x = x + gain1 * self.attention(_modulate(x, scale1, shift1), mask, cache, index)
        return x + gain2 * self.mlp(_modulate(x, scale2, shift2))


class Modulation(nn.Module):
    """AdaLN's vectors, from a class embedding or (`classes` = 0) learned constants."""

    def __init__(self, config: TransformerConfig, parts: int) -> None:
        super().__init__()
        self.parts = parts
        if config.classes:
            self.linear = nn.Linear(config.width, parts * config.width)
        else:
            constants = torch.zeros(parts, config.width)
            if parts == 6:
                constants[:2] = 1  # both gains
            self.constants = nn.Parameter(constants)

    def forward(self, condition: Tensor | None) -> tuple[Tensor, ...]:
        """(B, C) or None -> `parts` tensors that broadcast against (B, l, C)."""
        if condition is None:
            return self.constants.unbind(0)
        return self.linear(F.silu(condition)).unsqueeze(1).chunk(self.parts, dim=-1)


class Attention(nn.Module):
    """Multi-head attention without a key bias, over cached, memory and new tokens."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        width, self.heads = config.width, config.heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(width))
        self.v_bias = nn.Parameter(torch.zeros(width))
        self.out = nn.Linear(width, width)
        if config.memory:
            self.memory_kv = nn.Linear(width, 2 * width)
        self.normalized = config.normalized_attention
        self.scale = 1.0
        if self.normalized:
            self.log_scale = nn.Parameter(torch.full((1, self.heads, 1, 1), math.log(4)))
        else:
            self.scale = (width // self.heads) ** -0.5 / config.attention_tau
        self.dropout = nn.Dropout(config.dropout)

    def project_memory(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """(B, M, C) -> keys and values, each (B, H, M, C / H)."""
        keys, values = self.memory_kv(memory).chunk(2, dim=-1)
        keys = self._split(keys)
        return (F.normalize(keys, dim=-1) if self.normalized else keys), self._split(values)

    def forward(
        self, x: Tensor, mask: LeadingMask | None, cache: KVCache | None, index: int
    ) -> Tensor:
        bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        q, k, v = (self._split(part) for part in F.linear(x, self.qkv.weight, bias).chunk(3, -1))
        if self.normalized:
            q = F.normalize(q, dim=-1) * self.log_scale.clamp_max(math.log(100)).exp()
            k = F.normalize(k, dim=-1)
        if cache is not None:
            k, v = cache.extend(index, k, v)
        mixed = attend(q, k, v, mask, self.scale)  # (B, H, l, C / H)
        return self.dropout(self.out(mixed.transpose(1, 2).flatten(2)))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, l, C) -> (B, H, l, C / H)


def _modulate(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (scale + 1) + shift
