"""`python -m tests.screenshot -o assets/figures/app.jpg`: the app after a photo, for the README."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests.browser import ARGUMENTS, CHROMIUM, enter, new_page, refine, serve

WIDTH, HEIGHT = 1280, 920
PHOTO = Path(__file__).resolve().parents[1] / "assets/examples/living_room.jpg"


def take(browser: Browser, url: str, photo: Path, theme: str = "light") -> Image.Image:
    """What a visitor sees when all scales of a photo are there, RGB of WIDTH x HEIGHT pixels."""
    page = new_page(browser, WIDTH, HEIGHT)
    enter(page, url, theme)
    refine(page, photo)
    page.wait_for_function("[...document.images].every(image => image.complete)")
    page.evaluate("window.scrollTo({top: 0, behavior: 'instant'})")
    page.mouse.move(0, 0)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    page.context.close()
    return picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--photo", type=Path, default=PHOTO)
    options = parser.parse_args()
    demo, url = serve()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for theme, suffix in (("light", ""), ("dark", "-dark")):
            path = options.output.with_stem(options.output.stem + suffix)
            picture = take(browser, url, options.photo, theme)
            picture.save(path, quality=88, subsampling=0, optimize=True)
        browser.close()
    demo.close()


if __name__ == "__main__":
    main()
