"""The Planes tab: a rectangle over a wall or floor, and how flat and how turned each map has it."""

from __future__ import annotations

import base64
import json
import math
from html import escape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr

from depthart.app import planes, plots, text
from depthart.app.box_view import box_view
from depthart.app.compare import TRUTH
from depthart.app.components import QUIET, curve, told, words
from depthart.app.handlers import photo_picture
from depthart.app.panels import Panel
from depthart.app.planes import Fit, Probe
from depthart.app.state import Session
from depthart.app.stepper import SCALES

HOW = (
    "Drag a rectangle over something flat, a wall, a floor or a table top (or click two opposite"
    " corners). A plane is fitted to the points inside: <b>uneven</b> is how far they stray from"
    " it, as a share of their distance; <b>turned</b> is the angle between its normal and that of"
    " REFERENCE (its ring is white, that of the chosen scale red). The paper calls them pe-fla and"
    " pe-ori."
)
UNEVENNESS = "Unevenness by grid side, %"
TURNED = "Turned by grid side, degrees"


def layout(ui: SimpleNamespace) -> None:
    """Add the photo with its rectangle, the curves and the table to `ui`."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=3, min_width=300):
            ui.probe = box_view(
                "Photo. Drag a rectangle over something flat; arrow keys move it, with shift they"
                " change its size.",
                "The photo, with the fitted planes drawn as rings",
                "probe",
            )
            ui.probe_how = words(_how("the finest scale"))
        with gr.Column(scale=2, min_width=280):
            ui.verdict = words(verdict(None, 0), elem_id="verdict")
            ui.unevenness_curve = curve(UNEVENNESS, SCALES)
            ui.turned_curve = curve(TURNED, SCALES)
    ui.probe_table = words(elem_id="probe-table")


def connect(ui: SimpleNamespace) -> None:
    """Connect the rectangle."""
    ui.probe.select(told(choose), _inputs(ui), _outputs(ui), trigger_mode="always_last", **QUIET)


def panels(ui: SimpleNamespace) -> list[Panel]:
    """The chosen scale's plane, if this tab is in front."""
    return [Panel(draw, _inputs(ui), _outputs(ui))]


def draw(
    session: Session | None, active: str, scale: int, chosen: list[str], photo: bool = True
) -> list:
    """Rectangle and rings, explanation, verdict, both curves and the table.

    Args:
        scale: Counted from 1.
        photo: Send the picture too; it is large and rarely changes.
    """
    if session is None or active != "planes":
        return [gr.skip()] * 6
    index = session.clamp(int(scale) - 1)
    found = planes.probe(session, chosen)
    sides = [str(step.side or k + 1) for k, step in enumerate(session.steps)]
    uneven = [None if fit is None else 100 * fit.unevenness for fit in found.scales]
    turned = [None if fit is None else fit.turned_deg for fit in found.scales]
    against = "the ground truth" if found.against == TRUTH else "the finest scale"
    return [
        _view(session, found, index, photo),
        _how(against),
        verdict(found, index),
        plots.curve(uneven, sides, index, UNEVENNESS, "%"),
        plots.curve(turned, sides, index, TURNED, "°"),
        table(found, session.model),
    ]


def choose(
    session: Session | None, active: str, scale: int, chosen: list[str], event: gr.EventData
) -> list:
    """Another rectangle."""
    if session is not None:
        session.box = planes.tidy(event.box)
    return draw(session, active, scale, chosen, photo=False)


def verdict(found: Probe | None, scale: int) -> str:
    """The chosen scale's figures in words. scale: 0-based."""
    if found is None:
        return '<p class="compare-empty">Estimate depth, then drag a rectangle.</p>'
    fit = found.scales[scale]
    if fit is None:
        return '<p class="verdict">There is no plane in this rectangle at this scale.</p>'
    return (
        f'<p class="verdict">At scale {scale + 1} it is <b>{uneven_words(fit, found)}</b> uneven'
        f" and {faces(fit)}.</p>"
    )


def table(found: Probe, model: str) -> str:
    """The compared models' figures, the chosen model's first."""
    rows = "".join(_row(name, fit, found) for name, fit in found.models.items())
    if found.against == TRUTH:
        rows = _row(TRUTH, found.reference, found) + rows
    note = "" if len(found.models) > 1 else " Models that you run in the Compare tab appear here."
    return (
        '<div class="numbers"><table><thead><tr><th scope="col">Model</th>'
        '<th scope="col">Uneven</th><th scope="col">Turned</th>'
        '<th scope="col" class="words">Normal, seen from the camera</th></tr></thead>'
        f"<tbody>{rows}</tbody></table><p>{escape(model)} with its finest scale.{note}</p></div>"
    )


def uneven_words(fit: Fit, found: Probe) -> str:
    """Unevenness as a share of the distance, and in length where it is known."""
    share = f"{100 * fit.unevenness:.2f} %"
    if found.median_m is None:
        return share
    return f"{share} ({text.number(100 * fit.unevenness * found.median_m)} cm)"


def faces(fit: Fit) -> str:
    """Where the plane's front looks, in words a visitor can check against the photo."""
    x, y, _ = fit.plane.normal
    parts = []
    for value, below, above in ((y, "up", "down"), (x, "left", "right")):
        degrees = math.degrees(math.asin(min(1.0, abs(float(value)))))
        if degrees >= 1:
            parts.append(f"{degrees:.0f}° {below if value < 0 else above}")
    return "faces " + (" and ".join(parts) if parts else "straight to the camera")


def _row(name: str, fit: Fit | None, found: Probe) -> str:
    if fit is None:
        cells = '<td class="words" colspan="3">There is no plane here.</td>'
    else:
        cells = (
            f'<td data-head="Uneven">{uneven_words(fit, found)}</td>'
            f'<td data-head="Turned">{fit.turned_deg:.1f}°</td>'
            f'<td class="words">{faces(fit)}</td>'
        )
    return f'<tr><th scope="row"><b>{escape(name)}</b></th>{cells}</tr>'


def _view(session: Session, found: Probe, scale: int, photo: bool) -> str:
    """The value of `box_view`: the chosen scale's ring over that of the reference."""
    marks = []
    for name, fit in (("reference", found.reference), ("chosen", found.scales[scale])):
        if fit is not None and not (name == "reference" and fit is found.scales[scale]):
            marks.append({"name": name, **planes.ring(session, found.box, fit)})
    value: dict[str, Any] = {"box": found.box, "marks": marks}
    if photo:
        packed = base64.b64encode(Path(photo_picture(session)).read_bytes()).decode()
        value["photo"] = f"data:image/jpeg;base64,{packed}"
    return json.dumps(value)


def _how(reference: str) -> str:
    return f'<p class="hint">{HOW.replace("REFERENCE", reference)}</p>'


def _inputs(ui: SimpleNamespace) -> list:
    return [ui.session, ui.active, ui.scale, ui.chosen]


def _outputs(ui: SimpleNamespace) -> list:
    return [
        *[ui.probe, ui.probe_how, ui.verdict],
        *[ui.unevenness_curve, ui.turned_curve, ui.probe_table],
    ]
