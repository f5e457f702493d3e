"""A `DepthART` that takes photos instead of tensors; what app, CLI and notebooks use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from depthart.base_predictor import BasePredictor
from depthart.checkpoints import (
    CheckpointError,
    hub_checkpoint,
    load_weights,
    read_config,
    write_checkpoint,
)
from depthart.config import DepthARTConfig
from depthart.images import to_model_input
from depthart.model import DepthART
from depthart.prediction import Kind, PredictionStep
from depthart.sampling import Sampler, as_sampler

if TYPE_CHECKING:
    from depthart.images import Photo

ARCHITECTURE = "depthart"


class Predictor(BasePredictor):
    """Depth of photos of any size by autoregressive refinement.

    Attributes:
        name: as listed by `depthart.list_models`, or the checkpoint folder's name.
        kind: "scale_invariant": linear depth, known up to one factor per photo.
        model: the network, in evaluation mode.
        device: where it runs.
    """

    kind: Kind = "scale_invariant"
    stochastic = True

    def __init__(
        self, model: DepthART, name: str = "depthart", device: str | torch.device = "cpu"
    ) -> None:
        self.device = torch.device(device)
        self.model = model.to(self.device).eval()
        self.name = name

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
        return cls.from_folder(hub_checkpoint(str(name), **options), device, str(name))

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


def save_model(model: DepthART, folder: str | Path, half: bool = True) -> Path:
    """Save a `DepthART` in the package's format; see `write_checkpoint`."""
    config = {"model": ARCHITECTURE, **model.config.to_dict()}
    return write_checkpoint(folder, config, model.state_dict(), half)
