"""What a visitor does, in headless Chromium, with a tiny model. Console errors fail a test."""

import zipfile

import numpy as np
import pytest

from tests.browser import (
    MARKS,
    chromium,
    move_slider,
    open_tab,
    photos,
    plot,
    press,
    refine,
    run,
    serve,
    shown_scale,
    slow,
    source,
    start,
    upload,
    url,
    visit,
    wait_for_text,
)

__all__ = ["chromium", "photos", "slow", "url", "visit"]  # fixtures
pytestmark = MARKS


def test_watch_ten_scales_and_step_back(url, slow, photos, visit):
    page = visit(url)
    upload(page, photos[0])
    with slow.step_by_step() as let_go:
        start(page)
        picture = None
        for k in range(1, 11):
            let_go()
            wait_for_text(page, "#ladder", f"Scale {k} of 10")
            changed = "before => (document.querySelector('.map img')?.src ?? before) !== before"
            page.wait_for_function(changed, arg=picture)
            picture = source(page)
        wait_for_text(page, "#status", r"10 scales in \d")
    last = source(page)
    page.click("#previous")
    wait_for_text(page, "#ladder", "Scale 9 of 10")
    assert source(page) != last
    page.click("#next")
    wait_for_text(page, "#ladder", "Scale 10 of 10")
    page.wait_for_function("s => document.querySelector('.map img').src === s", arg=last)
    move_slider(page, 3)
    assert "scale 3 changed" in page.inner_text("#results")
    page.evaluate(
        """() => {
          window.seen = [];
          new MutationObserver(() => {
            const words = document.querySelector('#ladder').innerText;
            const scale = Number(/Scale (\\d+)/.exec(words)?.[1]);
            if (scale && seen.at(-1) !== scale) seen.push(scale);
          }).observe(document.body, {subtree: true, childList: true, characterData: true});
        }"""
    )
    page.click("#play")
    wait_for_text(page, "#ladder", "Scale 10 of 10")
    seen = page.evaluate("seen")  # a busy page may draw two steps at once
    assert seen == sorted(set(seen)) and seen[-1] == 10 and len(seen) >= 4


def test_before_and_after(url, photos, visit):
    """The left side can be another scale; the right side is the chosen one."""
    page = visit(url)
    refine(page, photos[0])
    sources = "[...document.querySelectorAll('#before-after img')].map(i => i.src)"
    page.wait_for_function(f"{sources}.length === 2")
    photo, depth = page.evaluate(sources)
    assert "-photo." in photo and "-depth-scale_10." in depth
    page.get_by_label("Left side").click()
    page.get_by_role("option", name="Scale 3", exact=True).click()
    page.wait_for_function(f"{sources}.some(s => s.includes('-depth-scale_03.'))")
    page.click("#previous")
    page.wait_for_function(f"{sources}.some(s => s.includes('-depth-scale_09.'))")
    assert sorted(s.split("-")[-1] for s in page.evaluate(sources)) == [
        "scale_03.png",
        "scale_09.png",
    ]


@pytest.mark.parametrize("scale", [1, 3])
def test_stop_keeps_what_is_there(url, slow, photos, visit, scale):
    """A click that follows a scale at once counts, too."""
    page = visit(url)
    assert page.locator("#previous, #next, #play").evaluate_all("b => b.every(b => b.disabled)")
    upload(page, photos[0])
    with slow.step_by_step() as let_go:
        start(page)
        for k in range(1, scale + 1):
            let_go()
            wait_for_text(page, "#ladder", f"Scale {k} of 10")
        press(page, "Stop")
        page.get_by_role("button", name="Stop", exact=True, disabled=True).wait_for()
        let_go()  # the scale that was in the making is finished and kept
        wait_for_text(page, "#status", f"Stopped after scale {scale + 1} of 10")
    assert page.get_attribute("#scale input[type=range]", "max") == str(scale + 1)
    page.click("#previous")
    wait_for_text(page, "#ladder", f"Scale {scale} of 10")
    run(page)


def test_an_example_runs_at_a_click(url, visit):
    page = visit(url)
    page.locator("#left .gallery-item").first.click()
    wait_for_text(page, "#status", r"10 scales in \d")
    open_tab(page, "3D")
    wait_for_text(page, "#results", "From the photo's EXIF data")


def test_the_seed_changes_a_sampled_depth(url, photos, visit):
    page = visit(url)
    page.get_by_text("Model and sampling").click()
    page.get_by_label("Sampler").click()
    page.get_by_role("option", name="Random draws").click()
    page.get_by_label("Seed").wait_for()
    upload(page, photos[0])
    sources = []
    for seed in ("7", "7", "8"):
        page.get_by_label("Seed").fill(seed)
        run(page)
        sources.append(source(page).split("/")[-2])  # the folder is the picture's hash
    assert sources[0] == sources[1] != sources[2]


def test_sharpening_can_be_switched_off_and_on(url, photos, visit):
    """The picture shown changes, what the scale changed does not, and files follow."""
    page = visit(url)
    refine(page, photos[0])
    changed = "document.querySelectorAll('.map img')[1].src"
    sharp, difference = source(page), page.evaluate(changed)
    page.get_by_label("Sharpen with the photo").uncheck()
    page.wait_for_function("s => document.querySelector('.map img').src !== s", arg=sharp)
    wait_for_text(page, "#results", "twice as far.(?! Edges)")
    assert page.evaluate(changed) == difference
    page.get_by_label("Sharpen with the photo").check()
    page.wait_for_function("s => document.querySelector('.map img').src === s", arg=sharp)


def test_colours_change_the_picture(url, photos, visit):
    page = visit(url)
    refine(page, photos[0])
    before = source(page)
    page.get_by_text("Colours", exact=True).click()
    page.get_by_label("Swap near and far colours").check()
    page.wait_for_function("s => document.querySelector('.map img').src !== s", arg=before)
    assert shown_scale(page) == 10


def test_point_cloud_keeps_the_view(url, photos, visit):
    page = visit(url)
    refine(page, photos[0])
    open_tab(page, "3D")
    page.wait_for_selector("#cloud canvas")
    page.wait_for_function(
        "document.querySelector('#cloud .plot-host')._fullData?.[0].z?.length > 1"
    )
    box = page.locator("#cloud").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    start = plot(page, "p.layout.scene.camera.eye")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 90, y + 40, steps=4)
    # Plotly turns the scene when it draws, and keeps what it has drawn when the button is let go.
    page.evaluate(
        "async () => { for (let k = 0; k < 10; k++) await new Promise(requestAnimationFrame) }"
    )
    page.mouse.up()
    page.wait_for_function(
        "x => document.querySelector('#cloud .plot-host').layout.scene.camera.eye.x !== x",
        arg=start["x"],
    )
    turned = plot(page, "p.layout.scene.camera.eye")
    depths = plot(page, "p._fullData[0].y.slice(0, 50).join()")
    move_slider(page, 2)
    page.wait_for_function(
        "d => document.querySelector('#cloud .plot-host')._fullData[0].y.slice(0, 50).join() !== d",
        arg=depths,
    )
    wait_for_text(page, "#results", "points of scale 2")
    now = plot(page, "p._fullLayout.scene.camera.eye")
    assert all(abs(now[axis] - turned[axis]) < 1e-6 for axis in "xyz")
    run(page)  # another run looks at its scene from the start, and turns like the first
    wait_for_text(page, "#results", "points of scale 10")
    page.wait_for_function(
        "x => document.querySelector('#cloud .plot-host')._fullLayout.scene.camera.eye.x === x",
        arg=start["x"],
    )


def test_measure_and_make_it_metric(url, photos, visit):
    page = visit(url)
    refine(page, photos[0])
    open_tab(page, "3D")
    picture = page.get_by_alt_text("Photo to click on")
    picture.wait_for()
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    for share, pattern in ((0.3, "A lies at depth"), (0.7, "A to B: .* relative")):
        position = {"x": box["width"] * share, "y": box["height"] * 0.5}
        picture.click(position=position)
        wait_for_text(page, "#measured", pattern)
    page.fill("#metres input", "2.5")
    press(page, "Make it metric")
    wait_for_text(page, "#measured", r"A to B: 2\.50 m")
    wait_for_text(page, "#results", "In metres")
    open_tab(page, "Refine")
    wait_for_text(page, "#results", r"near [\d.]+ m")


def test_download_the_zip(url, photos, visit, tmp_path):
    page = visit(url)
    refine(page, photos[1])
    open_tab(page, "Downloads")
    page.wait_for_selector("#files a")
    assert page.locator("#files a").count() == 9
    with page.expect_download() as download:
        page.click("#zip")
    path = tmp_path / "all.zip"
    download.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert np.load(archive.open("tall/depth.npy")).shape == (600, 300)


def test_a_bad_picture_is_refused_in_words(url, visit, tmp_path):
    path = tmp_path / "notes.png"
    path.write_text("these are notes")
    page = visit(url)
    page.set_input_files("#photo input[type=file]", str(path))
    page.wait_for_selector(".toast-body")
    assert "“notes.png” is not an image" in page.inner_text(".toast-body")
    page.wait_for_selector("#photo img", state="detached")
    press(page, "Estimate depth")
    page.get_by_text("Choose a photo first").wait_for()
    page.get_by_role("button", name="Estimate depth", disabled=False).wait_for()


def test_two_visitors_do_not_meet(url, photos, visit):
    pages = [visit(url), visit(url)]
    for page, photo in zip(pages, photos, strict=True):
        upload(page, photo)
    for page in pages:
        press(page, "Estimate depth")
    for page, (width, height) in zip(pages, ((640, 480), (300, 600)), strict=True):
        wait_for_text(page, "#status", r"10 scales in \d")
        for scale in (4, 10):
            move_slider(page, scale)
            page.wait_for_function("document.querySelector('.map img')?.naturalWidth")  # loaded
            size = page.evaluate(
                "(i => [i.naturalWidth, i.naturalHeight])(document.querySelector('.map img'))"
            )
            assert size == [width, height]


@pytest.fixture
def url_without_model():
    """Set up before `visit`, so that the pages are gone when this server stops."""
    demo, address = serve("no-such-model")
    yield address
    demo.close()


def test_a_missing_model_is_told(url_without_model, visit):
    page = visit(url_without_model)
    assert "no-such-model" in page.inner_text(".notice")


@pytest.mark.parametrize(("width", "theme"), [(390, "dark"), (1280, "light")])
def test_nothing_jumps_or_sticks_out(url, photos, visit, width, theme):
    page = visit(url, width, theme=theme)
    place = "(i => i.getBoundingClientRect().top + scrollY + ',' + i.offsetHeight)"
    maps = f"[...document.querySelectorAll('.map, #before-after, #curves')].map({place})"
    page.wait_for_timeout(500)
    before = page.evaluate(maps)
    refine(page, photos[0])
    assert page.evaluate("document.body.classList.contains('dark')") == (theme == "dark")
    if width > 1000:
        assert page.evaluate(maps) == before
    for tab in ("Refine", "3D", "How it works", "Downloads"):
        open_tab(page, tab)
        page.wait_for_timeout(500)
        sticking_out = page.evaluate(
            """() => [...document.querySelectorAll('#left *, #results *')].filter(e => {
              const r = e.getBoundingClientRect();
              return r.width && r.right > innerWidth + 1
                && !e.closest('svg, canvas, .plot-host, .visually-hidden');
            }).map(e => e.outerHTML.slice(0, 200))"""
        )
        assert sticking_out == []
        cut = page.evaluate(
            # Without a box's turned arrow, and the hidden copies by which Gradio measures its tabs.
            """() => [...document.querySelectorAll('#results button, .caption *')].filter(e =>
              !e.matches('.label-wrap, .visually-hidden *') && e.offsetWidth && e.innerText
                && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline'
            ).map(e => e.outerHTML.slice(0, 200))"""
        )
        assert cut == []
