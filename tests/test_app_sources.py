"""A photo from webcam, clipboard and examples, in headless Chromium."""

from tests.browser import (
    MARKS,
    chromium,
    photos,
    run,
    slow,
    url,
    visit,
)

__all__ = ["chromium", "photos", "slow", "url", "visit"]  # fixtures
pytestmark = MARKS
# A red picture of 64 x 48 pixels.
COPY = """async () => {
  const canvas = new OffscreenCanvas(64, 48), pen = canvas.getContext('2d');
  pen.fillStyle = 'red';
  pen.fillRect(0, 0, 64, 48);
  const blob = await canvas.convertToBlob({type: 'image/png'});
  await navigator.clipboard.write([new ClipboardItem({'image/png': blob})]);
}"""


def test_a_photo_by_webcam(url, visit):
    page = visit(url)
    page.context.grant_permissions(["camera"])
    page.get_by_label("Capture from camera").click()
    page.get_by_text("Click to Access Webcam").click()
    page.wait_for_function("document.querySelector('#photo video')?.videoWidth > 0")
    page.get_by_label("capture photo").click()
    page.wait_for_selector("#photo img")
    run(page)
    size = page.evaluate(
        "(i => [i.naturalWidth, i.naturalHeight])(document.querySelector('.map img'))"
    )
    assert size[0] > size[1] > 100


def test_a_photo_from_the_clipboard(url, visit):
    page = visit(url)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate(COPY)
    page.get_by_label("Paste from clipboard").click()
    page.wait_for_selector("#photo img")
    run(page)
    size = page.evaluate(
        "(i => [i.naturalWidth, i.naturalHeight])(document.querySelector('.map img'))"
    )
    assert size == [64, 48]
