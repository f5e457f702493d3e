"""Command-line arguments of the data that training and evaluation read."""

from __future__ import annotations

import argparse

from train.data.rendered import RenderedScenes
from train.data.rgbd_folder import RGBDFolder
from train.data.sample import Source


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rendered", help="folder of rendered shards (python -m train.render)")
    parser.add_argument("--real", help="RGB-D folder with a manifest.json; its train split")
    parser.add_argument("--real-share", type=float, default=0.3, help="of each batch, on average")
    parser.add_argument("--held-out", help="folder of rendered shards to validate on")


def training_sources(arguments: argparse.Namespace) -> list[tuple[Source, float]]:
    """The named sources with their weights.

    Raises:
        ValueError: if none is named.
    """
    sources: list[tuple[Source, float]] = []
    if arguments.rendered:
        sources.append((RenderedScenes(arguments.rendered), 1 - arguments.real_share))
    if arguments.real:
        sources.append((RGBDFolder(arguments.real, "train"), arguments.real_share))
    if not sources:
        raise ValueError("name training data: --rendered FOLDER, --real FOLDER or both")
    return sources


def validation_sources(arguments: argparse.Namespace, limit: int = 64) -> dict[str, list]:
    """First samples of the held-out renders and of the real dev split, by name."""
    sets: dict[str, list] = {}
    if arguments.held_out:
        rendered = RenderedScenes(arguments.held_out)
        sets["rendered"] = [rendered[i] for i in range(min(limit, len(rendered)))]
    if arguments.real:
        dev = RGBDFolder(arguments.real, "dev")
        sets["real_dev"] = [dev[i] for i in range(len(dev))]
    return sets
