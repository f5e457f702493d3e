"""The 3D tab: the chosen scale as a point cloud, and measuring. Nothing here runs the network."""

from __future__ import annotations

from types import SimpleNamespace

import gradio as gr

from depthart.app import mesh_panel, scene, text
from depthart.app.components import QUIET, caption, map_image, told, words
from depthart.app.panels import Panel, refresh
from depthart.app.plot_view import plot_view
from depthart.app.state import Look, Session
from depthart.app.stepper import show


def layout(ui: SimpleNamespace) -> None:
    """Add the plot, its settings and the measuring tools to `ui`."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=9, min_width=300):
            ui.cloud = plot_view("Point cloud of the chosen scale", "cloud")
            ui.cloud_caption = caption(text.CLOUD_EMPTY)
        with gr.Column(scale=5, min_width=260):
            ui.fov = gr.Slider(
                5, 150, 55, step=0.1, label="Field of view, degrees across", info=text.FOV_UNKNOWN
            )
            ui.max_points = gr.Slider(5_000, 100_000, 40_000, step=5_000, label="Points at most")
            ui.keep_nearest = gr.Slider(
                10, 100, 100, step=1, label="Keep the nearest, % (cuts the background)"
            )
            ui.remove_edges = gr.Checkbox(True, label="Remove flying pixels at edges")
            ui.color = gr.Radio(
                [("Photo", "photo"), ("Depth", "depth")], value="photo", label="Colour"
            )
    mesh_panel.layout(ui)
    words("<h3>Measure</h3>")
    with gr.Row(equal_height=False):
        with gr.Column(scale=9, min_width=300):
            ui.marked = map_image(
                "Click two points", "Photo to click on", "var(--main-height)", pointed=True
            )
        with gr.Column(scale=5, min_width=260):
            ui.measured = gr.Markdown(text.MEASURE_EMPTY, elem_id="measured")
            ui.metres = gr.Number(1.0, label="I know this length, metres", elem_id="metres")
            with gr.Row():
                ui.know = gr.Button("Make it metric", size="md", min_width=140)
                ui.forget = gr.Button("Reset", size="md", min_width=80)


def panels(ui: SimpleNamespace) -> list[Panel]:
    """Plot and measured photo, and the mesh, if this tab is in front."""
    inputs = [
        *[ui.session, ui.active, ui.scale],
        *[ui.max_points, ui.remove_edges, ui.keep_nearest, ui.color, ui.cmap, ui.invert],
    ]
    outputs = [ui.cloud, ui.cloud_caption, ui.marked, ui.measured]
    return [Panel(draw, inputs, outputs), *mesh_panel.panels(ui)]


def draw(
    session: Session | None,
    active: str,
    scale: int,
    max_points: int,
    remove_edges: bool,
    keep_nearest: float,
    color: str,
    cmap: str,
    invert: bool,
) -> list:
    """Plot, caption, marked photo and measurement. scale: counted from 1."""
    if session is None or active != "cloud":
        return [gr.skip()] * 4
    index = session.clamp(int(scale) - 1)
    settings = scene.CloudSettings(
        int(max_points),
        remove_edges,
        keep_nearest=keep_nearest / 100,
        color=color,
        look=Look(cmap, invert),
    )
    figure, count = scene.cloud(session, index, settings)
    return [
        figure.to_json(),
        text.cloud_caption(count, index, session.kind, session.known is not None),
        scene.marked_photo(session),
        scene.measured(session, index),
    ]


def connect(ui: SimpleNamespace) -> None:
    """Connect the settings and the clicks."""
    for control in (ui.max_points, ui.keep_nearest):
        refresh(control.release, panels(ui))
    for control in (ui.remove_edges, ui.color):
        refresh(control.change, panels(ui))
    mesh_panel.connect(ui)
    ui.marked.select(click, [ui.session, ui.scale], [ui.marked, ui.measured], **QUIET)
    for changed in (
        ui.fov.release(set_fov, [ui.session, ui.fov], None, **QUIET),
        ui.know.click(know, [ui.session, ui.metres, ui.scale], None, **QUIET),
        ui.forget.click(forget, [ui.session], None, **QUIET),
    ):
        refresh(changed.success, panels(ui))
        # The legends of the Refine tab are in metres now, or no longer.
        changed.success(show, ui.show_inputs, ui.show_outputs, **QUIET)


@told
def click(session: Session | None, scale: int, event: gr.SelectData) -> list:
    """Mark a clicked pixel."""
    if session is None:
        return [gr.skip(), gr.skip()]
    scene.mark(session, tuple(event.index))
    return [scene.marked_photo(session), scene.measured(session, int(scale) - 1)]


@told
def know(session: Session | None, metres: float | None, scale: int) -> None:
    """Turn everything metric."""
    if session is None:
        raise ValueError("Estimate depth first, then click the two ends of a known length.")
    scene.know_length(session, metres, int(scale) - 1)


def forget(session: Session | None) -> None:
    """Back to relative units."""
    if session is not None:
        scene.forget_length(session)


def set_fov(session: Session | None, fov: float) -> None:
    """Look at the scene through another lens."""
    if session is not None:
        session.fov_deg = float(fov)
