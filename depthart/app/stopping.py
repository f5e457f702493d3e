"""Stopping what runs for a visitor: a wish that the running job itself looks for.

Gradio's own `cancels` loses a click that follows an update closely, and the job goes on to its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import gradio as gr

from depthart.app.components import QUIET

Item = TypeVar("Item")


class Stop:
    """One visitor's wish that one kind of job should end; kept in a `gr.State` of its own."""

    def __init__(self) -> None:
        self.asked = False

    def heed(self, steps: Iterable[Item]) -> Iterator[Item]:
        """The steps, until the wish is there; the step in the making is still given."""
        for step in steps:
            yield step
            if self.asked:
                return


def stop_state() -> gr.State:
    """A visitor's own `Stop`."""
    return gr.State(Stop())


def connect_stop(triggers: list[Any], stop: gr.State, button: gr.Button | None = None) -> None:
    """Let each of the triggers ask for the end; the button, if any, rests from then on."""

    def ask(wish: Stop) -> Any:
        wish.asked = True
        return gr.update(interactive=False) if button is not None else None

    for trigger in triggers:
        trigger(ask, [stop], [button] if button is not None else None, queue=False, **QUIET)
