"""The Downloads tab: every file of `Prediction.save`, made when the tab is opened."""

from __future__ import annotations

from types import SimpleNamespace

import gradio as gr

from depthart.app import outputs, text
from depthart.app.components import words
from depthart.app.panels import Panel, refresh
from depthart.app.state import Look, Session


def layout(ui: SimpleNamespace) -> None:
    """Add the zip, the list of files and their option to `ui`."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=9, min_width=300):
            ui.archive = gr.DownloadButton(
                "Download everything (.zip)", variant="primary", interactive=False, elem_id="zip"
            )
            ui.files = gr.File(
                label="Single files", file_count="multiple", interactive=False, elem_id="files"
            )
        with gr.Column(scale=5, min_width=260):
            ui.files_note = words(text.files_note(None))
            ui.all_scales = gr.Checkbox(False, label="Also one picture per scale")
            words(text.file_list())


def panels(ui: SimpleNamespace) -> list[Panel]:
    """The chosen scale's files, made if this tab is in front."""
    inputs = [ui.session, ui.active, ui.scale, ui.all_scales, ui.cmap, ui.invert]
    return [Panel(export, inputs, [ui.archive, ui.files, ui.files_note], ui.files)]


def export(
    session: Session | None, active: str, scale: int, scales: bool, cmap: str, invert: bool
) -> list:
    """Zip, files and the note beside them. scale: counted from 1."""
    if session is None or active != "downloads":
        return [gr.skip()] * 3
    index = session.clamp(int(scale) - 1)
    archive, files = outputs.export(session, index, scales, Look(cmap, invert))
    note = text.files_note(index, session.photo.width, session.photo.height)
    return [gr.update(value=archive, interactive=True), files, note]


def connect(ui: SimpleNamespace) -> None:
    """Connect the option."""
    refresh(ui.all_scales.change, panels(ui))
