"""The picture of the app in the README can be taken."""

import numpy as np

from tests.browser import MARKS, chromium, photos, slow, url
from tests.screenshot import HEIGHT, WIDTH, take

__all__ = ["chromium", "photos", "slow", "url"]  # fixtures
pytestmark = MARKS


def test_both_themes_show_the_depth(url, chromium, photos):
    light, dark = (np.asarray(take(chromium, url, photos[0], theme)) for theme in ("light", "dark"))
    assert light.shape == dark.shape == (HEIGHT, WIDTH, 3)
    assert light[:10].mean() > 220 and dark[:10].mean() < 60
    colourful = (light.max(-1).astype(int) - light.min(-1) > 40)[330:700, 400:870]
    assert colourful.mean() > 0.5  # the map of depth
