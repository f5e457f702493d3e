"""Procedural scenes with exact depth: ray casting in torch, batched, seeded, on CPU or GPU."""

from train.render.render import RENDERER_VERSION, RenderedBatch, render_batch

__all__ = ["RENDERER_VERSION", "RenderedBatch", "render_batch"]
