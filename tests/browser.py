"""Headless Chromium for the browser tests: pages whose console errors fail the test, and hands."""

import os
import re
import shutil
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
ARGUMENTS = [
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--no-sandbox",
    "--disable-background-networking",
    "--use-fake-device-for-media-stream",  # a webcam
]
# Every file of browser tests says `pytestmark = MARKS`.
MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None and not os.environ.get("CI"), reason="Chromium is not installed"
    ),
]
# Two cores may be busy with something else.
PATIENCE_MS = 60_000


class Slow:
    """A predictor that takes its time, or a step at a time, so that a visitor can press Stop."""

    def __init__(self, predictor):
        self._predictor = predictor
        self._tickets = None

    def __getattr__(self, name):
        return getattr(self._predictor, name)

    def refine(self, *args, **kwargs):
        for step in self._predictor.refine(*args, **kwargs):
            if self._tickets is None:
                time.sleep(0.12)
            else:
                self._tickets.acquire(timeout=PATIENCE_MS / 1000)
            yield step

    @contextmanager
    def step_by_step(self):
        """Inside, each call of what it gives lets one more step out."""
        self._tickets = threading.Semaphore(0)
        try:
            yield self._tickets.release
        finally:
            tickets, self._tickets = self._tickets, None
            tickets.release(100)


def serve(*args):
    from depthart.app.ui import build, launch_options

    demo = build(*args)
    options = {"prevent_thread_lock": True, "quiet": True, "ssr_mode": False}
    return demo, demo.launch(**launch_options(), **options)[1]


@pytest.fixture(scope="module")
def slow(tiny_predictor):
    return Slow(tiny_predictor)


@pytest.fixture(scope="module")
def url(slow):
    demo, address = serve("tiny-random", slow)
    yield address
    demo.close()


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    assert CHROMIUM, "CI must have Chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


def new_page(browser, width=1280, height=900):
    """A page of a visitor of its own, `page.context`."""
    visitor = browser.new_context(viewport={"width": width, "height": height})
    # Headless Chromium offers WebGPU and then fails to start it, which Babylon reports.
    visitor.add_init_script("delete Navigator.prototype.gpu")
    page = visitor.new_page()
    page.set_default_timeout(PATIENCE_MS)
    return page


def enter(page, address, theme="light"):
    page.goto(f"{address}?__theme={theme}")
    page.wait_for_selector("#scale input[type=range]")


@pytest.fixture
def visit(chromium):
    """Opens pages, each of a visitor of its own; none of them may have reported an error."""
    visitors, errors = [], []

    def open_page(address, width=1280, height=900, theme="light"):
        page = new_page(chromium, width, height)
        visitors.append(page.context)
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        enter(page, address, theme)
        return page

    yield open_page
    reported = list(errors)  # what follows breaks connections off
    for visitor in visitors:
        visitor.close()
    assert not reported, reported


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A wide and a tall picture."""
    folder = tmp_path_factory.mktemp("photos")
    paths = []
    for name, (width, height) in {"wide": (640, 480), "tall": (300, 600)}.items():
        rows, columns = np.mgrid[:height, :width]
        pixels = np.stack([columns * 255 / width, rows * 255 / height, 0 * rows + 90], axis=-1)
        pixels[height // 2 :, width // 3 : width // 2] = 200
        paths.append(folder / f"{name}.png")
        Image.fromarray(pixels.astype(np.uint8)).save(paths[-1])
    return paths


def upload(page, path):
    page.set_input_files("#photo input[type=file]", str(path))
    page.wait_for_selector("#photo img")


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def open_tab(page, name):
    page.get_by_role("tab", name=name, exact=True).click()


def wait_for_text(page, selector, pattern):
    page.wait_for_function(
        "([s, p]) => new RegExp(p).test(document.querySelector(s)?.innerText ?? '')",
        arg=[selector, pattern],
    )


def refine(page, path):
    upload(page, path)
    run(page)


def run(page):
    start(page)
    wait_for_text(page, "#status .status:not([data-old])", r"10 scales in \d")


def start(page):
    """Press the button; the status that was there is marked, however soon another follows."""
    page.evaluate("document.querySelector('#status .status').dataset.old = 'old'")
    press(page, "Estimate depth")


def shown_scale(page):
    return int(re.search(r"Scale (\d+) of 10", page.inner_text("#ladder"))[1])


def move_slider(page, scale):
    page.locator("#scale input[type=range]").fill(str(scale))
    wait_for_text(page, "#ladder", f"Scale {scale} of 10")


def source(page):
    return page.get_attribute(".map img >> nth=0", "src")


def plot(page, expression):
    return page.evaluate(f"(p => {expression})(document.querySelector('#cloud .plot-host'))")
