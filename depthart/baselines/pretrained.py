"""Depth models of the `transformers` library, behind the interface of `depthart.Predictor`.

`transformers` is imported when a model is opened, never before.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import torch
from PIL import Image

from depthart.base_predictor import BasePredictor
from depthart.baselines.processors import DepthProProcessor, without_zoe_padding
from depthart.baselines.published import INSTALL, PUBLISHED
from depthart.checkpoints import CONFIG_FILE, WEIGHTS_FILE, CheckpointError
from depthart.fetch import DownloadError
from depthart.prediction import Kind, PredictionStep

if TYPE_CHECKING:
    from depthart.images import Photo
    from depthart.sampling import Sampler

# `model_type` in config.json -> what the model's numbers are; MiDaS' habit, disparity, for others.
_METRIC_TYPES = frozenset({"zoedepth", "depth_pro", "glpn"})


class PretrainedPredictor(BasePredictor):
    """Depth of photos by any model of `AutoModelForDepthEstimation`.

    Attributes:
        name, kind, device: as in `BasePredictor`.
        model: the network of transformers, in evaluation mode.
    """

    def __init__(
        self,
        model: Any,
        processor: Any,
        name: str,
        kind: Kind,
        device: str | torch.device = "cpu",
    ) -> None:
        self.device = torch.device(device)
        self.model = model.to(self.device).eval()
        self.name, self.kind = name, kind
        self._processor = processor
        self._post_process = getattr(processor, "post_process_depth_estimation", None)

    def _refine(self, photo: Photo, sampler: Sampler) -> Iterator[PredictionStep]:
        started = time.perf_counter()
        inputs = self._processor(images=Image.fromarray(photo.rgb), return_tensors="pt")
        with torch.no_grad():
            outputs = self.model(**inputs.to(self.device))
        depth = self._map(outputs, photo).float().nan_to_num().clamp_min(0)
        seconds = time.perf_counter() - started
        yield PredictionStep.without_tokens(0, depth, seconds, photo.height, photo.width)

    def _map(self, outputs: Any, photo: Photo) -> torch.Tensor:
        """(h, w), without the padding and scale that belong to the model's own processor."""
        if self.model.config.model_type == "zoedepth":
            depth = outputs.predicted_depth.squeeze()
            padded = getattr(self._processor, "do_pad", True)
            return without_zoe_padding(depth, photo.height, photo.width) if padded else depth
        if self._post_process is None:
            return outputs.predicted_depth.squeeze()
        return self._post_process(outputs)[0]["predicted_depth"].squeeze()

    @classmethod
    def from_folder(
        cls, folder: str | Path, device: str | torch.device = "cpu", name: str | None = None
    ) -> PretrainedPredictor:
        """Open a folder in the format of transformers.

        Raises:
            ImportError: if transformers is not installed.
            CheckpointError: if the folder holds no depth model, or a damaged one.
        """
        name = name or Path(folder).resolve().name
        try:
            return cls._open(str(folder), device, name, None, {"local_files_only": True})
        except ImportError:
            raise
        except Exception as error:  # transformers raises whatever its parts raise
            raise CheckpointError(f"cannot open {folder} with transformers: {error}") from error

    @classmethod
    def from_hub(
        cls,
        repo_id: str,
        device: str | torch.device = "cpu",
        kind: Kind | None = None,
        **options: Any,
    ) -> PretrainedPredictor:
        """Open a model of the hub, fetched into its cache if needed.

        Args:
            repo_id: "user/name".
            kind: what its numbers are; None: by the type of model.
            options: `revision`, `token`, `cache_dir`, ... for transformers.

        Raises:
            ImportError: if transformers is not installed.
            ConnectionError: if the hub cannot be reached, does not know the name, or it holds no
                depth model.
        """
        try:
            return cls._open(repo_id, device, f"hf:{repo_id}", kind, options)
        except ImportError:
            raise
        except Exception as error:  # transformers raises whatever its parts raise
            raise ConnectionError(f"cannot open {repo_id} from the hub: {error}") from error

    @classmethod
    def _open(
        cls,
        where: str,
        device: str | torch.device,
        name: str,
        kind: Kind | None,
        options: dict[str, Any],
    ) -> PretrainedPredictor:
        if kind is not None and kind not in get_args(Kind):
            raise ValueError(f"unknown kind {kind!r}; known: {', '.join(get_args(Kind))}")
        try:
            from transformers import AutoImageProcessor, AutoModelForDepthEstimation
        except ImportError as error:
            raise ImportError(f"{name} needs transformers; run: {INSTALL}") from error
        model = AutoModelForDepthEstimation.from_pretrained(where, **options).float()
        if model.config.model_type == "depth_pro":
            processor: Any = DepthProProcessor(model.config)
        else:
            processor = AutoImageProcessor.from_pretrained(where, **options)
        if name in PUBLISHED:
            kind = PUBLISHED[name].kind  # type: ignore[assignment]
        return cls(model, processor, name, kind or kind_of(model.config), device)


def kind_of(config: Any) -> Kind:
    """What the numbers of a model of transformers are, by its configuration."""
    metric = getattr(config, "depth_estimation_type", None) == "metric"
    return "metric" if metric or config.model_type in _METRIC_TYPES else "disparity"


def download_published(
    name: str, root: Path, confirm: Callable[[str], bool] | None = None
) -> Path:
    """Fetch one of `PUBLISHED` into `root`/`name`; a finished one is returned without the network.

    Args:
        confirm: shown licence, size and kind, decides whether the download starts. None: they go
            to stderr and the download starts.

    Raises:
        DownloadError: not confirmed, no connection, no room, or the hub has no weights there.
    """
    published, folder = PUBLISHED[name], root / name
    if (folder / CONFIG_FILE).is_file() and (folder / WEIGHTS_FILE).is_file():
        return folder
    cost = (
        f"{published.description}\nLicence: {published.licence}\nKind: {published.kind}\n"
        f"To download: {published.size_mb / 1000:.1f} GB from "
        f"https://huggingface.co/{published.repo_id} into {folder}"
    )
    if confirm is None:
        print(cost, file=sys.stderr)
    elif not confirm(cost):
        raise DownloadError(f"Nothing was downloaded: {name!r} was not confirmed.")
    root.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(root).free / 1e6
    if free < published.size_mb:
        raise DownloadError(
            f"{name} takes {published.size_mb:.0f} MB, {root} has {free:.0f} MB left."
        )
    from huggingface_hub import snapshot_download

    # The weights last: a folder that has them is complete.
    for pattern in ("*.json", WEIGHTS_FILE):
        try:
            snapshot_download(
                published.repo_id,
                revision=published.revision,
                local_dir=folder,
                allow_patterns=[pattern],
            )
        except Exception as error:  # the hub's errors come from several libraries
            raise DownloadError(
                f"cannot fetch {published.repo_id} from the hub: {error}; run the command again"
                " to go on where it stopped"
            ) from error
    if not (folder / WEIGHTS_FILE).is_file():
        raise DownloadError(
            f"the hub has no {WEIGHTS_FILE} for {published.repo_id} at revision"
            f" {published.revision}; open it as hf:{published.repo_id} instead"
        )
    return folder
