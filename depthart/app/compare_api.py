"""The endpoint `/compare` for programs; the picture is its only required input."""

from __future__ import annotations

import functools
from typing import Any

import gradio as gr
import numpy as np

from depthart.app import compare, compare_pictures, compare_view, handlers, text
from depthart.app.compare import Answers, Failure
from depthart.app.components import photo_input, told
from depthart.app.models import Models
from depthart.app.state import Session, close_session
from depthart.app.stepper import NamedStream
from depthart.visualize import colorize, strip


def connect(models: Models, stream: NamedStream, answers: Answers) -> None:
    """Add the endpoint to the Blocks being built."""

    @told
    def compare_models(image: str, model_names: list[str]) -> tuple[Session, str, str, dict]:
        """Depth of one photo by several models, brought to one reference.

        Args:
            image: The photo.
            model_names: Names of models, the reference first; none: the app's model and the
                bundled ones that are there.

        Returns:
            The depth maps side by side in one range of colours (PNG), the maps as float32 .npz by
            model, at most 768 pixels on the longer side and in the unit of the reference, and each
            model's kind, alignment, difference to the reference and seconds. Models that gave no
            answer are listed with the reason.
        """
        from depthart import list_models

        photo = handlers.read_photo(image)
        names = model_names or compare.preselected(models.default, list_models())
        session = handlers.new_session(models.get(names[0]), photo)
        for _ in handlers.refine(session, functools.partial(stream, names[0]), None):
            pass
        for _ in compare.run(session, names, models, answers):
            pass
        reference, shown = compare.compared(session, names)
        limits = compare_pictures.limits_of(reference)
        maps = {name: row.depth for name, row in shown.items()}
        row = strip(
            [colorize(depth, limits=limits) for depth in maps.values()], list(maps), height=320
        )
        arrays = session.folder() / "depths.npz"
        np.savez_compressed(arrays, **maps)
        failed = [got for got in session.results.values() if isinstance(got, Failure)]
        about = {
            "reference": reference.name,
            "unit": "m" if reference.metric else "relative",
            "meaning": text.MEANING["metric" if reference.metric else "scale_invariant"],
            "models": [compare_view.facts(row) for row in shown.values()],
            "failed": {failure.model: failure.reason for failure in failed},
        }
        return session, session.picture("strip", lambda: row), str(arrays), about

    # Endpoints take their types from components; these are never shown.
    with gr.Row(visible=False):
        image = photo_input(label="image")
        names = gr.Dropdown(
            models.names(),
            value=[],
            multiselect=True,
            allow_custom_value=True,
            label="model_names",
        )
        # Not part of the answer: it keeps the session's files until they have been fetched.
        session = gr.State(None, time_to_live=600, delete_callback=close_session)
        outputs: list[Any] = [
            session,
            gr.Image(label="depth_color", type="filepath", format="png"),
            gr.File(label="depths_npz"),
            gr.JSON(label="info"),
        ]
        gr.Button().click(
            compare_models,
            [image, names],
            outputs,
            api_name="compare",
            concurrency_limit=1,
            concurrency_id="model",
        )
