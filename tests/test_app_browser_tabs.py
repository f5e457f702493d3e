"""Ground truth, draws, tokens and mesh in headless Chromium; two visitors; console errors fail."""

import numpy as np
import pytest

from depthart.app.inputs import EXAMPLES
from tests.browser import (
    MARKS,
    chromium,
    move_slider,
    open_tab,
    photos,
    press,
    refine,
    run,
    slow,
    upload,
    url,
    visit,
    wait_for_text,
)

__all__ = ["chromium", "photos", "slow", "url", "visit"]  # fixtures
pytestmark = MARKS


@pytest.fixture(scope="module")
def depth_file(tmp_path_factory):
    """True depth of the wide picture, twice as large."""
    path = tmp_path_factory.mktemp("truth") / "wide_depth.npy"
    np.save(path, np.linspace(1, 5, 960 * 1280, dtype=np.float32).reshape(960, 1280))
    return path


def give_truth(page, path):
    page.get_by_text("Ground truth", exact=True).first.click()
    page.set_input_files("#truth input[type=file]", str(path))


def test_ground_truth_gives_errors_per_scale(url, photos, visit, depth_file):
    page = visit(url)
    refine(page, photos[0])
    assert page.locator("table.scores").count() == 0
    give_truth(page, depth_file)
    page.wait_for_selector("table.scores")
    assert page.locator("table.scores tbody tr").count() == 10
    wait_for_text(page, "#curves", "Error .AbsRel.")
    chosen = page.locator("table.scores tr.chosen")
    assert chosen.locator("td").first.inner_text() == "10"
    move_slider(page, 4)
    wait_for_text(page, "table.scores tr.chosen", "^4")
    page.get_by_role("button", name="Clear").last.click()
    page.wait_for_selector("table.scores", state="detached")
    wait_for_text(page, "#curves", "Mean change")


def test_truth_of_another_picture_is_refused(url, photos, visit, depth_file):
    page = visit(url)
    refine(page, photos[1])
    give_truth(page, depth_file)
    page.get_by_text("does not have the shape of the photo").wait_for()
    assert page.locator("table.scores").count() == 0
    run(page)


def test_the_example_comes_with_its_truth(url, visit):
    page = visit(url)
    name = next((EXAMPLES / "truth").glob("*_depth.png")).stem.removesuffix("_depth")
    page.locator(f"#left .gallery-item:has(img[src*={name}])").click()
    page.wait_for_selector("table.scores")
    wait_for_text(page, "#status", r"10 scales in \d")
    assert page.locator("table.scores tbody tr").count() == 10
    wait_for_text(page, "table.scores", f"{name}_depth.png")


def test_draws_give_mean_and_uncertainty(url, photos, visit):
    page = visit(url)
    refine(page, photos[0])
    page.get_by_label("number input for Draws", exact=True).fill("3")
    page.click("#draw")
    wait_for_text(page, "#ensemble-status", "3 of 3 draws")
    for alt in ("Mean depth of all draws", "Where draws disagree"):
        page.get_by_alt_text(alt).wait_for()
    refine(page, photos[1])
    page.get_by_alt_text("Where draws disagree").wait_for(state="detached")


def test_how_it_works(url, photos, visit):
    page = visit(url)
    open_tab(page, "How it works")
    page.get_by_text("Estimate depth first; then this tab").wait_for()
    refine(page, photos[0])
    page.wait_for_selector(".pyramid img")
    assert page.locator(".pyramid").count() == 4
    assert page.locator(".pyramid img").count() == 40
    page.locator(".pyramid.sum button").nth(5).click()
    wait_for_text(page, "#ladder", "Scale 6 of 10")
    wait_for_text(page, ".pyramid.tokens .chosen", "6×6")
    tiles = page.get_by_alt_text("Tokens, one tile each")
    box = tiles.bounding_box()
    tiles.click(position={"x": box["width"] / 2 + 5, "y": box["height"] / 2 + 5})
    wait_for_text(page, "#token", r"Code [\d,]+ of [\d,]+, row 4 and column 4 of 6 × 6")
    page.get_by_alt_text("What one code draws").wait_for()


def test_mesh_viewer_opens_on_a_slow_line(url, photos, visit):
    """The viewer's own code comes late; meanwhile the visitor looks elsewhere and comes back."""
    page = visit(url)
    waiting = []
    page.route("**/Canvas3D-*.js", lambda route: waiting.append(route))
    refine(page, photos[0])
    open_tab(page, "3D")
    page.get_by_text("Textured mesh").click()
    page.locator("#mesh-view").get_by_role("link", name="Download").wait_for()
    move_slider(page, 9)
    wait_for_text(page, "#results", "points of scale 9")
    open_tab(page, "Refine")
    open_tab(page, "3D")
    page.wait_for_timeout(1000)
    assert waiting
    with page.expect_response(lambda response: ".glb" in response.url):
        for route in waiting:
            route.continue_()
    page.wait_for_selector("#mesh-view canvas")
    with page.expect_download() as download:
        page.locator("#mesh-view").get_by_role("link", name="Download").click()
    assert open(download.value.path(), "rb").read(4) == b"glTF"


def test_two_visitors_have_their_own_truth_and_tokens(url, photos, visit, depth_file):
    first, second = visit(url), visit(url)
    for page, photo in ((first, photos[0]), (second, photos[1])):
        upload(page, photo)
    for page in (first, second):
        press(page, "Estimate depth")
    for page in (first, second):
        wait_for_text(page, "#status", r"10 scales in \d")
    give_truth(first, depth_file)
    first.wait_for_selector("table.scores")
    assert second.locator("table.scores").count() == 0
    sizes = []
    for page in (first, second):
        open_tab(page, "How it works")
        page.wait_for_selector(".pyramid img")
        tiles = page.get_by_alt_text("Tokens, one tile each")
        tiles.wait_for()
        sizes.append(
            tiles.evaluate("i => i.decode().then(() => [i.naturalWidth, i.naturalHeight])")
        )
    assert sizes == [[640, 480], [300, 600]]
