"""A made-up prediction with known geometry: a wall, and a square board in front of it."""

import numpy as np
import torch

from depthart.geometry import Intrinsics
from depthart.images import Photo
from depthart.prediction import Prediction, PredictionStep

SIDES = (1, 2, 3, 4, 5, 6, 8, 10, 13, 16)


def make_photo(height=60, width=80) -> Photo:
    """Red grows to the right, green down, blue marks the board."""
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[..., 0] = np.linspace(0, 255, width)[None, :]
    rgb[..., 1] = np.linspace(0, 255, height)[:, None]
    rgb[board(height, width), 2] = 255
    return Photo(rgb, name="room")


def board(height, width) -> np.ndarray:
    """(H, W) bool: the middle quarter of the picture."""
    mask = np.zeros((height, width), bool)
    mask[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4] = True
    return mask


def make_steps(depth, height, width, sides=SIDES) -> tuple[PredictionStep, ...]:
    """Steps that come nearer to `depth` scale by scale; the last one is it."""
    last = len(sides) - 1

    def step(k, side):
        share = k / last if last else 1
        return PredictionStep(
            scale=k,
            side=side,
            indices=np.arange(side * side).reshape(side, side),
            entropy=np.full((side, side), 5 - share, np.float32),
            features=torch.zeros(1, 4, 16, 16),
            seconds=0.1,
            height=height,
            width=width,
            decode=lambda: torch.from_numpy(depth * share + depth.mean() * (1 - share)),
        )

    return tuple(step(k, side) for k, side in enumerate(sides))


def make_prediction(
    height=60, width=80, far=1.0, near=0.5, kind="scale_invariant", steps=True, **fields
) -> Prediction:
    """The wall at depth `far`, the board at `near`."""
    depth = np.full((height, width), far, np.float32)
    depth[board(height, width)] = near
    return Prediction(
        photo=make_photo(height, width),
        depth=depth,
        kind=kind,
        model="made-up",
        intrinsics=Intrinsics.from_fov(width, height, 60),
        steps=make_steps(depth, height, width) if steps else (),
        **fields,
    )
