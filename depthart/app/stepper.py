"""Running the model and stepping through its scales: what all tabs share.

The interface counts scales from 1, the handlers from 0.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import astuple
from types import SimpleNamespace
from typing import Any

import gradio as gr

from depthart.app import handlers, scene, text, truth_panel
from depthart.app.components import QUIET, told, words
from depthart.app.models import Models
from depthart.app.state import Look, Session
from depthart.images import Photo
from depthart.prediction import PredictionStep
from depthart.sampling import Sampler

SCALES = 10
SHOWN = 14  # components that `show` fills
PLAY_SECONDS = 0.45
# On a phone the results lie below the fold.
SCROLL_TO_RESULTS = """(...values) => {
  if (window.innerWidth < 768) {
    document.querySelector('#results')?.scrollIntoView({behavior: 'smooth', block: 'start'});
  }
  return values;
}"""

# Model name, photo and sampler in, steps out.
NamedStream = Callable[[str, Photo, "Sampler | None"], Iterator[PredictionStep]]
# Connects a tab's update to a trigger such as `event.then`.
Refresh = Callable[[Any], None]


def layout(ui: SimpleNamespace) -> None:
    """Add status, previous, scale, next, play and ladder to `ui`."""
    with gr.Column(elem_id="scale-bar"):
        ui.status = words(handlers.progress(None), elem_id="status")
        with gr.Row(equal_height=True, elem_id="stepper"):
            ui.previous = gr.Button("‹", size="sm", min_width=40, scale=0, elem_id="previous")
            ui.scale = gr.Slider(
                1,
                SCALES,
                SCALES,
                step=1,
                label="Scale",
                show_label=False,
                interactive=False,
                buttons=[],
                elem_id="scale",
                min_width=80,
                scale=1,
            )
            ui.next = gr.Button("›", size="sm", min_width=40, scale=0, elem_id="next")
            ui.play = gr.Button("▶ Play", size="sm", min_width=76, scale=0, elem_id="play")
        ui.ladder = words(text.ladder([], 0, SCALES), elem_id="ladder")


def connect(
    ui: SimpleNamespace, models: Models, stream: NamedStream, refreshes: list[Refresh]
) -> None:
    """Connect the buttons; `refreshes` bring the other tabs up to date after each change."""
    look = [ui.cmap, ui.invert]
    view = [
        ui.depth,
        ui.depth_caption,
        ui.difference,
        ui.difference_caption,
        ui.entropy,
        ui.entropy_caption,
        ui.entropy_curve,
        ui.second_curve,
        ui.ladder,
        *ui.truth_outputs,
    ]
    ui.show_inputs = [ui.session, ui.scale, ui.before, *look]
    ui.show_outputs = [ui.before_after, *view]

    def then_refresh(event: Any) -> None:
        for refresh in refreshes:
            refresh(event.then)

    @told
    def run(
        path: str | None,
        truth: str | None,
        unit: str,
        name: str,
        cmap: str,
        invert: bool,
        *sampling: Any,
    ) -> Iterator[list]:
        photo = handlers.read_photo(path)
        session = handlers.new_session(models.get(name), photo)
        truth_panel.try_give(session, truth, unit)
        sampler = handlers.make_sampler(*sampling)
        fov, from_exif = scene.photo_fov(photo)
        yield [
            gr.skip(),
            gr.update(interactive=False),
            handlers.progress(session, working=True),
            gr.update(value=fov, info=text.FOV_EXIF if from_exif else text.FOV_UNKNOWN),
            gr.update(interactive=False),
            gr.update(interactive=True),
            gr.update(visible=False),
            *[gr.skip()] * len(view),
        ]
        for scale in handlers.refine(session, functools.partial(stream, name), sampler):
            yield [
                session,
                gr.update(value=scale + 1, maximum=max(session.total, 2), interactive=False),
                handlers.progress(session, working=True),
                *[gr.skip()] * 4,
                *looked_at(session, scale, Look(cmap, invert)),
            ]

    def settle(session: Session | None, before: int, *colors: Any) -> list:
        """After the last scale, a stop or an error."""
        idle = [gr.update(interactive=True), gr.update(interactive=False)]
        if session is None:
            return [handlers.progress(None), *idle, *[gr.skip()] * (2 + len(ui.show_outputs))]
        slider = gr.update(value=session.last + 1, interactive=session.last > 0)
        choices = text.before_choices(len(session.steps), session.truth is not None)
        before = before if before in dict(choices).values() else 0
        left = gr.update(choices=choices, value=before)
        shown = show(session, session.last + 1, before, *colors)
        return [handlers.progress(session), *idle, slider, left, *shown]

    triggers = [ui.run.click]
    if ui.examples is not None:
        chosen = ui.examples.load_input_event
        triggers.append(chosen.then(truth_panel.example_truth, ui.photo, ui.truth, **QUIET).then)
    started = [
        trigger(
            run,
            [
                *[ui.photo, ui.truth, ui.truth_unit, ui.model, *look],
                *[ui.sampler, ui.seed, ui.temperature, ui.draws, ui.top_k, ui.top_p],
            ],
            [ui.session, ui.scale, ui.status, ui.fov, ui.run, ui.stop, ui.ensemble_row, *view],
            js=SCROLL_TO_RESULTS,
            concurrency_limit=1,
            concurrency_id="model",
            trigger_mode="once",
            **QUIET,
        )
        for trigger in triggers
    ]
    settled = {
        "fn": settle,
        "inputs": [ui.session, ui.before, *look],
        "outputs": [ui.status, ui.run, ui.stop, ui.scale, ui.before, *ui.show_outputs],
        **QUIET,
    }
    for event in started:
        then_refresh(event.then(**settled))
    then_refresh(ui.stop.click(**settled, cancels=started))

    def step(by: int, session: Session | None, scale: int, *rest: Any) -> list:
        if session is None:
            return [gr.skip()] * (1 + len(ui.show_outputs))
        wished = session.clamp(int(scale) - 1 + by) + 1
        return [wished, *show(session, wished, *rest)]

    def play(session: Session | None, scale: int, *rest: Any) -> Iterator[list]:
        """On from the chosen scale, or all over again from the last."""
        if session is None:
            return
        first = 1 if int(scale) > session.last else int(scale) + 1
        for wished in range(first, len(session.steps) + 1):
            yield [wished, *show(session, wished, *rest)]
            time.sleep(PLAY_SECONDS)

    moving = {"inputs": ui.show_inputs, "outputs": [ui.scale, *ui.show_outputs], **QUIET}
    played = ui.play.click(play, trigger_mode="once", **moving)
    then_refresh(played)
    moving |= {"trigger_mode": "always_last", "cancels": [played]}
    for button, by in ((ui.previous, -1), (ui.next, 1)):
        then_refresh(button.click(functools.partial(step, by), **moving))
    then_refresh(ui.scale.input(show, **(moving | {"outputs": ui.show_outputs})))
    showing = {"inputs": ui.show_inputs, "outputs": ui.show_outputs, **QUIET}
    ui.before.change(show, **showing)
    then_refresh(gr.on([ui.cmap.change, ui.invert.change], show, **showing))


def show(session: Session | None, scale: int, before: int, cmap: str, invert: bool) -> list:
    """Values of `ui.show_outputs` for a scale (counted from 1)."""
    if session is None:
        return [gr.skip()] * SHOWN
    look, index = Look(cmap, invert), session.clamp(int(scale) - 1)
    pictures = handlers.before_after(session, index, before, look)
    return [pictures, *looked_at(session, index, look)]


def looked_at(session: Session, scale: int, look: Look) -> list:
    """Values of `ui.show_outputs` but the first. scale: 0-based."""
    return [*astuple(handlers.view(session, scale, look)), *truth_panel.values(session, scale)]
