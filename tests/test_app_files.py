"""What the app gives to take home."""

import json
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from depthart.app import ensemble, handlers, outputs, scene
from depthart.app.state import Look
from tests.app_sessions import photo, roll_outs, session

__all__ = ["photo", "session"]  # fixtures


def test_export_has_the_photos_size_and_the_command_lines_numbers(session, tiny_predictor, photo):
    session.marks = ((100, 300), (600, 450))
    archive, files = outputs.export(session, 9, scales=True)
    with zipfile.ZipFile(archive) as packed:
        names = set(packed.namelist())
        depth = np.load(packed.open("my_photo/depth.npy"))
    expected = {"depth.npy", "depth.png", "depth.json", "depth_color.png", "refinement.gif"}
    expected |= {"cloud.ply", "cloud.glb", "mesh.glb", "scale_01.png", "scale_10.png"}
    assert {f"my_photo/{name}" for name in expected} <= names
    assert len(files) == len(names)
    np.testing.assert_allclose(depth, tiny_predictor.predict(photo).depth, atol=1e-6)


def test_export_in_metres(session):
    session.marks = ((100, 300), (600, 450))
    scene.know_length(session, 3.0, 9)
    _, files = outputs.export(session, 9)
    about = json.loads(next(open(f).read() for f in files if f.endswith("depth.json")))
    preview = session.prediction(9)
    assert about["unit"] == "m"
    assert about["metres_per_unit"] == pytest.approx(preview.metres_per_unit, rel=0.02)


def test_a_closed_session_leaves_no_files(session):
    handlers.view(session, 9, Look())
    folder = session.folder()
    assert any(folder.iterdir())
    session.close()
    assert not folder.exists()


def test_files_are_in_the_chosen_colours_and_hold_the_mean(session, tiny_predictor):
    for _ in ensemble.gather(session, roll_outs(tiny_predictor), ensemble.samplers(None, 2)):
        pass
    archive, files = outputs.export(session, 9, look=Look("gray"))
    color = next(f for f in files if f.endswith("depth_color.png"))
    assert (np.ptp(np.asarray(Image.open(color).convert("RGB")), axis=-1) == 0).all()
    with zipfile.ZipFile(archive) as packed:
        spread = np.load(packed.open("my_photo/mean/uncertainty.npy"))
        assert "my_photo/share.jpg" in packed.namelist()
    assert spread.shape == (800, 1000) and spread.max() > 0
    assert outputs.export(session, 9, look=Look("gray"))[0] == archive  # not made again
    assert outputs.export(session, 9, look=Look("turbo"))[0] != archive


def test_files_of_the_first_scale(session):
    _, files = outputs.export(session, 0, scales=True)
    assert not any(f.endswith((".gif", "scale_01.png")) for f in files)


def test_events_side_by_side_do_not_share_a_file(session):
    """Each draws another picture while the other is at it."""
    meet = threading.Barrier(2, timeout=20)

    def draw(grey):
        meet.wait()
        return np.full((8, 8, 3), grey, np.uint8)

    def picture(grey):
        return session.picture(("grey", grey), lambda: draw(grey))

    with ThreadPoolExecutor(2) as pool:
        paths = list(pool.map(picture, (10, 200)))
    assert [np.asarray(Image.open(path)).mean() for path in paths] == [10, 200]
