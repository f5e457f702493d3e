"""Shared fixtures: tiny models with random weights and a small picture."""

import json
import os
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch loads OpenMP

import numpy as np
import pytest
import torch
from PIL import Image

from depthart.config import DepthARTConfig
from depthart.model import DepthART
from depthart.predictor import Predictor


def rendered_shard(folder: Path) -> Path:
    """Six pictures of slanted floors with a box, in the renderer's shard format."""
    shard = folder / "shard_000000"
    shard.mkdir()
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:48, :48] / 48
    depth = np.stack([1 + rng.uniform(0.5, 3) * (1 - rows) + 0.3 * columns for _ in range(6)])
    depth[:, 10:20, 10:20] = 0.8
    image = np.repeat((depth[..., None] * 50).clip(0, 255), 3, axis=-1)
    np.save(shard / "image.npy", image.astype(np.uint8))
    np.save(shard / "depth.npy", depth.astype(np.float16))
    np.save(shard / "plane.npy", np.ones((6, 48, 48), np.uint8))
    np.save(shard / "intrinsics.npy", np.full((6, 4), 40, np.float32))
    (shard / "meta.json").write_text(json.dumps({"seeds": [0, 5]}))
    return folder


def make_tiny(preset: str = "tiny") -> DepthART:
    """A `DepthART` of random weights; ten scales at 256 x 256, a few milliseconds each."""
    torch.manual_seed(0)
    return DepthART(DepthARTConfig.preset(preset)).eval()


@pytest.fixture(scope="session", params=["tiny", "tiny-vq"])
def each_tiny_model(request) -> DepthART:
    """Both kinds of conditioning."""
    return make_tiny(request.param)


@pytest.fixture(scope="session")
def tiny_model() -> DepthART:
    return make_tiny()


@pytest.fixture(scope="session")
def tiny_predictor(tiny_model) -> Predictor:
    return Predictor(tiny_model, "tiny-random")


@pytest.fixture(scope="session")
def picture() -> Image.Image:
    """A 96 x 64 picture of a gradient with a dark square."""
    rows, columns = np.mgrid[:64, :96]
    pixels = np.stack([columns * 2, rows * 3, 255 - columns], axis=-1).astype(np.uint8)
    pixels[20:40, 30:50] = 20
    return Image.fromarray(pixels)
