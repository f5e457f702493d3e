"""Which codes a VQ-VAE in training uses, and new places for those it does not."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from depthart.quantizer import MultiScaleQuantizer
from train import processes

PER_SCALE, KEPT = 64, 40  # residuals kept of each scale and batch; how many such lots


class CodeUsage:
    """Counts how often each code is chosen and re-seeds the unused from recent residuals.

    Part of a run's state: a resumed run replaces the same codes by the same vectors. In several
    processes, codes count as used if any used them, and the main one says where new ones go.
    """

    def __init__(self, quantizer: MultiScaleQuantizer) -> None:
        self.quantizer = quantizer
        codes = quantizer.codebook.weight
        self.counts = torch.zeros(len(codes), dtype=torch.long, device=codes.device)
        self.pool: list[Tensor] = []

    def observe(self, indices: list[Tensor], residuals: list[Tensor]) -> None:
        """Take note of one batch: K x (B, l) codes, K x (B, l, C) vectors they stand for."""
        for tokens, vectors in zip(indices, residuals, strict=True):
            self.counts += torch.bincount(tokens.flatten(), minlength=len(self.counts))
            vectors = vectors.flatten(0, 1)
            chosen = torch.randperm(len(vectors), device=vectors.device)[:PER_SCALE]
            self.pool.append(vectors[chosen])
        self.pool = self.pool[-KEPT:]

    @torch.no_grad()
    def reseed(self) -> float:
        """Replace codes never chosen since the last call; return the share that was alive."""
        dead = (processes.total(self.counts) == 0).nonzero().flatten()
        pool = torch.cat(self.pool)
        chosen = pool[torch.randint(len(pool), (len(dead),), device=pool.device)]
        noise = torch.randn_like(chosen) * chosen.std() * 0.05
        codes = self.quantizer.codebook.weight
        codes[dead] = processes.from_main(chosen + noise).to(codes.dtype)
        self.counts.zero_()
        return 1 - len(dead) / len(self.counts)

    def state_dict(self) -> dict[str, Any]:
        return {"counts": self.counts, "pool": self.pool}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.counts.copy_(state["counts"])
        self.pool = [part.to(self.counts.device) for part in state["pool"]]
