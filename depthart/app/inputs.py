"""The left column: the photo, the buttons, the settings."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import gradio as gr

from depthart.app import text
from depthart.app.components import QUIET, photo_input, told
from depthart.app.handlers import read_photo
from depthart.app.models import Models
from depthart.visualize import COLOR_MAPS

EXAMPLES = Path(__file__).parents[2] / "assets" / "examples"
EXAMPLE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
SAMPLERS = [
    ("Model's own", "default"),
    ("Likeliest token (argmax)", "argmax"),
    ("Random draws, averaged (sample)", "sample"),
    ("Mean over the codebook (expected)", "expected"),
]


def layout(ui: SimpleNamespace, models: Models) -> None:
    """Add photo, run, stop, examples, cmap, invert, model and the sampler's settings to `ui`."""
    ui.photo = photo_input(
        label="Photo",
        show_label=False,
        sources=["upload", "webcam", "clipboard"],
        height="var(--photo-height)",
        elem_id="photo",
        buttons=["fullscreen"],
    )
    with gr.Row():
        ui.run = gr.Button("Estimate depth", variant="primary", scale=3, min_width=140)
        ui.stop = gr.Button("Stop", interactive=False, scale=1, min_width=80)
    ui.sharp = gr.Checkbox(True, label=text.SHARPEN, info=text.SHARPEN_INFO, elem_id="sharp")
    ui.examples = None
    if pictures := example_pictures():
        ui.examples = gr.Examples(
            [[str(path)] for path in pictures],
            inputs=[ui.photo],
            examples_per_page=12,
            label="Examples",
            cache_examples=False,
            api_visibility="private",
        )
    with gr.Accordion("Colours", open=False):
        names = [(name.capitalize(), name) for name in COLOR_MAPS]
        ui.cmap = gr.Dropdown(names, value="spectral", label="Colour map")
        ui.invert = gr.Checkbox(False, label="Swap near and far colours")
    with gr.Accordion("Model and sampling", open=False):
        choices = models.names()
        ui.model = gr.Dropdown(
            choices, value=models.default, label="Model", interactive=len(choices) > 1
        )
        ui.sampler = gr.Dropdown(
            SAMPLERS, value="default", label="Sampler", info="How a prediction becomes a token."
        )
        ui.temperature = gr.Slider(
            0.1, 2, 1, step=0.05, label="Temperature", info="Below 1 is surer.", visible=False
        )
        with gr.Group(visible=False) as ui.sampling:
            ui.seed = gr.Number(0, label="Seed", precision=0, minimum=0)
            ui.draws = gr.Slider(
                1, 20, 5, step=1, label="Draws per token", info="Their vectors are averaged."
            )
            ui.top_k = gr.Slider(1, 4096, 900, step=1, label="Top-k")
            ui.top_p = gr.Slider(0.05, 1, 0.9, step=0.01, label="Top-p")


def connect(ui: SimpleNamespace) -> None:
    """Check a picture as soon as it is there; show only the settings that matter."""

    def check(path: str | None) -> None:
        read_photo(path)

    checked = ui.photo.upload(told(check), [ui.photo], None, **QUIET)
    checked.failure(lambda: None, None, [ui.photo], **QUIET)
    ui.sampler.change(
        lambda mode: [
            gr.update(visible=mode in ("sample", "expected")),
            gr.update(visible=mode == "sample"),
        ],
        [ui.sampler],
        [ui.temperature, ui.sampling],
        **QUIET,
    )


def example_pictures() -> list[Path]:
    """Pictures that come with the repository; none in an installed package."""
    return sorted(p for p in EXAMPLES.glob("*") if p.suffix.lower() in EXAMPLE_SUFFIXES)
