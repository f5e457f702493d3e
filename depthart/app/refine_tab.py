"""The Refine tab: the maps of the chosen scale."""

from __future__ import annotations

from types import SimpleNamespace

import gradio as gr

from depthart.app import ensemble_panel, text, truth_panel
from depthart.app.components import caption, curve, map_image
from depthart.app.stepper import SCALES


def layout(ui: SimpleNamespace) -> None:
    """Add the maps, their captions, the curves and the before/after slider to `ui`."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=3, min_width=320):
            ui.depth = map_image("Depth", "Depth map after the chosen scale", "var(--main-height)")
            ui.depth_caption = caption()
            with gr.Row(equal_height=False, elem_id="curves"):
                ui.entropy_curve = curve(text.ENTROPY_CURVE, SCALES)
                ui.second_curve = curve(text.CHANGE_CURVE, SCALES)
        with gr.Column(scale=2, min_width=280, elem_id="side"):
            ui.difference = map_image(
                "Added by this scale", "What this scale changed", "var(--side-height)"
            )
            ui.difference_caption = caption()
            ui.entropy = map_image("Entropy", "Where the model hesitated", "var(--side-height)")
            ui.entropy_caption = caption()
    truth_panel.layout(ui)
    with gr.Row(equal_height=False):
        with gr.Column(scale=3, min_width=320):
            ui.before_after = gr.ImageSlider(
                label="Before and after",
                type="filepath",
                format="png",
                interactive=False,
                height="var(--main-height)",
                max_height=2000,
                buttons=["fullscreen"],
                elem_id="before-after",
                elem_classes="pair-view",
            )
        with gr.Column(scale=2, min_width=280):
            ui.before = gr.Dropdown(
                text.before_choices(SCALES, False),
                value=0,
                label="Left side",
                info="The right side is the chosen scale. Drag the handle.",
            )
    ensemble_panel.layout(ui)
