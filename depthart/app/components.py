"""Gradio components and events with our own manners."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import gradio as gr

from depthart.app import plots, text

USER_ERRORS = (ValueError, OSError, ImportError)
# For events that only concern the page: no spinner over the pictures, not part of the API.
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


def told(function: Callable[..., Any]) -> Callable[..., Any]:
    """Show the library's own sentence to the visitor when the input is at fault."""

    def generator(*args: Any, **kwargs: Any) -> Any:
        try:
            yield from function(*args, **kwargs)
        except USER_ERRORS as error:
            raise gr.Error(str(error), print_exception=False) from error

    def plain(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except USER_ERRORS as error:
            raise gr.Error(str(error), print_exception=False) from error

    return functools.wraps(function)(generator if inspect.isgeneratorfunction(function) else plain)


def photo_input(**options: Any) -> gr.Image:
    """An image input whose value is the path of the uploaded file itself.

    Gradio would decode the file first, drop its EXIF data, and report damage in its own words.
    Events must not send it `gr.update`: Gradio would then make a new one without this change.
    """
    image = gr.Image(type="filepath", image_mode=None, **options)
    decode = image.preprocess
    image.preprocess = lambda payload: (
        payload.path if payload is not None and payload.path else decode(payload)
    )
    return image


def map_image(label: str, alt: str, height: str, pointed: bool = False) -> gr.Image:
    """A picture for looking at; the height is fixed so that nothing jumps when it changes.

    Args:
        pointed: One chooses points in it; see `app.keyboard`.
    """
    return gr.Image(
        label=label,
        alt_text=alt,
        height=height,
        type="filepath",
        format="png",
        interactive=False,
        buttons=["download", "fullscreen"],
        elem_classes=["map", "pointed"] if pointed else "map",
    )


def words(html: str = "", **options: Any) -> gr.HTML:
    """HTML without a frame."""
    return gr.HTML(html, elem_classes="plain", **options)


def caption(line: str = "&nbsp;") -> gr.HTML:
    """Room for the legend and the sentence below a map."""
    return words(text.caption("", line))


def curve(title: str, count: int) -> gr.HTML:
    """Room for a chart over `count` scales."""
    return words(plots.curve([None] * count, [""] * count, -1, title, ""), min_width=220)
