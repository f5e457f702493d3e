"""Running the model and stepping through its scales: what all tabs share.

The interface counts scales from 1, the handlers from 0.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import astuple
from types import SimpleNamespace
from typing import Any

import gradio as gr

from depthart.app import handlers, scene, text, truth_panel
from depthart.app.components import QUIET, told, words
from depthart.app.kept_examples import NamedStream
from depthart.app.models import Models
from depthart.app.state import Look, Session
from depthart.app.stopping import Stop, connect_stop, stop_state

SCALES = 10
SHOWN = 14  # components that `show` fills
# What the page does at a click, before the server answers; on a phone the results lie below the
# fold.
AT_A_CLICK = """(...values) => {
  const words = document.querySelector('#status .status span');
  if (words) words.textContent = 'Waiting for the model …';
  if (window.innerWidth < 768) {
    document.querySelector('#results')?.scrollIntoView({behavior: 'smooth', block: 'start'});
  }
  return values;
}"""
# The buttons move the slider, whose event does the rest. Playing waits for what is late, and ends
# where the visitor takes over.
HEAD = """<script>
window.depthartScale = {
  timer: null,
  slider: () => document.querySelector('#scale input[type=range]'),
  to(scale) {
    const slider = this.slider();
    const wished = Math.min(Math.max(scale, Number(slider.min)), Number(slider.max));
    if (slider.disabled || wished === Number(slider.value)) return false;
    slider.value = wished;
    return slider.dispatchEvent(new Event('input', {bubbles: true}));
  },
  step(by) {
    this.pause();
    this.to(Number(this.slider().value) + by);
  },
  play() {
    if (this.timer) return this.pause();
    const {value, max} = this.slider();
    if (!this.to(value === max ? 1 : Number(value) + 1)) return;
    document.querySelector('#play').setAttribute('data-playing', '');
    this.timer = setInterval(() => {
      const {value} = this.slider();
      const late = document.querySelector('#ladder [data-scale]')?.dataset.scale !== value;
      if (!late && !this.to(Number(value) + 1)) this.pause();
    }, 450);
  },
  pause() {
    clearInterval(this.timer);
    this.timer = null;
    document.querySelector('#play')?.removeAttribute('data-playing');
  },
};
document.addEventListener('input', (event) => {
  if (event.isTrusted && event.target.closest('#scale')) depthartScale.pause();
}, true);
</script>"""

# Connects the tabs' update to a trigger such as `event.then`.
Refresh = Callable[[Any], None]


def layout(ui: SimpleNamespace) -> None:
    """Add status, previous, scale, next, play and ladder to `ui`."""
    ui.stopping = stop_state()
    with gr.Column(elem_id="scale-bar"):
        ui.status = words(handlers.progress(None), elem_id="status")
        with gr.Row(equal_height=True, elem_id="stepper"):
            small: dict[str, Any] = {"size": "sm", "scale": 0, "interactive": False}
            ui.previous = gr.Button("‹", min_width=40, elem_id="previous", **small)
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
            ui.next = gr.Button("›", min_width=40, elem_id="next", **small)
            ui.play = gr.Button("▶ Play", min_width=76, elem_id="play", **small)
        ui.ladder = words(text.ladder([], 0, SCALES), elem_id="ladder")


def connect(ui: SimpleNamespace, models: Models, stream: NamedStream, refresh: Refresh) -> None:
    """Connect the buttons; `refresh` brings the other tabs up to date after each change."""
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
    steppers = [ui.previous, ui.scale, ui.next, ui.play]

    @told
    def run(
        stop: Stop,
        path: str | None,
        truth: str | None,
        unit: str,
        name: str,
        cmap: str,
        invert: bool,
        sharp: bool,
        *sampling: Any,
    ) -> Iterator[dict]:
        stop.asked = False
        resting = dict.fromkeys([ui.run, *steppers], gr.update(interactive=False))
        yield resting | {
            ui.status: text.status(0, SCALES, 0, "working"),
            ui.stop: gr.update(interactive=True),
        }
        photo = handlers.read_photo(path)
        session = handlers.new_session(models.get(name), photo)
        session.sharp = sharp
        truth_panel.try_give(session, truth, unit)
        sampler = handlers.make_sampler(*sampling)
        fov, from_exif = scene.photo_fov(photo)
        yield {
            ui.fov: gr.update(value=fov, info=text.FOV_EXIF if from_exif else text.FOV_UNKNOWN),
            ui.ensemble_row: gr.update(visible=False),
        }
        scales = handlers.refine(session, functools.partial(stream, name), sampler)
        for scale in stop.heed(scales):
            shown = zip(view, looked_at(session, scale, Look(cmap, invert)), strict=True)
            yield dict(shown) | {
                ui.session: session,
                ui.scale: gr.update(value=scale + 1, maximum=max(session.total, 2)),
                ui.status: handlers.progress(session, working=True),
            }

    def settle(session: Session | None, before: int, *colors: Any) -> dict:
        """After the last scale, a stop or an error."""
        idle = {
            ui.status: handlers.progress(session),
            ui.run: gr.update(interactive=True),
            ui.stop: gr.update(interactive=False),
        }
        if session is None:
            return idle
        several = session.last > 0
        scale = gr.update(
            value=session.last + 1, maximum=max(session.last + 1, 2), interactive=several
        )
        choices = text.before_choices(len(session.steps), session.truth is not None)
        before = before if before in dict(choices).values() else 0
        shown = show(session, session.last + 1, before, *colors)
        return (
            idle
            | dict.fromkeys(steppers, gr.update(interactive=several))
            | {ui.scale: scale, ui.before: gr.update(choices=choices, value=before)}
            | dict(zip(ui.show_outputs, shown, strict=True))
        )

    triggers = [ui.run.click]
    if ui.examples is not None:
        chosen = ui.examples.load_input_event
        triggers.append(chosen.then(truth_panel.example_truth, ui.photo, ui.truth, **QUIET).then)
    for trigger in triggers:
        event = trigger(
            run,
            [
                *[ui.stopping, ui.photo, ui.truth, ui.truth_unit, ui.model, *look],
                ui.sharp,
                *[ui.sampler, ui.seed, ui.temperature, ui.draws, ui.top_k, ui.top_p],
            ],
            [
                *[ui.session, ui.status, ui.fov, ui.run, ui.stop, ui.ensemble_row],
                *[*steppers, *view],
            ],
            js=AT_A_CLICK,
            concurrency_limit=1,
            concurrency_id="model",
            trigger_mode="once",
            **QUIET,
        )
        settled = {
            "fn": settle,
            "inputs": [ui.session, ui.before, *look],
            "outputs": [ui.status, ui.run, ui.stop, *steppers, ui.before, *ui.show_outputs],
            **QUIET,
        }
        refresh(event.then(**settled).then)
        event.failure(**settled)  # Gradio 6.31 leaves `then` out after an error
    connect_stop([ui.stop.click], ui.stopping, ui.stop)
    for button, what in ((ui.previous, "step(-1)"), (ui.next, "step(1)"), (ui.play, "play()")):
        button.click(None, js=f"() => {{ depthartScale.{what}; }}", **QUIET)
    showing = {"inputs": ui.show_inputs, "outputs": ui.show_outputs, **QUIET}
    refresh(ui.scale.input(show, trigger_mode="always_last", **showing).then)
    ui.before.input(show, **showing)
    refresh(gr.on([ui.cmap.change, ui.invert.change], show, **showing).then)
    sharpened = ui.sharp.change(set_sharp, [ui.session, ui.sharp], None, **QUIET)
    refresh(sharpened.then(show, **showing).then)


def set_sharp(session: Session | None, sharp: bool) -> None:
    """Depth with the photo's edges from now on, or as the model gives it."""
    if session is not None:
        session.sharp = sharp


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
