"""Ground truth in the page: its input on the left, the errors of the chosen scale on the right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr

from depthart.app import handlers, text, truth
from depthart.app.components import QUIET, caption, map_image, told, words
from depthart.app.inputs import EXAMPLES
from depthart.app.state import PREVIEW_SIDE, Session, shrink

UNITS = [("As the file says", truth.AUTO), ("metres", "m"), ("millimetres", "mm")]
UNITS += [("centimetres", "cm"), ("1/256 m (KITTI)", "1/256 m"), ("1/5000 m (TUM)", "1/5000 m")]


def layout_input(ui: SimpleNamespace) -> None:
    """Add the file and its unit to `ui`."""
    with gr.Accordion("Ground truth", open=False, elem_id="truth") as ui.truth_input:
        words(f'<p class="hint">{text.TRUTH_HINT}</p>')
        ui.truth = gr.File(
            label="True depth", file_types=list(truth.SUFFIXES), type="filepath", height=150
        )
        ui.truth_unit = gr.Dropdown(UNITS, value=truth.AUTO, label="Unit of its numbers")


def layout(ui: SimpleNamespace) -> None:
    """Add the error map and the table of errors to `ui`; hidden without ground truth."""
    with gr.Row(equal_height=False, visible=False) as ui.truth_row:
        with gr.Column(scale=3, min_width=320):
            ui.error = map_image("Error", "Where the chosen scale errs", "var(--main-height)")
            ui.error_caption = caption()
        with gr.Column(scale=2, min_width=280):
            ui.scores = words()
    ui.truth_outputs = [ui.truth_row, ui.error, ui.error_caption, ui.scores]


def values(session: Session, scale: int) -> list:
    """Values of `ui.truth_outputs`. scale: 0-based."""
    if session.truth is None:
        return [gr.update(visible=False), None, "", ""]
    scale = session.clamp(scale)
    scores = [truth.score(session, k) for k in range(len(session.steps))]
    pairs = [(score.abs_rel, score.delta1) for score in scores if score is not None]
    sides = [step.side for step in session.steps]
    return [
        gr.update(visible=True),
        truth.error_picture(session, scale),
        text.error_caption(*pairs[scale], session.kind),
        text.score_table(pairs, sides, scale, session.truth.name),
    ]


def example_truth(photo: str | None) -> str | None:
    """The true depth that comes with an example picture, if any."""
    path = EXAMPLES / "truth" / f"{Path(photo).stem}_depth.png" if photo else None
    return str(path) if path and path.is_file() else None


def try_give(session: Session, path: str | None, unit: str) -> None:
    """At the start of a run: a file that does not fit is told and left out."""
    if path:
        try:
            truth.give(session, truth.read_truth(path, session.preview, unit))
        except ValueError as error:
            gr.Warning(f"Without ground truth: {error}")


def connect(
    ui: SimpleNamespace, show: Callable[..., list], then_refresh: Callable[[Any], None]
) -> None:
    """A new file or unit is compared with what is on screen; `show` is the stepper's.

    `then_refresh` brings the other tabs up to date after an event.
    """

    @told
    def change(
        session: Session | None, photo: str | None, path: str | None, unit: str, *shown: Any
    ) -> list:
        if session is None:
            if path and photo:  # tell at once what is wrong with the file
                truth.read_truth(path, shrink(handlers.read_photo(photo), PREVIEW_SIDE), unit)
            return [gr.skip()] * len(ui.show_outputs)
        truth.give(session, truth.read_truth(path, session.preview, unit) if path else None)
        return show(session, *shown)

    inputs = [ui.session, ui.photo, ui.truth, ui.truth_unit, *ui.show_inputs[1:]]
    for event in (ui.truth.upload, ui.truth.clear, ui.truth_unit.input):
        changed = event(change, inputs, ui.show_outputs, **QUIET)
        changed.failure(lambda: None, None, [ui.truth], **QUIET)
        then_refresh(changed.success)

    def leave(session: Session | None) -> Any:
        """Another photo has another truth."""
        return None if session is not None and session.truth is not None else gr.skip()

    ui.photo.upload(leave, [ui.session], [ui.truth], **QUIET)
