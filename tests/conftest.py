"""Shared fixtures: tiny models with random weights and a small picture."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch loads OpenMP

import numpy as np
import pytest
import torch
from PIL import Image

from depthart.config import DepthARTConfig
from depthart.model import DepthART
from depthart.predictor import Predictor


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
