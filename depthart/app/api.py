"""Endpoints for programs, `/predict` and `/refine`; the picture is their only required input."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import gradio as gr

from depthart.app import handlers, outputs
from depthart.app.components import photo_input, told
from depthart.app.models import Models
from depthart.app.state import Look, Session, close_session
from depthart.app.stepper import NamedStream


def connect(models: Models, stream: NamedStream) -> None:
    """Add the endpoints to the Blocks being built."""

    def start(image: str | None, model: str, sampler: str, *numbers: Any) -> tuple[Session, Any]:
        session = handlers.new_session(models.get(model), handlers.read_photo(image))
        chosen = handlers.make_sampler(sampler, *numbers)
        return session, handlers.refine(session, functools.partial(stream, model), chosen)

    @told
    def predict(
        image: str,
        model: str,
        sampler: str,
        seed: int,
        temperature: float,
        draws: int,
        fov_deg: float,
        sharpen: bool,
    ) -> tuple[Session, str, str, dict]:
        """Depth of one photo.

        Args:
            image: The photo.
            model: Name of the model.
            sampler: "default", "argmax", "sample" or "expected".
            seed: Of the random draws.
            temperature: Above 1 flattens, below 1 sharpens the distributions.
            draws: Codes drawn per token and averaged, for "sample".
            fov_deg: Horizontal field of view in degrees; 0 takes it from EXIF, else 55.
            sharpen: Let depth follow the photo's edges, which is no part of the model.

        Returns:
            The coloured depth (PNG), the depth as float32 .npy at the photo's size, and what the
            numbers mean.
        """
        session, scales = start(image, model, sampler, seed, temperature, draws)
        for _ in scales:
            pass
        session.fov_deg, session.sharp = float(fov_deg) or None, sharpen
        prediction = session.prediction(session.last, full_size=True)
        color = handlers.depth_picture(session, session.last, Look())
        return (
            session,
            color,
            outputs.save_array(session, prediction),
            outputs.summary(prediction),
        )

    @told
    def refine(
        image: str, model: str, sampler: str, seed: int, temperature: float, draws: int
    ) -> Iterator[tuple[Session, str, dict]]:
        """Depth of one photo, one update per scale, coarse to fine.

        Args:
            image: The photo.
            model: Name of the model.
            sampler: "default", "argmax", "sample" or "expected".
            seed: Of the random draws.
            temperature: Above 1 flattens, below 1 sharpens the distributions.
            draws: Codes drawn per token and averaged, for "sample".

        Returns:
            The coloured depth after each scale (PNG), and the scale's figures.
        """
        session, scales = start(image, model, sampler, seed, temperature, draws)
        for scale in scales:
            color = handlers.depth_picture(session, scale, Look())
            yield session, color, outputs.step_summary(session, scale)

    # Endpoints take their types from components; these are never shown.
    with gr.Row(visible=False):
        image = photo_input(label="image")
        inputs = [
            image,
            gr.Textbox(models.default, label="model"),
            gr.Dropdown(
                ["default", "argmax", "sample", "expected"], value="default", label="sampler"
            ),
            gr.Number(0, label="seed", precision=0),
            gr.Number(1.0, label="temperature"),
            gr.Number(5, label="draws", precision=0),
        ]
        fov = gr.Number(0, label="fov_deg")
        sharp = gr.Checkbox(False, label="sharpen")
        color = gr.Image(label="depth_color", type="filepath", format="png")
        array = gr.File(label="depth_npy")
        facts = gr.JSON(label="info")
        limits: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "model"}
        # Not part of the answers: it keeps the session's files until they have been fetched.
        session = gr.State(None, time_to_live=600, delete_callback=close_session)
        answer = [session, color, array, facts]
        gr.Button().click(predict, [*inputs, fov, sharp], answer, api_name="predict", **limits)
        gr.Button().click(refine, inputs, [session, color, facts], api_name="refine", **limits)
