"""The How it works tab: the token pyramid of this very picture."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gradio as gr

from depthart import tokens
from depthart.app import pyramid, pyramid_text
from depthart.app.components import QUIET, map_image, told, words
from depthart.app.models import on_gpu
from depthart.app.panels import Panel
from depthart.app.state import Look, Session

# A click on a column chooses its scale, as the slider does.
_ON_LOAD = """
element.addEventListener('click', event => {
  const scale = event.target.closest('[data-scale]')?.dataset.scale;
  if (scale) depthartScale.step(scale - depthartScale.slider().value);
});
"""


def layout(ui: SimpleNamespace) -> None:
    """Add the token map, the clicked code and the rows to `ui`."""
    ui.pyramid_note = words(f'<p class="hint">{pyramid_text.EMPTY}</p>')
    with gr.Row(equal_height=False, visible=False) as ui.token_row:
        with gr.Column(scale=3, min_width=320):
            ui.tokens = map_image(
                "Tokens of the chosen scale",
                "Tokens, one tile each",
                "var(--main-height)",
                pointed=True,
            )
        with gr.Column(scale=2, min_width=280):
            ui.code = map_image("The code alone", "What one code draws", "var(--side-height)")
            ui.code_words = words(f'<p class="hint">{pyramid_text.CLICK}</p>', elem_id="token")
    ui.pyramid = gr.HTML(
        "",
        js_on_load=_ON_LOAD,
        elem_id="pyramid",
        elem_classes="plain",
        apply_default_css=False,
    )
    ui.pyramid_outputs = [
        *[ui.pyramid_note, ui.token_row, ui.tokens, ui.code, ui.code_words, ui.pyramid],
    ]


def connect(ui: SimpleNamespace) -> None:
    """Make the functions that ask the model, and connect the click."""

    def explain(name: str, depth: Any, valid: Any) -> pyramid.Explanation:
        predictor = ui.models.get(name)
        limit = tokens.reconstruct(predictor, depth, valid)
        return pyramid.Explanation(tokens.code_colors(predictor), limit)

    def draw_code(name: str, code: int, scale: int) -> Any:
        return tokens.code_depth(ui.models.get(name), code, scale)

    ui.explain, draw = on_gpu(explain), on_gpu(draw_code)

    @told
    def click(
        session: Session | None, scale: int, cmap: str, invert: bool, event: gr.SelectData
    ) -> list:
        if session is None or session.steps[-1].indices is None:
            return [gr.skip(), gr.skip()]
        index = session.clamp(int(scale) - 1)
        found = pyramid.token_at(session, index, tuple(event.index))
        return [
            pyramid.code_picture(session, found.code, index, Look(cmap, invert), draw),
            pyramid_text.token(
                *[found.row, found.column, found.code, session.vocabulary or 0, found.entropy],
                session.steps[index].side,
            ),
        ]

    ui.tokens.select(
        click, [ui.session, ui.scale, ui.cmap, ui.invert], [ui.code, ui.code_words], **QUIET
    )


def panels(ui: SimpleNamespace) -> list[Panel]:
    """The chosen scale taken apart, if this tab is in front."""

    def draw(session: Session | None, active: str, scale: int, cmap: str, invert: bool) -> list:
        if session is None or active != "pyramid":
            return [gr.skip()] * 6
        if session.steps[-1].indices is None:
            note = gr.update(value=f'<p class="hint">{pyramid_text.NO_TOKENS}</p>', visible=True)
            return [note, gr.update(visible=False), None, None, "", ""]
        index, look = session.clamp(int(scale) - 1), Look(cmap, invert)
        explained = pyramid.explanation(session, ui.explain)
        return [
            gr.update(visible=False),
            gr.update(visible=True),
            pyramid.token_picture(session, index, explained.colors),
            None,
            f'<p class="hint">{pyramid_text.CLICK}</p>',
            pyramid.rows(session, index, look, explained),
        ]

    inputs = [ui.session, ui.active, ui.scale, ui.cmap, ui.invert]
    return [Panel(draw, inputs, ui.pyramid_outputs, ui.pyramid)]
