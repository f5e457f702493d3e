"""What happens when the visitor does something: the handlers, connected to the interface.

The interface counts scales from 1, the handlers from 0.
"""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Iterator
from dataclasses import astuple
from types import SimpleNamespace
from typing import Any

import gradio as gr

from depthart.app import handlers, text
from depthart.app.handlers import CloudSettings
from depthart.app.models import Models, on_gpu
from depthart.app.state import Look, Session
from depthart.images import Photo
from depthart.prediction import PredictionStep
from depthart.sampling import Sampler

USER_ERRORS = (ValueError, OSError, ImportError)
PLAY_SECONDS = 0.45
# On a phone the results lie below the fold.
SCROLL_TO_RESULTS = """(...values) => {
  if (window.innerWidth < 768) {
    document.querySelector('#results')?.scrollIntoView({behavior: 'smooth', block: 'start'});
  }
  return values;
}"""

# Model name, photo and sampler in, steps out.
NamedStream = Callable[[str, Photo, "Sampler | None"], Iterator[PredictionStep]]


def told(function: Callable[..., Any]) -> Callable[..., Any]:
    """Show the library's own sentence to the visitor when input is at fault."""
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                yield from function(*args, **kwargs)
            except USER_ERRORS as error:
                raise gr.Error(str(error), print_exception=False) from error

    else:

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except USER_ERRORS as error:
                raise gr.Error(str(error), print_exception=False) from error

    return wrapper


def model_stream(models: Models) -> NamedStream:
    """The one function that needs the accelerator."""

    def steps(name: str, photo: Photo, sampler: Sampler | None) -> Iterator[PredictionStep]:
        yield from handlers.predictor_steps(models.get(name), photo, sampler)

    return on_gpu(steps)


def connect(ui: SimpleNamespace, models: Models) -> NamedStream:
    """Connect everything; returns the stream of steps for the endpoints."""
    stream = model_stream(models)
    _connect_refinement(ui, models, stream)
    _connect_cloud(ui)
    _connect_downloads(ui)
    return stream


# ---- running and stepping ----------------------------------------------------------------------


def _connect_refinement(ui: SimpleNamespace, models: Models, stream: NamedStream) -> None:
    view = [
        ui.depth,
        ui.depth_caption,
        ui.difference,
        ui.difference_caption,
        ui.entropy,
        ui.entropy_caption,
        ui.entropy_curve,
        ui.change_curve,
        ui.ladder,
    ]
    look = [ui.cmap, ui.invert]
    settings = [ui.sampler, ui.seed, ui.temperature, ui.draws, ui.top_k, ui.top_p]
    buttons = [ui.run, ui.stop]
    unchanged = [gr.skip()] * len(view)

    @told
    def run(path: str | None, name: str, cmap: str, invert: bool, *sampling: Any) -> Iterator[list]:
        photo = handlers.read_photo(path)
        session = handlers.new_session(models.get(name), photo)
        sampler = handlers.make_sampler(*sampling)
        working = [gr.update(interactive=False), gr.update(interactive=True)]
        fov, from_exif = handlers.photo_fov(photo)
        camera = gr.update(value=fov, info=text.FOV_EXIF if from_exif else text.FOV_UNKNOWN)
        yield [
            gr.skip(),
            gr.update(interactive=False),
            handlers.progress(session, working=True),
            camera,
            *working,
            *unchanged,
        ]
        for scale in handlers.refine(session, functools.partial(stream, name), sampler):
            yield [
                session,
                gr.update(value=scale + 1, maximum=max(session.total, 2), interactive=False),
                handlers.progress(session, working=True),
                gr.skip(),
                *[gr.skip()] * 2,
                *astuple(handlers.view(session, scale, Look(cmap, invert))),
            ]

    def settle(session: Session | None, cmap: str, invert: bool, before: int) -> list:
        """After the last scale, a stop or an error."""
        idle = [gr.update(interactive=True), gr.update(interactive=False)]
        if session is None or not session.steps:
            return [gr.skip(), gr.skip(), handlers.progress(None), *idle]
        pictures = handlers.before_after(session, session.last, before, Look(cmap, invert))
        slider = gr.update(value=session.last + 1, interactive=session.last > 0)
        return [pictures, slider, handlers.progress(session), *idle]

    settled = [ui.before_after, ui.scale, ui.status, *buttons]
    refined = [ui.session, ui.scale, ui.status, ui.fov, *buttons, *view]

    def on_run(trigger: Any) -> Any:
        return trigger(
            run,
            [ui.photo, ui.model, *look, *settings],
            refined,
            js=SCROLL_TO_RESULTS,
            show_progress="hidden",
            concurrency_limit=1,
            concurrency_id="model",
            trigger_mode="once",
            api_visibility="private",
        )

    started = [on_run(ui.run.click)]
    if ui.examples is not None:
        started.append(on_run(ui.examples.load_input_event.then))
    for event in started:
        done = event.then(
            settle,
            [ui.session, *look, ui.before],
            settled,
            show_progress="hidden",
            api_visibility="private",
        )
        _refresh(ui, done.then)
    stopped = ui.stop.click(
        settle,
        [ui.session, *look, ui.before],
        settled,
        cancels=started,
        show_progress="hidden",
        api_visibility="private",
    )
    _refresh(ui, stopped.then)
    ui.photo.upload(told(_check), [ui.photo], None, show_progress="hidden", api_visibility="private")
    ui.sampler.change(
        lambda mode: gr.update(visible=mode in ("sample", "expected")),
        [ui.sampler],
        [ui.sampling],
        show_progress="hidden",
        api_visibility="private",
    )

    def show(session: Session | None, scale: int, before: int, cmap: str, invert: bool) -> list:
        if session is None:
            return [gr.skip(), *unchanged]
        colors = Look(cmap, invert)
        index = session.clamp(int(scale) - 1)
        pictures = handlers.before_after(session, index, before, colors)
        return [pictures, *astuple(handlers.view(session, index, colors))]

    def step(by: int, session: Session | None, scale: int, *rest: Any) -> list:
        if session is None:
            return [gr.skip()] * (2 + len(view))
        index = session.clamp(int(scale) - 1 + by)
        return [index + 1, *show(session, index + 1, *rest)]

    def play(session: Session | None, scale: int, *rest: Any) -> Iterator[list]:
        if session is None:
            return
        first = 0 if session.clamp(int(scale) - 1) == session.last else int(scale)
        for index in range(first, len(session.steps)):
            yield [index + 1, *show(session, index + 1, *rest)]
            time.sleep(PLAY_SECONDS)

    inputs = [ui.session, ui.scale, ui.before, *look]
    outputs = [ui.before_after, *view]
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    played = ui.play.click(play, inputs, [ui.scale, *outputs], trigger_mode="once", **quiet)
    _refresh(ui, played.then)
    moved = ui.scale.input(
        show, inputs, outputs, trigger_mode="always_last", cancels=[played], **quiet
    )
    _refresh(ui, moved.then)
    for button, by in ((ui.previous, -1), (ui.next, 1)):
        stepped = button.click(
            functools.partial(step, by),
            inputs,
            [ui.scale, *outputs],
            trigger_mode="always_last",
            cancels=[played],
            **quiet,
        )
        _refresh(ui, stepped.then)
    gr.on([ui.cmap.change, ui.invert.change, ui.before.change], show, inputs, outputs, **quiet)


def _check(path: str | None) -> None:
    """Say at once if an uploaded picture cannot be read."""
    handlers.read_photo(path)


# ---- 3D ------------------------------------------------------------------------------------------


def _cloud_inputs(ui: SimpleNamespace) -> list:
    return [
        ui.session,
        ui.active,
        ui.scale,
        ui.fov,
        ui.max_points,
        ui.remove_edges,
        ui.keep_nearest,
        ui.color,
    ]


def _refresh(ui: SimpleNamespace, trigger: Any) -> None:
    """Bring the tab in front up to date with the chosen scale (the others follow when opened)."""
    trigger(
        told(_cloud),
        _cloud_inputs(ui),
        [ui.cloud, ui.cloud_caption, ui.marked, ui.measured],
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
    )


def _cloud(
    session: Session | None,
    active: str,
    scale: int,
    fov: float,
    max_points: int,
    remove_edges: bool,
    keep_nearest: float,
    color: str,
) -> list:
    if session is None or not session.steps or active != "cloud":
        return [gr.skip()] * 4
    index = session.clamp(int(scale) - 1)
    settings = CloudSettings(
        float(fov), int(max_points), remove_edges, keep_nearest=keep_nearest / 100, color=color
    )
    figure, count = handlers.cloud(session, index, settings)
    return [
        figure,
        text.cloud_caption(count, index, session.kind, session.known is not None),
        handlers.marked_photo(session),
        handlers.measured(session, index, float(fov)),
    ]


def _connect_cloud(ui: SimpleNamespace) -> None:
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    for tab, name in ((ui.refine_tab, "refine"), (ui.cloud_tab, "cloud")):
        opened = tab.select(lambda name=name: name, None, [ui.active], **quiet)
        if name == "cloud":
            _refresh(ui, opened.then)
    for control in (ui.fov, ui.max_points, ui.keep_nearest):
        _refresh(ui, control.release)
    for control in (ui.remove_edges, ui.color):
        _refresh(ui, control.change)

    @told
    def click(session: Session | None, scale: int, fov: float, event: gr.SelectData) -> list:
        if session is None:
            return [gr.skip(), gr.skip()]
        handlers.mark(session, tuple(event.index))
        return [
            handlers.marked_photo(session),
            handlers.measured(session, int(scale) - 1, float(fov)),
        ]

    @told
    def know(session: Session | None, metres: float | None, scale: int, fov: float) -> None:
        if session is None:
            raise ValueError("Estimate depth first, then click the two ends of a known length.")
        handlers.know_length(session, metres, int(scale) - 1, float(fov))

    def forget(session: Session | None) -> None:
        if session is not None:
            handlers.forget_length(session)

    ui.marked.select(click, [ui.session, ui.scale, ui.fov], [ui.marked, ui.measured], **quiet)
    known = ui.know.click(know, [ui.session, ui.metres, ui.scale, ui.fov], None, **quiet)
    _refresh(ui, known.success)
    forgotten = ui.forget.click(forget, [ui.session], None, **quiet)
    _refresh(ui, forgotten.then)


# ---- files ---------------------------------------------------------------------------------------


def _connect_downloads(ui: SimpleNamespace) -> None:
    @told
    def export(
        session: Session | None, active: str, scale: int, fov: float, scales: bool
    ) -> list:
        if session is None or not session.steps or active != "downloads":
            return [gr.skip()] * 3
        index = session.clamp(int(scale) - 1)
        archive, files = handlers.export(session, index, float(fov), scales)
        return [
            gr.update(value=archive, interactive=True),
            files,
            text.files_note(index, session.photo.width, session.photo.height),
        ]

    def on(trigger: Any) -> None:
        trigger(
            export,
            [ui.session, ui.active, ui.scale, ui.fov, ui.all_scales],
            [ui.archive, ui.files, ui.files_note],
            show_progress_on=[ui.files],
            trigger_mode="always_last",
            api_visibility="private",
        )

    opened = ui.downloads_tab.select(
        lambda: "downloads", None, [ui.active], show_progress="hidden", api_visibility="private"
    )
    on(opened.then)
    on(ui.all_scales.change)
    on(ui.scale.release)
