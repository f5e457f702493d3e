"""The app's layout: photo and settings on the left, the scales and their tabs on the right."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import gradio as gr

from depthart.app import api, events, plots, style, text
from depthart.app.components import map_image, photo_input
from depthart.app.models import Models
from depthart.app.state import close_session
from depthart.visualize import COLOR_MAPS

if TYPE_CHECKING:
    from depthart.predictor import Predictor

EXAMPLES = Path(__file__).parents[2] / "assets" / "examples"
EXAMPLE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
SCALES = 10
SAMPLERS = [
    ("Model's own", "default"),
    ("Likeliest token (argmax)", "argmax"),
    ("Random draws, averaged (sample)", "sample"),
    ("Mean over the codebook (expected)", "expected"),
]
COLOR_NAMES = [(name.capitalize(), name) for name in COLOR_MAPS]


def build(model: str = "depthart-small", predictor: Predictor | None = None) -> gr.Blocks:
    """The whole app.

    Args:
        model: Name, folder or hub id of the model chosen at the start. If it cannot be loaded, the
            app starts all the same and says why.
        predictor: Used under that name instead of loading it.
    """
    models = Models(model, {model: predictor} if predictor is not None else None)
    problem = models.problem()
    with gr.Blocks(
        title="DepthART – depth, scale by scale",
        analytics_enabled=False,
        delete_cache=(3600, 24 * 3600),  # look hourly, delete after a day
    ) as demo:
        ui = SimpleNamespace(session=gr.State(None, delete_callback=close_session))
        ui.active = gr.State("refine")
        gr.HTML(f"<h1>{text.TITLE}</h1><p>{text.TAGLINE}</p>", elem_id="head")
        if problem:
            gr.HTML(text.notice(problem), elem_classes="plain")
        with gr.Row(equal_height=False, elem_id="columns"):
            with gr.Column(scale=3, min_width=300, elem_id="left"):
                _input_column(ui, models)
            with gr.Column(scale=8, min_width=340, elem_id="results"):
                _scale_bar(ui)
                with gr.Tabs():
                    with gr.Tab("Refine", id="refine") as ui.refine_tab:
                        _refine_tab(ui)
                    with gr.Tab("3D", id="cloud") as ui.cloud_tab:
                        _cloud_tab(ui)
                    with gr.Tab("Downloads", id="downloads") as ui.downloads_tab:
                        _downloads_tab(ui)
        stream = events.connect(ui, models)
        api.connect(models, stream)
    demo.queue(max_size=64, default_concurrency_limit=8)
    return demo


def launch_options() -> dict[str, Any]:
    """What `launch` needs for the app to look and behave as meant."""
    return {
        "theme": style.theme(),
        "css": style.CSS,
        "max_file_size": "50mb",
        "show_error": True,
        "footer_links": ["api", "settings"],
        "allowed_paths": [str(EXAMPLES)] if EXAMPLES.is_dir() else None,
    }


def _input_column(ui: SimpleNamespace, models: Models) -> None:
    ui.photo = photo_input(
        label="Photo",
        sources=["upload", "webcam", "clipboard"],
        height="var(--photo-height)",
        elem_id="photo",
        buttons=["fullscreen"],
    )
    with gr.Row():
        ui.run = gr.Button("Estimate depth", variant="primary", scale=3, min_width=140)
        ui.stop = gr.Button("Stop", interactive=False, scale=1, min_width=80)
    ui.examples = None
    pictures = sorted(p for p in EXAMPLES.glob("*") if p.suffix.lower() in EXAMPLE_SUFFIXES)
    if pictures:
        ui.examples = gr.Examples(
            [[str(path)] for path in pictures],
            inputs=[ui.photo],
            examples_per_page=12,
            label="Examples",
            cache_examples=False,
            api_visibility="private",
        )
    with gr.Accordion("Colours", open=False):
        ui.cmap = gr.Dropdown(COLOR_NAMES, value="spectral", label="Colour map")
        ui.invert = gr.Checkbox(False, label="Swap near and far colours")
    with gr.Accordion("Model and sampling", open=False):
        names = models.names()
        ui.model = gr.Dropdown(
            names, value=models.default, label="Model", interactive=len(names) > 1
        )
        ui.sampler = gr.Dropdown(
            SAMPLERS, value="default", label="Sampler", info="How a prediction becomes a token."
        )
        with gr.Group(visible=False) as ui.sampling:
            ui.seed = gr.Number(0, label="Seed", precision=0, minimum=0)
            ui.temperature = gr.Slider(0.1, 2, 1, step=0.05, label="Temperature")
            ui.draws = gr.Slider(
                1, 20, 5, step=1, label="Draws per token", info="Their vectors are averaged."
            )
            ui.top_k = gr.Slider(1, 4096, 900, step=1, label="Top-k")
            ui.top_p = gr.Slider(0.05, 1, 0.9, step=0.01, label="Top-p")


def _scale_bar(ui: SimpleNamespace) -> None:
    """Which scale all tabs show."""
    with gr.Column(elem_id="scale-bar"):
        ui.status = gr.HTML(text.status(0, 1, 0, "empty"), elem_id="status", elem_classes="plain")
        with gr.Row(equal_height=True, elem_id="stepper"):
            ui.previous = gr.Button("‹", size="sm", min_width=44, scale=0, elem_id="previous")
            ui.scale = gr.Slider(
                1,
                SCALES,
                SCALES,
                step=1,
                label="Scale",
                interactive=False,
                show_label=False,
                buttons=[],
                elem_id="scale",
                min_width=120,
                scale=1,
            )
            ui.next = gr.Button("›", size="sm", min_width=44, scale=0, elem_id="next")
            ui.play = gr.Button("▶ Play", size="sm", min_width=84, scale=0, elem_id="play")
        ui.ladder = gr.HTML(text.ladder([], 0, SCALES), elem_id="ladder", elem_classes="plain")


def _refine_tab(ui: SimpleNamespace) -> None:
    with gr.Row(equal_height=False):
        with gr.Column(scale=3, min_width=320):
            ui.depth = map_image("Depth", "Depth map after the chosen scale", "var(--main-height)")
            ui.depth_caption = _caption()
        with gr.Column(scale=2, min_width=280):
            ui.difference = map_image(
                "Added by this scale", "What this scale changed", "var(--side-height)"
            )
            ui.difference_caption = _caption()
            ui.entropy = map_image("Entropy", "Where the model hesitated", "var(--side-height)")
            ui.entropy_caption = _caption()
    with gr.Row(equal_height=False):
        for name, title in (("entropy_curve", text.ENTROPY_CURVE), ("change_curve", text.CHANGE_CURVE)):
            empty = plots.curve([None] * SCALES, [""] * SCALES, -1, title, "")
            setattr(ui, name, gr.HTML(empty, elem_classes="plain", min_width=300))
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
            )
        with gr.Column(scale=2, min_width=280):
            ui.before = gr.Dropdown(
                [("Photo", 0)] + [(f"Scale {k}", k) for k in range(1, SCALES + 1)],
                value=0,
                label="Left side",
                info="The right side is the chosen scale. Drag the handle.",
            )


def _cloud_tab(ui: SimpleNamespace) -> None:
    with gr.Row(equal_height=False):
        with gr.Column(scale=9, min_width=300):
            ui.cloud = gr.Plot(label="Point cloud of the chosen scale", elem_id="cloud")
            ui.cloud_caption = _caption(text.CLOUD_EMPTY)
        with gr.Column(scale=5, min_width=260):
            ui.fov = gr.Slider(
                20, 120, 55, step=0.5, label="Horizontal field of view, degrees", info=text.FOV_UNKNOWN
            )
            ui.max_points = gr.Slider(5_000, 100_000, 40_000, step=5_000, label="Points at most")
            ui.keep_nearest = gr.Slider(
                10, 100, 100, step=1, label="Keep nearest, % of the depth range"
            )
            ui.remove_edges = gr.Checkbox(True, label="Remove flying pixels at edges")
            ui.color = gr.Radio(
                [("Photo", "photo"), ("Depth", "depth")], value="photo", label="Colour"
            )
    gr.HTML("<h3>Measure</h3>", elem_classes="plain")
    with gr.Row(equal_height=False):
        with gr.Column(scale=9, min_width=300):
            ui.marked = map_image("Click two points", "Photo to click on", "var(--main-height)")
        with gr.Column(scale=5, min_width=260):
            ui.measured = gr.Markdown(text.MEASURE_EMPTY, elem_id="measured")
            ui.metres = gr.Number(
                None, label="I know this length, metres", placeholder="for example 2.05"
            )
            with gr.Row():
                ui.know = gr.Button("Make it metric", size="md", min_width=140)
                ui.forget = gr.Button("Reset", size="md", min_width=80)


def _downloads_tab(ui: SimpleNamespace) -> None:
    with gr.Row(equal_height=False):
        with gr.Column(scale=9, min_width=300):
            ui.archive = gr.DownloadButton(
                "Download everything (.zip)", variant="primary", interactive=False, elem_id="zip"
            )
            ui.files = gr.File(
                label="Single files", file_count="multiple", interactive=False, elem_id="files"
            )
        with gr.Column(scale=5, min_width=260):
            ui.files_note = gr.HTML(text.files_note(None), elem_classes="plain")
            ui.all_scales = gr.Checkbox(False, label="Also one picture per scale")
            gr.HTML(text.file_list(), elem_classes="plain")


def _caption(line: str = "&nbsp;") -> gr.HTML:
    return gr.HTML(text.caption("", line), elem_classes="plain")
