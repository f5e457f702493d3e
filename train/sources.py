"""Command-line arguments of the data that training and evaluation read."""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Callable

import numpy as np

from train.data import dataset
from train.data.augment import Augmentation
from train.data.loader import Loader
from train.data.mixture import Mixture
from train.data.rendered import RenderedScenes
from train.data.resident import ResidentMixture
from train.data.rgbd_folder import RGBDFolder
from train.data.sample import Batch, Source
from train.loop import RunConfig, device_of

FORM = re.compile(r"(?P<name>\w+)(@(?P<split>\w+))?(\*(?P<weight>[\d.]+))?=(?P<folder>.+)")
# Where it is not the reader's default.
EVALUATION_SPLITS = {"hypersim": "val", "sunrgbd": "test", "rgbd": "dev"}
SET_HELP = "NAME=FOLDER of a reader in train/data, or NAME@SPLIT*WEIGHT=FOLDER; repeatable"


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("data")
    group.add_argument("--rendered", help="folder of rendered shards (python -m train.render)")
    group.add_argument("--real", help="RGB-D folder with a manifest.json; its train split")
    group.add_argument("--real-share", type=float, default=0.3, help="of each batch, on average")
    group.add_argument("--held-out", help="folder of rendered shards to validate on")
    group.add_argument("--data", action="append", metavar="SET", help=f"train on {SET_HELP}")
    group.add_argument("--validate", action="append", metavar="SET", help=f"validate on {SET_HELP}")
    group.add_argument("--shard-cache", help="folder for remote WebDataset shards")
    group.add_argument(
        "--resident",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="keep all training data in the device's memory and augment there",
    )


def training_sources(
    arguments: argparse.Namespace, metric: bool = False
) -> list[tuple[Source, float]]:
    """The named sources with their weights.

    Args:
        metric: leave out what a folder with a manifest does not have in metres.

    Raises:
        ValueError: if none is named, or a name is not known.
    """
    sources: list[tuple[Source, float]] = []
    if arguments.rendered:
        sources.append((RenderedScenes(arguments.rendered), 1 - arguments.real_share))
    if arguments.real:
        sources.append((RGBDFolder(arguments.real, "train"), arguments.real_share))
    cache = getattr(arguments, "shard_cache", None)
    for text in getattr(arguments, "data", None) or ():
        sources.append(open_source(text, training=True, cache=cache)[1:])
    if not sources:
        raise ValueError(
            "name training data: --rendered FOLDER, --real FOLDER or --data NAME=FOLDER"
        )
    return [(_in_metres(s) if metric else s, weight) for s, weight in sources]


def training_mixture(
    arguments: argparse.Namespace,
    size: int,
    run: RunConfig,
    strength: Augmentation | None = None,
) -> Mixture | ResidentMixture:
    """Parts of batches, of the size that one process works off at once.

    With `--resident` they are made on, and stay on, the run's device.
    """
    sources = training_sources(arguments)
    if arguments.resident:
        return ResidentMixture(sources, size, run.part, run.seed, strength, device_of(run))
    return Mixture(sources, size, run.part, run.seed, strength)


def training_batches(
    arguments: argparse.Namespace,
    size: int,
    run: RunConfig,
    strength: Augmentation | None = None,
) -> Callable[[int], Batch]:
    """Function from the step to (this process's next part of) its batch."""
    mixture = training_mixture(arguments, size, run, strength)
    return Loader(mixture.batch, run, ahead=not arguments.resident)


def validation_sources(
    arguments: argparse.Namespace, limit: int = 64, metric: bool = False
) -> dict[str, list]:
    """Samples by name of their set: the first of the held-out renders, all of the real dev split,
    and of every other set at most `limit`, evenly spread.

    Args:
        metric: as in `training_sources`.

    Raises:
        ValueError: for two sets of one name.
    """
    chosen = _in_metres if metric else lambda source: source
    sets: dict[str, list] = {}
    if arguments.held_out:
        rendered = RenderedScenes(arguments.held_out)
        sets["rendered"] = [rendered[i] for i in range(min(limit, len(rendered)))]
    if arguments.real:
        dev = chosen(RGBDFolder(arguments.real, "dev"))
        sets["real_dev"] = [dev[i] for i in range(len(dev))]
    cache = getattr(arguments, "shard_cache", None)
    for text in getattr(arguments, "validate", None) or ():
        name, source, _ = open_source(text, training=False, cache=cache)
        if name in sets:
            raise ValueError(f"{text}: there is another set called {name} to validate on")
        source = chosen(source)
        count = min(limit, len(source))
        sets[name] = [source[int(i)] for i in np.linspace(0, len(source) - 1, count)]
    return sets


def _in_metres(source: Source) -> Source:
    return source.metric() if isinstance(source, RGBDFolder) else source


def open_source(text: str, training: bool, cache: str | None = None) -> tuple[str, Source, float]:
    """Open `NAME=FOLDER` or `NAME@SPLIT*WEIGHT=FOLDER`.

    Args:
        training: whether the split, if none is named, is that for training.
        cache: folder for the shards of remote WebDatasets.

    Returns:
        name, reader, weight (1 if none is named). The name is NAME@SPLIT for validation on a split
        that is not the usual one.

    Raises:
        ValueError: if the text does not read so, the name is unknown, or the set has no depth.
        FileNotFoundError: of the reader, naming what is missing.
    """
    found = FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"expected NAME=FOLDER or NAME@SPLIT*WEIGHT=FOLDER, got {text!r}")
    name = found["name"]
    reader = dataset(name)
    if name == "unlabeled":
        raise ValueError("unlabeled pictures have no depth; they go to --photos")
    options: dict[str, str] = {}
    usual = EVALUATION_SPLITS.get(name)
    split = found["split"] or ("train" if training else usual)
    parameters = inspect.signature(reader).parameters
    if "split" in parameters:
        options = {"split": split} if split else {}
    elif found["split"]:
        raise ValueError(f"{name} has no splits: write {name}=FOLDER")
    label = name
    if not training and split and split != (usual or parameters["split"].default):
        label = f"{name}@{split}"
    if name == "webdataset" and cache:
        options["cache"] = cache
    return label, reader(found["folder"], **options), float(found["weight"] or 1)
