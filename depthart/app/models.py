"""The models the app offers: loaded once, when first needed; a missing one is told, not a crash."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from depthart.predictor import Predictor


KEEP_MB = 2500  # weights on disk; in memory they are up to twice as large


class Models:
    """Predictors by name, loaded when first needed and kept while there is room.

    Args:
        default: Name of the model chosen at the start; always kept.
        loaded: Predictors that are there already, by name; always kept.
    """

    def __init__(self, default: str, loaded: dict[str, Predictor] | None = None) -> None:
        self.default = default
        self._loaded = dict(loaded or {})  # the one used last comes last
        self._kept = {default, *self._loaded}
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
                self._make_room(name)
            self._loaded[name] = self._loaded.pop(name)
            return self._loaded[name]

    def _make_room(self, newest: str) -> None:
        """Forget models that were not used for longest until the others fit into `KEEP_MB`."""
        import depthart

        sizes = {info.name: info.size_mb for info in depthart.list_models()}
        for name in list(self._loaded):
            if sum(sizes.get(other, 0.0) for other in self._loaded) <= KEEP_MB:
                return
            if name not in self._kept and name != newest:
                del self._loaded[name]

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
    # Seconds reserved of a guest's daily two minutes; a call takes one or two.
    return spaces.GPU(duration=15)(function)
