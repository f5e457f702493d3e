"""Bringing the tabs up to date, all in one event: each event costs the page time before it paints.

A tab out of sight is not drawn; it is when it is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from depthart.app.components import USER_ERRORS


@dataclass(frozen=True)
class Panel:
    """What is drawn anew when the photo, the scale or the colours change.

    Attributes:
        draw: Values of `inputs` in, those of `outputs` out; `gr.skip()` for what may stay.
        busy: Shows that it is being drawn.
    """

    draw: Callable[..., list]
    inputs: Sequence[Component]
    outputs: Sequence[Component]
    busy: Component | None = None


def refresh(
    trigger: Any, panels: Sequence[Panel], active: gr.State | None = None, tab: str = ""
) -> Any:
    """Draw the panels at an event; returns the event that follows.

    Args:
        trigger: Such as `button.click` or `event.then`.
        active: State with the name of the tab in front, set to `tab`, which has been opened.
    """
    inputs = list(dict.fromkeys(part for panel in panels for part in panel.inputs))
    outputs = list(dict.fromkeys(part for panel in panels for part in panel.outputs))
    busy = [panel.busy for panel in panels if panel.busy is not None]

    def draw(*values: Any) -> dict:
        given = dict(zip(inputs, values, strict=True))
        drawn: dict[Component, Any] = {}
        if active is not None:
            given[active] = drawn[active] = tab
        for panel in panels:
            try:
                shown = panel.draw(*[given[part] for part in panel.inputs])
            except USER_ERRORS as error:
                gr.Warning(str(error))
            else:
                drawn.update(zip(panel.outputs, shown, strict=True))
        return drawn

    return trigger(
        draw,
        inputs,
        outputs if active is None else [*outputs, active],
        trigger_mode="always_last",
        api_visibility="private",
        **({"show_progress_on": busy} if busy else {"show_progress": "hidden"}),
    )
