"""Gradio components with our own manners."""

from __future__ import annotations

from typing import Any

import gradio as gr


def photo_input(**options: Any) -> gr.Image:
    """An image input whose value is the path of the uploaded file itself.

    Gradio would decode the file first, drop its EXIF data, and report damage in its own words.
    """
    image = gr.Image(type="filepath", image_mode=None, **options)
    decode = image.preprocess
    image.preprocess = lambda payload: (
        payload.path if payload is not None and payload.path else decode(payload)
    )
    return image


def map_image(label: str, alt: str, height: str) -> gr.Image:
    """A picture for looking at; the height is fixed so that nothing jumps when it changes."""
    return gr.Image(
        label=label,
        alt_text=alt,
        height=height,
        type="filepath",
        format="png",
        interactive=False,
        buttons=["download", "fullscreen"],
        elem_classes="map",
    )
