"""Many draws in the Refine tab: mean and uncertainty, updated after every roll-out."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np

from depthart.app import ensemble, handlers, text
from depthart.app.components import QUIET, caption, map_image, told, words
from depthart.app.models import on_gpu
from depthart.app.panels import Panel
from depthart.app.state import Look, Session
from depthart.app.stopping import Stop, connect_stop, stop_state
from depthart.images import Photo
from depthart.sampling import Sampler


def layout(ui: SimpleNamespace) -> None:
    """Add the number of draws, the button and the two maps to `ui`."""
    ui.drawing = stop_state()
    words("<h3>Ask again: mean and uncertainty</h3>")
    words(f'<p class="hint">{text.ENSEMBLE_HINT}</p>')
    with gr.Row(equal_height=False, elem_id="ensemble-bar"):
        ui.ensemble_size = gr.Slider(
            2, ensemble.MOST, 8, step=1, label="Draws", scale=3, min_width=280, buttons=[]
        )
        ui.ensemble_run = gr.Button("Draw", scale=1, min_width=90, elem_id="draw")
        ui.ensemble_stop = gr.Button("Stop drawing", scale=1, min_width=120, interactive=False)
    ui.ensemble_status = words("", elem_id="ensemble-status")
    with gr.Row(equal_height=False, visible=False) as ui.ensemble_row:
        with gr.Column(min_width=300):
            ui.mean = map_image("Mean", "Mean depth of all draws", "var(--pair-height)")
            ui.mean_caption = caption()
        with gr.Column(min_width=300):
            ui.spread = map_image("Uncertainty", "Where draws disagree", "var(--pair-height)")
            ui.spread_caption = caption()
    ui.ensemble_outputs = [
        *[ui.ensemble_status, ui.ensemble_row, ui.mean, ui.mean_caption],
        *[ui.spread, ui.spread_caption],
    ]


def connect(ui: SimpleNamespace) -> None:
    """Connect the buttons; a new photo clears the maps."""

    def roll_outs(name: str, photo: Photo, chosen: list[Sampler]) -> Iterator[np.ndarray]:
        predictor = ui.models.get(name)
        for sampler in chosen:
            for step in predictor.refine(photo, sampler):
                last = step
            yield last.model_depth

    borrowed = on_gpu(roll_outs)

    @told
    def draw(
        stop: Stop, session: Session | None, count: int, cmap: str, invert: bool, *sampling: Any
    ) -> Iterator[list]:
        if session is None:
            raise ValueError("Estimate depth first, then ask for more draws.")
        chosen = ensemble.samplers(handlers.make_sampler(*sampling), int(count))
        for so_far in stop.heed(ensemble.gather(session, borrowed, chosen)):
            yield values(session, so_far, Look(cmap, invert), int(count))

    buttons = [ui.ensemble_run, ui.ensemble_stop]

    def begin(stop: Stop) -> list:
        stop.asked = False  # from here on a click counts, while waiting for the model as well
        return [gr.update(interactive=False), gr.update(interactive=True)]

    started = ui.ensemble_run.click(begin, [ui.drawing], buttons, **QUIET)
    sampling = [ui.sampler, ui.seed, ui.temperature, ui.draws, ui.top_k, ui.top_p]
    drawn = started.then(
        draw,
        [ui.drawing, ui.session, ui.ensemble_size, ui.cmap, ui.invert, *sampling],
        ui.ensemble_outputs,
        concurrency_limit=1,
        concurrency_id="model",
        **QUIET,
    )
    for ended in (drawn.then, drawn.failure):
        ended(
            lambda: [gr.update(interactive=True), gr.update(interactive=False)],
            None,
            buttons,
            **QUIET,
        )
    # Another photo need not wait for the draws of this one.
    triggers = [ui.ensemble_stop.click, ui.run.click]
    if ui.examples is not None:
        triggers.append(ui.examples.load_input_event.then)
    connect_stop(triggers, ui.drawing, ui.ensemble_stop)


def panels(ui: SimpleNamespace) -> list[Panel]:
    """What the session has, in the chosen colours."""
    return [Panel(shown, [ui.session, ui.cmap, ui.invert], ui.ensemble_outputs)]


def shown(session: Session | None, cmap: str, invert: bool) -> list:
    """Values of `ui.ensemble_outputs` for what the session has."""
    if session is None or session.ensemble is None:
        return ["", gr.update(visible=False), None, "", None, ""]
    return values(session, session.ensemble, Look(cmap, invert), session.ensemble.count)


def values(session: Session, so_far: ensemble.Ensemble, look: Look, wished: int) -> list:
    """Values of `ui.ensemble_outputs`."""
    unit = handlers.length_factor(session, session.last)
    limits = handlers.limits_of(session)
    known = session.known is not None
    return [
        text.ensemble_status(so_far.count, wished, float(so_far.spread.max()) == 0),
        gr.update(visible=True),
        ensemble.mean_picture(session, so_far, look),
        text.depth_caption(
            session.kind, (limits[0] * unit, limits[1] * unit), look.cmap, look.invert, known
        ),
        ensemble.spread_picture(session, so_far),
        text.spread_caption(
            ensemble.spread_limit(so_far) * unit,
            float(so_far.spread.mean()) * unit,
            " m" if known or session.kind == "metric" else "",
        ),
    ]
