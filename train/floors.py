"""Trivial guesses that see no picture: what any model has to beat.

Letters: B pictures, S side of a network's square input.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from train.data.sample import Source
from train.sources import SET_HELP, open_source
from train.validate import DepthFunction

MEAN_SIDE = 64  # of the mean map
MEAN_PICTURES = 400  # of each set, evenly spread


def constant_guess(images: Tensor) -> Tensor:
    """The same depth everywhere: (B, 3, S, S) -> (B, S, S)."""
    return torch.ones_like(images[:, 0])


def ramp_guess(images: Tensor) -> Tensor:
    """Far at the top, near at the bottom, linear in depth from 1 to 0.3."""
    ramp = torch.linspace(1, 0.3, images.shape[-2])
    return ramp[None, :, None].expand_as(images[:, 0])


def mean_map_guess(sources: Sequence[Source]) -> DepthFunction:
    """The mean depth map of training data: mean of log depth, each map relative to its median.

    Raises:
        ValueError: if no map has a valid pixel.
    """
    total = np.zeros((MEAN_SIDE, MEAN_SIDE))
    count = np.zeros_like(total)
    for source in sources:
        for i in np.linspace(0, len(source) - 1, min(len(source), MEAN_PICTURES)):
            depth = source[int(i)].depth
            depth = cv2.resize(depth, (MEAN_SIDE, MEAN_SIDE), interpolation=cv2.INTER_NEAREST)
            valid = (depth > 0) & np.isfinite(depth)
            if valid.any():
                total[valid] += np.log(depth[valid] / np.median(depth[valid]))
                count[valid] += 1
    if not count.any():
        raise ValueError("no depth is known in the data of the mean map")
    mean = torch.from_numpy(np.exp(total / count.clip(1))).float()[None, None]

    def guess(images: Tensor) -> Tensor:
        size = images.shape[-2:]
        resized = torch.nn.functional.interpolate(mean, size, mode="bilinear")
        return resized[:, 0].expand_as(images[:, 0])

    return guess


FLOORS: dict[str, DepthFunction] = {"constant": constant_guess, "ramp": ramp_guess}
MEAN_MAP = "mean map"


def add_floor_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--mean-map",
        action="append",
        metavar="SET",
        help=f"the mean map of this training data as one more floor: {SET_HELP}",
    )


def floors(options: argparse.Namespace) -> dict[str, DepthFunction]:
    """Constant, ramp and, if `--mean-map` names data, its mean map."""
    if not options.mean_map:
        return dict(FLOORS)
    sources = [open_source(text, training=True)[1] for text in options.mean_map]
    return FLOORS | {MEAN_MAP: mean_map_guess(sources)}
