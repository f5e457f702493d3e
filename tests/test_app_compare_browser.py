"""What a visitor does with several models and with the plane probe, in headless Chromium."""

import threading

import numpy as np
import pytest

from tests.app_models import MadeUp, Seeing, info, offer
from tests.browser import (
    MARKS,
    chromium,
    move_slider,
    open_tab,
    photos,
    press,
    refine,
    serve,
    upload,
    visit,
    wait_for_text,
)

__all__ = ["chromium", "photos", "visit"]  # fixtures
pytestmark = MARKS

GATE = threading.Event()
CLOUDS = "[...document.querySelectorAll('#clouds .plot-host')]"


@pytest.fixture(scope="module")
def address(tiny_predictor):
    """The app with three models and one to download, which fails at first, as if offline."""
    GATE.set()
    others = [MadeUp("inverse", "disparity", 2.0, 0.3), MadeUp("slow", "metric", 4.0, 0, 4, GATE)]
    far = info("far-away", "disparity", False, "not downloaded; run: x", 99.0, "pretrained")
    calls = []
    with pytest.MonkeyPatch.context() as monkeypatch:
        own = Seeing(tiny_predictor)
        infos = offer(monkeypatch, [own, *others], far)

        def download(name):
            calls.append(name)
            if len(calls) == 1:
                raise ConnectionError("cannot reach the hub: no connection")
            infos[-1] = info("far-away", "disparity", True, "", 99.0, "pretrained")

        monkeypatch.setattr("depthart.registry.download", download)
        demo, url = serve("tiny-random", own)
        yield url
        demo.close()


def compare(page, photo):
    refine(page, photo)
    open_tab(page, "Compare")
    press(page, "Compare")
    wait_for_text(page, "#compare-status", "3 of 3 models have answered")


def names(page):
    return page.locator(".card figcaption b").all_inner_texts()


def sides(page):
    """Addresses of the slider's pictures."""
    return page.eval_on_selector_all("#pair img", "images => images.map(image => image.src)")


def test_compare_three_models(address, photos, visit):
    page = visit(address)
    open_tab(page, "Compare")
    assert "Estimate depth first" in page.inner_text("#cards")
    compare(page, photos[0])
    assert names(page) == ["tiny-random", "inverse", "slow"]
    assert page.locator("#compare-numbers tbody tr").count() == 3
    cards = page.inner_text("#cards")
    assert "fitted to the inverse depth of tiny-random, then inverted" in cards
    assert "Depth in metres. Scaled by one factor" in cards
    widths = "images => images.map(i => i.naturalWidth / i.naturalHeight)"
    shapes = page.eval_on_selector_all(".card img", widths)
    assert len(shapes) == 5 and all(abs(shape - 4 / 3) < 0.02 for shape in shapes)
    page.get_by_label("slow").uncheck()
    page.wait_for_function("document.querySelectorAll('.card').length === 2")
    page.get_by_label("slow").check()
    page.wait_for_function("document.querySelectorAll('.card img').length === 5")


def test_a_and_b(address, photos, visit):
    page = visit(address)
    compare(page, photos[0])
    page.wait_for_function("document.querySelectorAll('#pair img').length === 2")
    before = sides(page)
    assert before[0] != before[1]
    page.get_by_label("A, on the left").click()
    page.get_by_role("option", name="slow").click()
    changed = "b => [...document.querySelectorAll('#pair img')].some((i, k) => i.src !== b[k])"
    page.wait_for_function(changed, arg=before)
    after = sides(page)
    page.get_by_role("button", name="Swap A and B").click()
    page.wait_for_function(changed, arg=after)
    assert set(sides(page)) == set(after)


def test_stop_keeps_the_answers(address, photos, visit):
    page = visit(address)
    refine(page, photos[0])
    open_tab(page, "Compare")
    GATE.clear()
    press(page, "Compare")
    wait_for_text(page, "#compare-status", r"slow \(2 of 2\): step 1")
    page.click("#compare-stop")
    page.wait_for_selector("#compare-stop:disabled")  # the click has reached the server
    GATE.set()
    wait_for_text(page, "#compare-status", "2 of 3 models have answered")
    assert page.locator(".card img").count() == 3  # two depths and a difference
    press(page, "Compare")
    wait_for_text(page, "#compare-status", "3 of 3 models have answered")


def test_point_clouds_turn_together(address, photos, visit):
    page = visit(address)
    compare(page, photos[0])
    page.get_by_text("Point clouds next to each other").click()
    page.wait_for_function(
        f"{CLOUDS}.length === 3 && {CLOUDS}.every(p => p._fullData?.[0].z?.length > 100)"
    )
    cloud = page.locator("#clouds .plot-host").nth(1)
    cloud.scroll_into_view_if_needed()
    box = cloud.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 30, steps=2)
    page.mouse.up()
    page.wait_for_function(
        f"""() => {{
          const eyes = {CLOUDS}.map(p => p._fullLayout.scene.camera.eye);
          const near = (a, b) => ['x', 'y', 'z'].every(k => Math.abs(a[k] - b[k]) < 1e-3);
          return !near(eyes[1], {{x: .2, y: -1.4, z: .25}}) && eyes.every(e => near(e, eyes[1]));
        }}"""
    )


def test_a_download_that_fails_is_told_and_can_be_tried_again(address, photos, visit):
    page = visit(address)
    open_tab(page, "Compare")
    page.get_by_text("Models that are not here (1)").click()
    row = page.locator(".absent-row")
    assert "Not downloaded, 99 MB" in row.inner_text() and "Licence: MIT" in row.inner_text()
    page.get_by_role("button", name="Download", exact=True).click()
    wait_for_text(page, ".absent-row .trouble", "cannot reach the hub: no connection")
    press(page, "Try again")
    page.get_by_label("far-away").wait_for()
    assert "Downloaded" in row.inner_text()


def test_ground_truth_becomes_the_reference(address, photos, visit, tmp_path):
    path = tmp_path / "truth.npy"
    depth = np.repeat(np.linspace(1, 4, 480, dtype=np.float32)[:, None], 640, axis=1)
    np.save(path, depth)
    page = visit(address)
    compare(page, photos[0])
    page.get_by_text("Ground truth", exact=True).click()
    page.set_input_files("#truth input[type=file]", str(path))
    wait_for_text(page, "#compare-numbers", "mean relative error")
    assert names(page) == ["Ground truth", "tiny-random", "inverse", "slow"]
    assert page.locator(".card img").count() == 7


def test_probe_a_plane(address, photos, visit):
    page = visit(address)
    compare(page, photos[0])
    open_tab(page, "Planes")
    wait_for_text(page, "#verdict", r"At scale 10 it is [\d.]+ % uneven")
    frame = page.locator("#probe .frame")
    frame.scroll_into_view_if_needed()
    first = page.inner_text("#verdict")
    drag(page, (0.2, 0.2), (0.5, 0.6))
    wait_for_other_text(page, "#verdict", first)
    dragged = page.inner_text("#verdict")
    # Ring and normal, each with its dark edge.
    page.wait_for_function("document.querySelectorAll('#probe path.chosen').length === 4")
    assert page.locator("#probe-table tbody tr").count() == 3
    for x, y in ((0.6, 0.3), (0.9, 0.9)):  # two corners instead
        box = frame.bounding_box()
        frame.click(position={"x": x * box["width"], "y": y * box["height"]})
    wait_for_other_text(page, "#verdict", dragged)
    clicked = page.inner_text("#verdict")
    page.keyboard.press("ArrowLeft")
    wait_for_other_text(page, "#verdict", clicked)
    move_slider(page, 4)
    wait_for_text(page, "#verdict", "At scale 4")
    page.wait_for_selector("#probe path.reference", state="attached")


def drag(page, start, end):
    box = page.locator("#probe .frame").bounding_box()
    (x0, y0), (x1, y1) = (
        (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)
    )
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move(x1, y1, steps=5)
    page.mouse.up()


def wait_for_other_text(page, selector, text):
    page.wait_for_function(
        "([s, t]) => document.querySelector(s).innerText !== t", arg=[selector, text]
    )


@pytest.mark.parametrize(("width", "theme"), [(390, "dark"), (1280, "light")])
def test_nothing_sticks_out(address, photos, visit, width, theme):
    page = visit(address, width, theme=theme)
    upload(page, photos[0])
    press(page, "Estimate depth")
    wait_for_text(page, "#status", r"10 scales in \d")
    for tab in ("Compare", "Planes"):
        open_any_tab(page, tab)
        if tab == "Compare":
            press(page, "Compare")
            wait_for_text(page, "#compare-status", "3 of 3 models have answered")
        page.wait_for_timeout(500)
        sticking_out = page.evaluate(
            """() => [...document.querySelectorAll('[role=tabpanel] *')].filter(e => {
              const r = e.getBoundingClientRect();
              return r.width && r.right > innerWidth + 1 && !e.closest('svg, canvas');
            }).map(e => e.outerHTML.slice(0, 200))"""
        )
        assert sticking_out == []
        cut = page.evaluate(
            """() => [...document.querySelectorAll('.card *, .numbers *, .legends *')].filter(
              e => e.offsetWidth && e.innerText && e.scrollWidth > e.clientWidth + 1
                && getComputedStyle(e).display !== 'inline').map(e => e.outerHTML.slice(0, 200))"""
        )
        assert cut == []


def open_any_tab(page, name):
    """On a phone the last tabs are behind a button."""
    tab = page.get_by_role("tab", name=name)
    if tab.count() and tab.first.is_visible():
        tab.click()
    else:
        page.locator(".overflow-menu > button").click()
        page.locator(".overflow-dropdown button", has_text=name).click()
