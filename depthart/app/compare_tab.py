"""The Compare tab: several models on the visitor's photo."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import gradio as gr

from depthart.app import compare, compare_pictures, compare_view
from depthart.app.compare import TRUTH, Working
from depthart.app.compare_pictures import PHOTO
from depthart.app.components import QUIET, USER_ERRORS, told, words
from depthart.app.panels import Panel, refresh
from depthart.app.plot_view import linked_plots
from depthart.app.state import Look, Session
from depthart.app.stopping import Stop, connect_stop, stop_state


def layout(ui: SimpleNamespace) -> None:
    """Add the choice of models, their cards, the slider, the table and the clouds to `ui`."""
    infos = model_infos()
    names = ui.models.names()
    ui.compare_stopping = stop_state()
    ui.chosen = gr.CheckboxGroup(
        names,
        value=compare.preselected(ui.models.default, infos.values()),
        label="Models",
        elem_id="chosen",
    )
    with gr.Row(elem_id="compare-bar"):
        ui.compare = gr.Button("Compare", variant="primary", scale=0, min_width=140)
        ui.compare_stop = gr.Button(
            "Stop", interactive=False, scale=0, min_width=80, elem_id="compare-stop"
        )
        ui.compare_status = words(compare_view.status(None, []), elem_id="compare-status")
    ui.cards = words(compare_view.grid(None, None, {}, [], Look()), elem_id="cards")
    with gr.Row(equal_height=False):
        with gr.Column(scale=3, min_width=320):
            ui.pair = gr.ImageSlider(
                label="A and B",
                type="filepath",
                format="png",
                interactive=False,
                height="var(--main-height)",
                max_height=2000,
                buttons=["fullscreen"],
                elem_id="pair",
                elem_classes="pair-view",
            )
        with gr.Column(scale=2, min_width=280):
            ui.left = gr.Dropdown([PHOTO], value=PHOTO, label="A, on the left")
            ui.right = gr.Dropdown([PHOTO], value=PHOTO, label="B, on the right")
            ui.swap = gr.Button("Swap A and B", size="sm")
    ui.numbers = words(elem_id="compare-numbers")
    ui.clouds_open = gr.State(False)
    with gr.Accordion("Point clouds next to each other", open=False) as ui.clouds_box:
        ui.clouds_note = words(f'<p class="compare-empty">{compare_view.EMPTY}</p>')
        ui.clouds = linked_plots("clouds")
    _layout_absent(ui, [info for info in infos.values() if info.name not in names])


def connect(ui: SimpleNamespace) -> None:
    """Connect the buttons and choices."""
    refresh(ui.chosen.change, panels(ui))
    asked = ui.compare.click(
        told(functools.partial(run, ui)),
        [ui.compare_stopping, *_inputs(ui)],
        [ui.compare, ui.compare_stop, *_outputs(ui)],
        concurrency_limit=1,
        concurrency_id="model",
        trigger_mode="once",
        **QUIET,
    )
    settled: dict[str, Any] = {
        "fn": told(settle),
        "inputs": _inputs(ui),
        "outputs": [ui.compare, ui.compare_stop, *_outputs(ui)],
        **QUIET,
    }
    refresh(asked.then(**settled).then, [_clouds(ui)])
    asked.failure(**settled)
    connect_stop([ui.compare_stop.click], ui.compare_stopping, ui.compare_stop)
    pair = {
        "fn": told(draw_pair),
        "inputs": [ui.session, ui.chosen, ui.left, ui.right, ui.cmap, ui.invert],
        "outputs": [ui.pair],
        **QUIET,
    }
    gr.on([ui.left.input, ui.right.input], **pair)
    swapped = ui.swap.click(lambda a, b: (b, a), [ui.left, ui.right], [ui.left, ui.right], **QUIET)
    swapped.then(**pair)
    opened = ui.clouds_box.expand(lambda: True, None, [ui.clouds_open], **QUIET)
    refresh(opened.then, [_clouds(ui)])
    ui.clouds_box.collapse(lambda: False, None, [ui.clouds_open], **QUIET)
    for name, (line, button) in ui.absent.items():
        if button is not None:
            button.click(
                functools.partial(download, ui, name),
                [ui.chosen],
                [line, button, ui.chosen, ui.model],
                concurrency_limit=1,
                concurrency_id="download",
                trigger_mode="once",
                **QUIET,
            )


def panels(ui: SimpleNamespace) -> list[Panel]:
    """What is there of the current photo, if this tab is in front."""
    return [Panel(draw, _inputs(ui), _outputs(ui)), _clouds(ui)]


def draw(
    session: Session | None,
    active: str,
    chosen: list[str],
    a: str,
    b: str,
    cmap: str,
    invert: bool,
    working: Working | None = None,
) -> list:
    """Cards, table, status, both choices of the slider and its pictures; nothing is run."""
    if active != "compare":
        return [gr.skip()] * 6
    look = Look(cmap, invert)
    if session is None:
        return [compare_view.grid(None, None, {}, [], look), "", compare_view.status(None, [])] + [
            gr.skip()
        ] * 3
    reference, shown = compare.compared(session, chosen)
    choices = [PHOTO, *([TRUTH] if reference.name == TRUTH else []), *shown]
    a, b = pair_of(choices, a, b)
    pictures = compare_pictures.before_after(session, reference, shown, (a, b), look)
    return [
        compare_view.grid(session, reference, shown, chosen, look, working),
        compare_view.table(reference, shown, model_infos()),
        compare_view.status(session, chosen, working),
        gr.update(choices=choices, value=a),
        gr.update(choices=choices, value=b),
        pictures,
    ]


def run(
    ui: SimpleNamespace, stop: Stop, session: Session | None, active: str, *rest: Any
) -> Iterator[list]:
    """Ask the chosen models one after the other, and show each answer as it arrives."""
    stop.asked = False
    if session is None:
        raise ValueError(compare_view.EMPTY)
    chosen, a, b, *look = rest
    buttons = [gr.update(interactive=False), gr.update(interactive=True)]
    alone = len(compare.results_of(session)) == 1
    done = -1
    for working in stop.heed(compare.run(session, chosen, ui.models, ui.answers)):
        if len(session.results) != done or working.step == 0:
            done = len(session.results)
            if alone and done:
                a, b = session.model, ""  # the first other model takes the right side
            yield [*buttons, *draw(session, active, chosen, a, b, *look, working)]
        else:
            yield [*buttons, *[gr.skip()] * 2, compare_view.status(session, chosen, working)] + [
                gr.skip()
            ] * 3


def settle(session: Session | None, active: str, *rest: Any) -> list:
    """After the last answer, a stop or an error."""
    buttons = [gr.update(interactive=True), gr.update(interactive=False)]
    return [*buttons, *draw(session, active, *rest)]


def pair_of(choices: list[str], a: str, b: str) -> tuple[str, str]:
    """The wished sides of the slider if they can be had, else the first two models."""
    models = [name for name in choices if name not in (PHOTO, TRUTH)]
    if a not in choices:
        a = models[0] if len(models) > 1 else PHOTO
    if b not in choices or a == b == PHOTO:
        b = next((name for name in models if name != a), models[0])
    return a, b


def draw_pair(session: Session | None, chosen: list[str], a: str, b: str, *look: Any) -> Any:
    """Pictures of the slider."""
    if session is None:
        return gr.skip()
    reference, shown = compare.compared(session, chosen)
    return compare_pictures.before_after(session, reference, shown, (a, b), Look(*look))


def draw_clouds(session: Session | None, active: str, chosen: list[str], is_open: bool) -> list:
    """Point clouds, if one can see them."""
    if not is_open or active != "compare" or session is None:
        return [gr.skip()] * 2
    reference, shown = compare.compared(session, chosen)
    note = "Turn one, and all turn with it. Scroll to zoom."
    if len(shown) > compare_pictures.MAX_CLOUDS:
        note += f" Only the first {compare_pictures.MAX_CLOUDS} models are drawn."
    return [f'<p class="hint">{note}</p>', compare_pictures.clouds(session, reference, shown)]


def download(ui: SimpleNamespace, name: str, chosen: list[str]) -> Iterator[list]:
    """Fetch a model; what goes wrong is told in its line."""
    from depthart import registry

    info = model_infos()[name]
    news = f"Downloading {info.size_mb:.0f} MB …"
    yield [compare_view.absent(info, news), gr.update(interactive=False), gr.skip(), gr.skip()]
    try:
        registry.download(name)
    except USER_ERRORS as error:
        told_line = compare_view.absent(info, str(error), trouble=True)
        yield [told_line, gr.update(interactive=True, value="Try again"), gr.skip(), gr.skip()]
        return
    info, names = model_infos()[name], ui.models.names()
    yield [
        compare_view.absent(info),
        gr.update(visible=not info.available),
        gr.update(choices=names, value=[*chosen, name] if info.available else chosen),
        gr.update(choices=names, interactive=len(names) > 1),
    ]


def model_infos() -> dict[str, Any]:
    """`depthart.list_models` by name."""
    import depthart

    return {info.name: info for info in depthart.list_models()}


def _layout_absent(ui: SimpleNamespace, infos: list[Any]) -> None:
    """A line for each model that cannot be chosen, with a button where it can be fetched."""
    ui.absent = {}
    if not infos:
        return
    with gr.Accordion(f"Models that are not here ({len(infos)})", open=False, elem_id="absent"):
        for info in sorted(infos, key=lambda info: not info.size_mb):
            with gr.Row(equal_height=False, elem_classes="absent-row"):
                line = words(compare_view.absent(info))
                button = None
                if info.size_mb:
                    button = gr.Button(
                        "Download", size="sm", scale=0, min_width=110, elem_id=f"get-{info.name}"
                    )
            ui.absent[info.name] = line, button


def _clouds(ui: SimpleNamespace) -> Panel:
    inputs = [ui.session, ui.active, ui.chosen, ui.clouds_open]
    return Panel(draw_clouds, inputs, [ui.clouds_note, ui.clouds])


def _inputs(ui: SimpleNamespace) -> list:
    return [ui.session, ui.active, ui.chosen, ui.left, ui.right, ui.cmap, ui.invert]


def _outputs(ui: SimpleNamespace) -> list:
    return [ui.cards, ui.numbers, ui.compare_status, ui.left, ui.right, ui.pair]
