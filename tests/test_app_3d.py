"""Point cloud, mesh and lengths of the 3D tab, as plain functions."""

import re
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from depthart.app import handlers, mesh_panel, plots, scene, text
from depthart.app.scene import CloudSettings
from depthart.app.state import Look, shrink
from depthart.images import Photo
from tests.app_sessions import photo, refined, session

__all__ = ["photo", "session"]  # fixtures


def test_field_of_view_comes_from_exif(photo, tmp_path):
    assert scene.photo_fov(photo)[1]
    fov, from_exif = scene.photo_fov(Photo(photo.rgb))
    assert (fov, from_exif) == (55.0, False)
    exif = Image.Exif()
    exif.get_ifd(0x8769)[41989] = 24  # FocalLengthIn35mmFilm
    Image.fromarray(photo.rgb).save(tmp_path / "a.jpg", exif=exif)
    assert scene.photo_fov(handlers.read_photo(tmp_path / "a.jpg")) == scene.photo_fov(photo)
    assert shrink(photo, 100).focal_35mm == 24 and shrink(photo, 100).rgb.shape == (80, 100, 3)


def test_cloud_settings(session):
    everything = CloudSettings(max_points=3000, remove_edges=False)
    figure, count = scene.cloud(session, 9, everything)
    assert 1000 < count <= 3000  # random weights put some pixels at depth 0, which are no points
    trace = figure.data[0]
    assert len(trace.x) == len(trace.y) == len(trace.z) == len(trace.marker.color) == count
    assert np.asarray(trace.y).min() >= 0  # depth goes into the screen
    near, fewer = scene.cloud(session, 9, CloudSettings(3000, False, keep_nearest=0.5))
    depth = session.prediction(9).z_depth()
    nearest = depth[depth > 0].min()
    limit = nearest + 0.5 * (depth.max() - nearest)
    assert 0 < fewer < count and np.asarray(near.data[0].y).max() <= limit
    wide_before = np.ptp(figure.data[0].x)
    session.fov_deg = 120
    assert np.ptp(scene.cloud(session, 9, everything)[0].data[0].x) > 1.5 * wide_before


def test_the_view_is_kept_between_scales_but_not_between_photos(session, tiny_predictor, photo):
    revisions = [scene.cloud(session, k, CloudSettings())[0].layout.uirevision for k in (2, 9)]
    other = scene.cloud(refined(tiny_predictor, photo), 9, CloudSettings())[0]
    assert revisions[0] == revisions[1] != other.layout.uirevision


def test_palette_is_exact_for_few_colours():
    rgb = np.random.default_rng(0).choice(np.array([0, 80, 160, 240], np.uint8), (500, 3))
    palette, index = plots.quantize(rgb)
    assert palette.shape == (256, 3)
    assert np.abs(palette[index].astype(int) - rgb).max() <= 8


def test_measure_and_known_length(session):
    assert "Click two points" in scene.measured(session, 9)
    with pytest.raises(ValueError, match="Click the two ends"):
        scene.know_length(session, 2.0, 9)
    scene.mark(session, (100, 500))
    assert "A lies at depth" in scene.measured(session, 9)
    scene.mark(session, (600, 450))
    relative = session.prediction(9).distance(*session.marks)
    assert f"A to B: {text.number(relative)} relative" in scene.measured(session, 9)
    scene.know_length(session, 2.5, 9)
    for scale in (0, 5, 9):  # what the visitor knows holds at every scale, and through every lens
        assert "A to B: 2.50 m" in scene.measured(session, scale)
    session.fov_deg = 90
    assert "A to B: 2.50 m" in scene.measured(session, 9)
    assert " m far" in handlers.view(session, 9, Look()).depth_caption
    assert "In metres" in text.cloud_caption(10, 9, session.kind, known=True)
    scene.mark(session, (10, 10))
    assert session.marks == ((10, 10),)  # the third click starts over
    scene.forget_length(session)
    assert session.prediction(9).unit == "relative"


@pytest.mark.parametrize("metres", [0, -1, None, float("nan")])
def test_an_impossible_length_changes_nothing(session, metres):
    session.marks = ((100, 500), (600, 450))
    scene.know_length(session, 2.0, 9)
    with pytest.raises(ValueError, match="must be positive"):
        scene.know_length(session, metres, 9)
    assert session.known.metres == 2.0


def test_marks_are_drawn(session):
    session.marks = ((100, 500), (760, 450))
    picture = np.asarray(Image.open(scene.marked_photo(session))).astype(int)
    changed = np.abs(picture - session.preview.rgb).max(-1) > 120
    assert changed[500, 100] or changed[495:505, 95:105].any()
    assert not changed[:200].any()


def test_points_have_the_chosen_colours_of_depth(session):
    settings = CloudSettings(500, False, color="depth", look=Look("gray"))
    trace = scene.cloud(session, 9, settings)[0].data[0]
    palette = {color for _, color in trace.marker.colorscale}
    assert all(len(set(re.findall(r"\d+", color))) == 1 for color in palette)


def test_mesh_for_the_viewer(session):
    path = scene.mesh(session, 9)
    assert open(path, "rb").read(4) == b"glTF" and scene.mesh(session, 9) == path
    near = scene.mesh(session, 9, keep_nearest=0.5)
    assert Path(near).stat().st_size < Path(path).stat().st_size
    session.fov_deg = 90
    assert scene.mesh(session, 9) not in (path, near)


def test_the_viewer_is_given_a_mesh_once(session):
    viewer = mesh_panel.Viewer()
    first = mesh_panel.draw(session, "cloud", True, viewer, 10, 100)
    assert first == [scene.mesh(session, 9)]
    assert mesh_panel.draw(session, "cloud", True, viewer, 10, 100) == [gr.skip()]
    assert mesh_panel.draw(session, "cloud", True, viewer, 9, 100) not in (first, [gr.skip()])
    assert mesh_panel.draw(session, "cloud", True, viewer, 10, 100) == first


def test_cut_is_a_share_of_the_range():
    depth = np.array([[0.0, 2.0], [4.0, 10.0]])
    assert scene.cut(depth, 1.0) is None and scene.cut(depth, 0.5) == 6
