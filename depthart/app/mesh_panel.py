"""The textured mesh of the chosen scale in the 3D tab, made when its box is opened."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import gradio as gr

from depthart.app import scene
from depthart.app.components import QUIET
from depthart.app.panels import Panel, refresh
from depthart.app.state import Session


@dataclass
class Viewer:
    """The mesh that a visitor's viewer has been given.

    Told of the same one again while it still loads its own code, gr.Model3D drops it and stays
    blank.
    """

    path: str | None = None


def layout(ui: SimpleNamespace) -> None:
    """Add the box and its viewer to `ui`."""
    ui.mesh_open, ui.mesh_viewer = gr.State(False), gr.State(Viewer())
    with gr.Accordion("Textured mesh (GLB viewer)", open=False, elem_id="mesh") as ui.mesh_box:
        ui.mesh = gr.Model3D(
            label="Mesh",
            show_label=False,
            clear_color=(0.0, 0.0, 0.0, 0.0),
            # Babylon's alpha, beta, radius: from just above the camera that took the photo.
            camera_position=(90, 82, None),
            height="var(--cloud-height)",
            interactive=False,
            elem_id="mesh-view",
        )


def panels(ui: SimpleNamespace) -> list[Panel]:
    """The mesh, drawn if its box is open and its tab in front."""
    inputs = [ui.session, ui.active, ui.mesh_open, ui.mesh_viewer, ui.scale, ui.keep_nearest]
    return [Panel(draw, inputs, [ui.mesh], ui.mesh)]


def draw(
    session: Session | None,
    active: str,
    is_open: bool,
    viewer: Viewer,
    scale: int,
    keep_nearest: float,
) -> list:
    """Path of the mesh, once. scale: counted from 1."""
    if session is None or active != "cloud" or not is_open:
        return [gr.skip()]
    path = scene.mesh(session, int(scale) - 1, keep_nearest / 100)
    if path == viewer.path:
        return [gr.skip()]
    viewer.path = path
    return [path]


def connect(ui: SimpleNamespace) -> None:
    """Connect the box."""
    opened = ui.mesh_box.expand(lambda: True, None, [ui.mesh_open], **QUIET)
    ui.mesh_box.collapse(lambda: False, None, [ui.mesh_open], **QUIET)
    refresh(opened.then, panels(ui))
