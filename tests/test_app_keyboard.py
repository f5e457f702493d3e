"""The app without a mouse, in headless Chromium, and what a screen reader is told."""

import pytest

from tests.browser import (
    MARKS,
    chromium,
    open_tab,
    photos,
    plot,
    refine,
    slow,
    url,
    visit,
    wait_for_text,
)

__all__ = ["chromium", "photos", "slow", "url", "visit"]  # fixtures
pytestmark = MARKS
# Names of what can be focused and is in sight; empty ones are faults.
NAMELESS = """() => [...document.querySelectorAll(
  'button, a[href], input:not([type=file]), select, textarea, [tabindex="0"]')].filter(e =>
    e.offsetWidth && !e.closest('.visually-hidden') && !(e.ariaLabel || e.innerText?.trim()
      || e.title || e.labels?.length || e.querySelector('img[alt]:not([alt=""])')
      || document.getElementById(e.getAttribute('aria-labelledby'))?.innerText)
  ).map(e => e.outerHTML.slice(0, 160))"""
NO_ALT = """() => [...document.querySelectorAll('#results img')].filter(
  i => i.offsetWidth && !i.alt).map(i => i.outerHTML.slice(0, 160))"""


def test_keys_move_the_slider(url, photos, visit):
    page = visit(url)
    refine(page, photos[0])
    page.focus("#scale input[type=range]")
    page.keyboard.press("ArrowLeft")
    wait_for_text(page, "#ladder", "Scale 9 of 10")


def test_measure_by_keys(url, photos, visit):
    page = visit(url)
    refine(page, photos[0])
    open_tab(page, "3D")
    page.get_by_alt_text("Photo to click on").wait_for()
    button = page.locator(".pointed:visible .image-container > button")
    button.locator("img").evaluate("image => image.decode()")
    button.focus()
    for key in ("ArrowLeft", "ArrowDown"):
        page.keyboard.press(f"Shift+{key}")
    page.keyboard.press("Enter")
    wait_for_text(page, "#measured", "A lies at depth")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    wait_for_text(page, "#measured", "A to B: .* relative")


def test_the_divider_moves_by_keys(url, photos, visit):
    page = visit(url)
    refine(page, photos[0])
    divider = page.locator("#before-after .outer")
    page.wait_for_function("document.querySelector('#before-after .outer[role=slider]')")
    place = "e => e.getBoundingClientRect().left"
    before = divider.evaluate(place)
    divider.focus()
    page.keyboard.press("Shift+ArrowRight")
    width = page.evaluate("document.querySelector('#before-after .wrap').offsetWidth")
    page.wait_for_function(
        "x => document.querySelector('#before-after .outer').getBoundingClientRect().left > x",
        arg=before + 0.08 * width,
    )
    assert int(divider.get_attribute("aria-valuenow")) == pytest.approx(60, abs=2)


def test_a_cloud_turns_by_keys_and_stays_turned(url, photos, visit):
    page = visit(url)
    refine(page, photos[0])
    open_tab(page, "3D")
    page.wait_for_function(
        "document.querySelector('#cloud .plot-host')?._fullData?.[0].z?.length > 1"
    )
    start = plot(page, "p._fullLayout.scene.camera.eye")
    page.focus("#cloud .plot-host")
    page.keyboard.press("ArrowRight")
    changed = (
        "x => document.querySelector('#cloud .plot-host')._fullLayout.scene.camera.eye.x !== x"
    )
    page.wait_for_function(changed, arg=start["x"])
    turned = plot(page, "p._fullLayout.scene.camera.eye")
    assert turned["z"] == pytest.approx(start["z"])
    page.keyboard.press("+")
    page.wait_for_function(changed, arg=turned["x"])
    near = plot(page, "p._fullLayout.scene.camera.eye")
    assert all(near[axis] == pytest.approx(turned[axis] / 1.1) for axis in "xyz")
    page.click("#previous")
    wait_for_text(page, "#results", "points of scale 9")
    now = plot(page, "p._fullLayout.scene.camera.eye")
    assert all(now[axis] == pytest.approx(near[axis]) for axis in "xyz")


def test_everything_has_a_name_and_shows_its_focus(url, photos, visit):
    page = visit(url)
    refine(page, photos[0])
    for tab in ("Refine", "3D", "Compare", "Planes", "How it works", "Downloads"):
        open_tab(page, tab)
        page.wait_for_function(f"({NAMELESS})().length === 0")
        page.wait_for_function(f"({NO_ALT})().length === 0")
    page.wait_for_selector("#files a")
    page.keyboard.press("Tab")  # rings are for those who come by keys
    for control in ("#zip", "#previous", "#left .gallery-item", "[role=tab][aria-selected=true]"):
        page.focus(control)
        ring = page.locator(control).first.evaluate("e => getComputedStyle(e).outlineStyle")
        assert ring == "solid", control
