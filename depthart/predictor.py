"""A `DepthART` that takes photos instead of tensors; what app, CLI and notebooks use."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from depthart.checkpoints import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    CheckpointError,
    load_weights,
    read_config,
    write_checkpoint,
)
from depthart.config import DepthARTConfig
from depthart.geometry import Intrinsics
from depthart.images import open_photo, to_model_input
from depthart.model import DepthART
from depthart.prediction import Kind, Prediction, PredictionStep
from depthart.sampling import Sampler, as_sampler

if TYPE_CHECKING:
    from depthart.images import Photo, PhotoSource

ARCHITECTURE = "depthart"


class Predictor:
    """Depth of photos of any size.

    Attributes:
        name: as listed by `depthart.list_models`, or the checkpoint folder's name.
        kind: "scale_invariant": linear depth, known up to one factor per photo.
        model: the network, in evaluation mode.
        device: where it runs.
    """

    kind: Kind = "scale_invariant"

    def __init__(
        self, model: DepthART, name: str = "depthart", device: str | torch.device = "cpu"
    ) -> None:
        self.device = torch.device(device)
        self.model = model.to(self.device).eval()
        self.name = name

    # ---- prediction --------------------------------------------------------------------------

    def refine(
        self,
        image: PhotoSource,
        sampler: Sampler | str | None = None,
    ) -> Iterator[PredictionStep]:
        """Yield one `PredictionStep` per scale as it is computed, coarse to fine.

        Args:
            image: path, PIL image, array (see `depthart.images.open_photo`) or opened `Photo`.
            sampler: name, `Sampler`, or None for the checkpoint's own.

        Raises:
            ValueError, FileNotFoundError: what is wrong with the image or sampler, at once.
        """
        return self._refine(open_photo(image), self._sampler(sampler))

    def predict(
        self,
        image: PhotoSource,
        sampler: Sampler | str | None = None,
        fov_deg: float | None = None,
        ensemble: int = 1,
        on_step: Callable[[PredictionStep], None] | None = None,
    ) -> Prediction:
        """Depth after the last scale, with all scales.

        Args:
            image, sampler: as in `refine`.
            fov_deg: horizontal field of view; default from EXIF, else 55 degrees.
            ensemble: number of roll-outs with seeds seed, seed + 1, ...; depth is their mean,
                `uncertainty` their standard deviation. `steps` are the first one's.
            on_step: called with each step of the first roll-out, for progress bars.

        Raises:
            ValueError, FileNotFoundError: as in `refine`; also for `ensemble` < 1.
        """
        if ensemble < 1:
            raise ValueError(f"an ensemble needs at least one roll-out, got {ensemble}")
        photo, sampler = open_photo(image), self._sampler(sampler)
        started = time.perf_counter()
        steps = []
        for step in self._refine(photo, sampler):
            steps.append(step)
            if on_step:
                on_step(step)
        depth, uncertainty = steps[-1].depth, None
        if ensemble > 1:
            seeds = range(sampler.seed + 1, sampler.seed + ensemble)
            others = [list(self._refine(photo, sampler.with_seed(s)))[-1].depth for s in seeds]
            depths = np.stack([depth, *others])
            depth, uncertainty = depths.mean(axis=0), depths.std(axis=0)
        return Prediction(
            photo=photo,
            depth=depth,
            kind=self.kind,
            model=self.name,
            intrinsics=Intrinsics.of_photo(photo, fov_deg),
            steps=tuple(steps),
            uncertainty=uncertainty,
            seconds=time.perf_counter() - started,
        )

    def _refine(self, photo: Photo, sampler: Sampler) -> Iterator[PredictionStep]:
        tensor = to_model_input(photo, self.model.config.image_size).to(self.device)
        for step in self.model.refine(tensor, sampler):
            yield PredictionStep.from_step(step, photo.height, photo.width)

    def _sampler(self, sampler: Sampler | str | None) -> Sampler:
        return as_sampler(self.model.config.default_sampler if sampler is None else sampler)

    # ---- files and hub -----------------------------------------------------------------------

    @classmethod
    def from_folder(
        cls, folder: str | Path, device: str | torch.device = "cpu", name: str | None = None
    ) -> Predictor:
        """Open a checkpoint folder.

        Raises:
            CheckpointError: if it is missing, incomplete, of another architecture or does not fit.
        """
        config: dict[str, Any] = read_config(folder)
        architecture = config.pop("model", None)
        if architecture != ARCHITECTURE:
            raise CheckpointError(
                f"{folder} holds a {architecture!r} checkpoint, expected {ARCHITECTURE!r}"
            )
        try:
            parsed = DepthARTConfig.from_dict(config)
        except (TypeError, ValueError) as error:
            raise CheckpointError(f"bad config.json in {folder}: {error}") from error
        with torch.device("meta"):
            model = DepthART(parsed)
        load_weights(model, folder)
        return cls(model, name or Path(folder).resolve().name, device)

    @classmethod
    def from_pretrained(
        cls, name: str | Path, device: str | torch.device = "cpu", **options: Any
    ) -> Predictor:
        """Open a checkpoint folder or a Hugging Face repository "user/name".

        Args:
            options: `revision`, `token`, `cache_dir`, ... for `huggingface_hub.snapshot_download`.

        Raises:
            CheckpointError: as `from_folder`.
            ConnectionError: if the hub cannot be reached or does not know the name.
        """
        if Path(name).is_dir():
            return cls.from_folder(name, device)
        return cls.from_folder(_from_hub(str(name), **options), device, str(name))

    def save_pretrained(self, folder: str | Path) -> Path:
        """Write `config.json` and `model.safetensors` (float16)."""
        return save_model(self.model, folder)

    def push_to_hub(self, repo_id: str, private: bool = False, token: str | None = None) -> str:
        """Upload the checkpoint to a Hugging Face model repository and return its address."""
        import tempfile

        from huggingface_hub import HfApi

        api = HfApi(token=token)
        api.create_repo(repo_id, private=private, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            commit = api.upload_folder(repo_id=repo_id, folder_path=folder)
        return str(commit)


def _from_hub(repo_id: str, **options: Any) -> str:
    from huggingface_hub import snapshot_download

    try:
        return snapshot_download(repo_id, allow_patterns=[CONFIG_FILE, WEIGHTS_FILE], **options)
    except Exception as error:  # the hub's errors come from several libraries
        raise ConnectionError(f"cannot fetch {repo_id} from the hub: {error}") from error


def save_model(model: DepthART, folder: str | Path, half: bool = True) -> Path:
    """Save a `DepthART` in the package's format; see `write_checkpoint`."""
    config = {"model": ARCHITECTURE, **model.config.to_dict()}
    return write_checkpoint(folder, config, model.state_dict(), half)
