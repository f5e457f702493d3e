"""The picture that links to the Space are previewed with."""

import numpy as np
from PIL import Image

import depthart
from train import thumbnail


def test_the_command_draws_photo_depth_and_scales(tiny_predictor, picture, tmp_path, monkeypatch):
    monkeypatch.setattr(depthart, "load", lambda name: tiny_predictor)
    picture.save(tmp_path / "photo.png")
    flags = ["--photo", str(tmp_path / "photo.png"), "--out", str(tmp_path / "thumbnail.jpg")]
    thumbnail.main(flags)
    with Image.open(tmp_path / "thumbnail.jpg") as file:
        assert file.size == thumbnail.SIZE
        pixels = np.asarray(file.convert("RGB")).astype(int)
    m, panel = thumbnail.MARGIN, thumbnail.PANEL
    # The middle of the photo, with its dark square, stands in the first panel; depth in the next.
    photo = np.asarray(picture.crop((16, 0, 80, 64)).resize((panel, panel))).astype(int)
    assert np.abs(pixels[m : m + panel, m : m + panel] - photo).mean() < 12
    left = m + panel + thumbnail.GAP
    assert np.abs(pixels[m : m + panel, left : left + panel] - photo).mean() > 30
    assert (np.abs(pixels[2, 2] - thumbnail.BACKGROUND) < 6).all()
