"""DepthART: depth from one photo by autoregressive refinement (arXiv 2409.15010).

`load("depthart-small").predict("photo.jpg").save("out")` is the whole story; see `README.md`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from depthart.config import DepthARTConfig as DepthARTConfig
    from depthart.model import DepthART as DepthART
    from depthart.prediction import Prediction as Prediction
    from depthart.predictor import Predictor as Predictor
    from depthart.registry import list_models as list_models
    from depthart.registry import load as load
    from depthart.sampling import Sampler as Sampler

__version__ = "0.1.0"

# Imported when first used, so that `python -m depthart --help` does not wait for torch.
_HOMES = {
    "DepthART": "model",
    "DepthARTConfig": "config",
    "Prediction": "prediction",
    "Predictor": "predictor",
    "Sampler": "sampling",
    "list_models": "registry",
    "load": "registry",
}
__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'depthart' has no attribute {name!r}")
    return getattr(import_module(f"depthart.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
