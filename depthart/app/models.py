"""The models the app offers: loaded once, when first needed; a missing one is told, not a crash."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from depthart.predictor import Predictor


class Models:
    """Predictors by name, loaded at most once each.

    Args:
        default: Name of the model chosen at the start.
        loaded: Predictors that are there already, by name.
    """

    def __init__(self, default: str, loaded: dict[str, Predictor] | None = None) -> None:
        self.default = default
        self._loaded = dict(loaded or {})
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """Names that can be chosen: the default first, then all that are available here."""
        import depthart

        available = [info.name for info in depthart.list_models() if info.available]
        return list(dict.fromkeys([self.default, *self._loaded, *available]))

    def get(self, name: str) -> Predictor:
        """The predictor of that name.

        Raises:
            ValueError, OSError, ImportError: It cannot be loaded; the message says what to do.
        """
        with self._lock:
            if name not in self._loaded:
                import depthart

                self._loaded[name] = depthart.load(name)
            return self._loaded[name]

    def problem(self) -> str:
        """Why the default model cannot be used, or nothing."""
        try:
            self.get(self.default)
        except (OSError, ValueError, ImportError) as error:
            return str(error)
        return ""


def on_gpu(function: Callable[..., Any]) -> Callable[..., Any]:
    """Borrow a GPU for each call on a ZeroGPU Space; nothing where `spaces` is not installed."""
    try:
        import spaces
    except ImportError:
        return function
    return spaces.GPU(duration=30)(function)
