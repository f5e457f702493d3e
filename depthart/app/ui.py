"""The app's frame: photo and settings on the left, the scales and their tabs on the right."""

from __future__ import annotations

import functools
import importlib.util
import itertools
from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import gradio as gr

from depthart.app import (
    api,
    cloud_tab,
    compare,
    compare_api,
    compare_tab,
    downloads_tab,
    ensemble_panel,
    handlers,
    inputs,
    keyboard,
    panels,
    planes_tab,
    plot_view,
    pyramid_tab,
    refine_tab,
    stepper,
    style,
    text,
    truth_panel,
)
from depthart.app.components import words
from depthart.app.kept_examples import keep_examples
from depthart.app.models import Models, on_gpu
from depthart.app.state import close_session
from depthart.images import Photo
from depthart.prediction import PredictionStep
from depthart.sampling import Sampler

if TYPE_CHECKING:
    from depthart.predictor import Predictor


def build(model: str = "depthart-small", predictor: Predictor | None = None) -> gr.Blocks:
    """The whole app.

    Args:
        model: Name, folder or hub id of the model chosen at the start. If it cannot be loaded, the
            app starts all the same and says why.
        predictor: Used under that name instead of loading it.
    """
    models = Models(model, {model: predictor} if predictor is not None else None)

    def steps(name: str, photo: Photo, sampler: Sampler | None) -> Iterator[PredictionStep]:
        yield from handlers.predictor_steps(models.get(name), photo, sampler)

    def answers(name: str, photo: Photo) -> Iterator[int | compare.Result]:
        yield from compare.answer(models.get(name), photo)

    # What needs an accelerator. ZeroGPU must be told before a model is loaded.
    stream, answers = on_gpu(steps), on_gpu(answers)
    kept = keep_examples(stream, inputs.example_pictures())
    problem = models.problem()
    with gr.Blocks(
        title="DepthART – depth, scale by scale",
        analytics_enabled=False,
        delete_cache=(3600, 24 * 3600),  # look hourly, delete after a day
    ) as demo:
        ui = SimpleNamespace(models=models, answers=answers)
        ui.session = gr.State(None, delete_callback=close_session)
        ui.active = gr.State("refine")
        words(f"<h1>{text.TITLE}</h1><p>{text.TAGLINE}</p>", elem_id="head")
        if problem:
            words(text.notice(problem))
        tabs = {
            "refine": ("Refine", refine_tab),
            "cloud": ("3D", cloud_tab),
            "compare": ("Compare", compare_tab),
            "planes": ("Planes", planes_tab),
            "pyramid": ("How it works", pyramid_tab),
            "downloads": ("Downloads", downloads_tab),
        }
        opened = {}
        with gr.Row(equal_height=False, elem_id="columns"):
            with gr.Column(scale=3, min_width=300, elem_id="left"):
                inputs.layout(ui, models)
                truth_panel.layout_input(ui)
            with gr.Column(scale=8, min_width=340, elem_id="results"):
                stepper.layout(ui)
                with gr.Tabs(overflow_behavior="wrap"):  # on a phone, too, all are in sight
                    for name, (title, module) in tabs.items():
                        with gr.Tab(title, id=name) as tab:
                            module.layout(ui)
                        opened[name] = tab.select
        inputs.connect(ui)
        drawn = {name: module.panels(ui) for name, (_, module) in tabs.items() if name != "refine"}
        everything = [*ensemble_panel.panels(ui), *itertools.chain(*drawn.values())]
        refresh = functools.partial(panels.refresh, panels=everything)
        stepper.connect(ui, models, kept, refresh)
        truth_panel.connect(ui, stepper.show, refresh)
        ensemble_panel.connect(ui)
        for name, select in opened.items():
            panels.refresh(select, drawn.get(name, []), ui.active, name)
        for name in drawn:
            tabs[name][1].connect(ui)
        api.connect(models, stream)
        compare_api.connect(models, stream, answers)
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
        # The endpoints as tools for agents, with `pip install "gradio[mcp]"`.
        "mcp_server": importlib.util.find_spec("mcp") is not None,
        "head": style.HEAD + stepper.HEAD + keyboard.HEAD + plot_view.head(),
        "allowed_paths": [str(plot_view.plotly_script()), str(inputs.EXAMPLES)],
    }
