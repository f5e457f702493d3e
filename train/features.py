"""Cache of frozen image and depth features, so that only the transformer runs in training."""

from __future__ import annotations

import fcntl
import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from depthart import DepthART
from train import processes
from train.data.loader import threaded
from train.data.mixture import Mixture
from train.data.sample import Batch
from train.data.visits import Passes
from train.decoded_depth import true_depth
from train.vq_images import depth_images


@torch.no_grad()
def encode_batch(model: DepthART, batch: Batch) -> tuple[Tensor, Tensor]:
    """Image features and unquantised depth features (B, z, S, S) of one `Batch`, float32."""
    batch = batch.to(next(model.parameters()).device)
    channels_last = batch.image.contiguous(memory_format=torch.channels_last)
    with torch.autocast(batch.image.device.type, torch.bfloat16):
        image_features = model.image_features(channels_last).float()
    return image_features, encode_depth(model, batch)


@torch.no_grad()
def encode_depth(model: DepthART, batch: Batch) -> Tensor:
    """Unquantised depth features (B, z, S, S) of a batch on the model's device, float32."""
    with torch.autocast(batch.depth.device.type, torch.bfloat16):
        return model.vqvae.encode(depth_images(batch, model.config.vqvae.log_offset)).float()


def encoder_digest(model: DepthART) -> str:
    """Tells apart weights that give other features: all but the transformer's and the decoder's."""
    parts = {"vqvae": model.vqvae}
    if model.config.image_encoder:
        parts["image_encoder"] = model.image_encoder
    digest = hashlib.sha256(str(model.config.vqvae.log_offset).encode())
    for part, module in parts.items():
        for name, value in module.state_dict().items():
            if not name.startswith(("decoder.", "post_quant.")):
                digest.update(f"{part}.{name}".encode())
                digest.update(value.float().cpu().contiguous().numpy() + 0.0)  # -0 is 0
    return digest.hexdigest()


PARTS = "image", "depth", "truth"  # the last one if it is asked for


class FeatureCache:
    """Augmented samples encoded once: memory-mapped `image.npy` and `depth.npy`, float16.

    `truth.npy` beside them, if it was asked for, holds `decoded_depth.true_depth`. `meta.json` says
    how many samples there are and of which sources, and has the digest of the encoders.
    """

    def __init__(self, folder: str | Path, truth: bool = False) -> None:
        """
        Raises:
            FileNotFoundError: without a finished cache, or one without the true depth wanted.
        """
        folder = Path(folder)
        if not (folder / "meta.json").is_file():
            raise FileNotFoundError(f"no finished feature cache in {folder}")
        if truth and not (folder / "truth.npy").is_file():
            raise FileNotFoundError(f"{folder} was made without true depth: name another folder")
        parts = PARTS if truth else PARTS[:-1]
        self.arrays = [np.load(folder / f"{part}.npy", mmap_mode="r") for part in parts]
        self._passes: dict[int, Passes] = {}  # by seed

    def __len__(self) -> int:
        return len(self.arrays[0])

    def batch(self, number: int, size: int, seed: int) -> tuple[Tensor, ...]:
        """Batch `number` of an endless sequence of shuffled epochs, float32.

        Returns:
            as `encode_batch`; with them, if wanted, `true_depth` (B, 1, H, H) in [-1, 1].
        """
        passes = self._passes.setdefault(seed, Passes(len(self), seed))
        rows = np.array([passes(i) for i in range(number * size, (number + 1) * size)])
        rows.sort()  # reads the file in its order
        return tuple(torch.from_numpy(array[rows]).float() for array in self.arrays)

    @classmethod
    def build(
        cls, folder: str | Path, model: DepthART, mixture: Mixture, count: int, truth: bool = False
    ) -> FeatureCache:
        """Encode the first `count` samples of a mixture, unless the folder is finished already.

        Several processes take its batches in turn.

        Raises:
            ValueError: if the folder holds features of other encoders, or `count` is not a batch.
            RuntimeError: if another run is filling the folder.
        """
        folder = Path(folder)
        if not (folder / "meta.json").is_file():
            with _owned(folder):
                cls._encode(folder, model, mixture, count, truth)
        processes.wait()
        made_by = json.loads((folder / "meta.json").read_text()).get("encoders")
        if made_by != encoder_digest(model):
            raise ValueError(f"{folder} holds features of other encoders: name another folder")
        return cls(folder, truth)

    @staticmethod
    def _encode(folder: Path, model: DepthART, mixture: Mixture, count: int, truth: bool) -> None:
        batches, size = count // mixture.batch_size, mixture.batch_size
        if not batches:
            raise ValueError(f"a cache of {count} samples holds no batch of {size}")

        def encode(batch: Batch) -> tuple[Tensor, ...]:
            log_offset = model.config.vqvae.log_offset
            return encode_batch(model, batch) + ((true_depth(batch, log_offset),) if truth else ())

        # One batch more than needed, for the shapes.
        shapes = [part.shape[1:] for part in encode(mixture.batch(0))]
        paths = [folder / f"{name}.npy" for name in PARTS[: len(shapes)]]
        if processes.is_main():
            for path, shape in zip(paths, shapes, strict=True):
                rows = (batches * size, *shape)
                np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=rows)
        processes.wait()
        arrays = [np.load(path, mmap_mode="r+") for path in paths]
        own = list(range(processes.rank(), batches, processes.size()))
        for n, batch in zip(own, threaded(mixture.batch, own), strict=True):
            for array, part in zip(arrays, encode(batch), strict=True):
                array[n * size : (n + 1) * size] = part.half().cpu().numpy()
            if processes.is_main() and n % (50 * processes.size()) == 0:
                print(f"encoded {(n + 1) * size} of {batches * size}", file=sys.stderr)
        for array in arrays:
            array.flush()
        processes.wait()
        if processes.is_main():
            sources = [[type(source).__name__, len(source)] for source in mixture.sources]
            meta = {"samples": batches * size, "sources": sources, "seed": mixture.seed}
            meta["encoders"] = encoder_digest(model)
            (folder / "meta.json").write_text(json.dumps(meta))


@contextmanager
def _owned(folder: Path) -> Iterator[None]:
    """Keep other runs from filling a folder; the system lets go of it when a run dies."""
    if not processes.is_main():
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(f"another run is filling {folder}: wait for it") from None
        yield
