"""The app without a browser: handlers as plain functions, endpoints through gradio_client."""

import json
import pickle
import zipfile

import numpy as np
import pytest
from PIL import Image

from depthart.app import handlers, outputs, plots, scene, text
from depthart.app.models import Models
from depthart.app.scene import CloudSettings
from depthart.app.state import Look, portable, shrink
from depthart.images import Photo, open_photo
from depthart.sampling import Sampler

SIDES = [1, 2, 3, 4, 5, 6, 8, 10, 13, 16]


@pytest.fixture(scope="module")
def photo() -> Photo:
    """A photo that is larger than its preview, taken with a 24 mm lens."""
    rows, columns = np.mgrid[:800, :1000]
    pixels = np.stack([columns % 256, rows % 256, (rows + columns) % 256], axis=-1)
    return Photo(pixels.astype(np.uint8), focal_35mm=24.0, name="my photo")


@pytest.fixture
def session(tiny_predictor, photo):
    return refined(tiny_predictor, photo)


def refined(predictor, photo, sampler=None):
    session = handlers.new_session(predictor, photo)
    assert list(handlers.refine(session, stream_of(predictor), sampler)) == list(range(10))
    return session


def stream_of(predictor):
    return lambda photo, sampler: handlers.predictor_steps(predictor, photo, sampler)


# ---- a photo in ----------------------------------------------------------------------------


def test_read_photo_speaks_of_the_file_not_of_our_folder(tmp_path):
    path = tmp_path / "holiday.jpg"
    path.write_bytes(b"this is text")
    with pytest.raises(ValueError, match="“holiday.jpg” is not an image") as caught:
        handlers.read_photo(path)
    assert str(tmp_path) not in str(caught.value)


def test_read_photo_without_a_photo():
    with pytest.raises(ValueError, match="Choose a photo first"):
        handlers.read_photo(None)


def test_samplers():
    assert handlers.make_sampler("default", seed=3) is None
    chosen = handlers.make_sampler("sample", 3, 0.5, 2, 10, 0.7)
    assert chosen == Sampler("sample", top_k=10, top_p=0.7, temperature=0.5, draws=2, seed=3)
    with pytest.raises(ValueError, match="unknown sampler 'best'"):
        handlers.make_sampler("best")


def test_refine_is_the_predictors_own_path(session, tiny_predictor, photo):
    assert [step.side for step in session.steps] == SIDES
    assert session.total == 10 and session.elapsed > 0
    for step, expected in zip(session.steps, tiny_predictor.refine(photo), strict=True):
        np.testing.assert_array_equal(step.indices, expected.indices)
        np.testing.assert_array_equal(step.depth, expected.depth)


def test_the_samplers_seed_counts(tiny_predictor, photo):
    depths = [
        refined(tiny_predictor, photo, Sampler("sample", seed=seed)).steps[-1].model_depth
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(depths[0], depths[1])
    assert not np.array_equal(depths[0], depths[2])


def test_a_stopped_refinement_keeps_its_scales(tiny_predictor, photo):
    session = handlers.new_session(tiny_predictor, photo)
    scales = handlers.refine(session, stream_of(tiny_predictor), None)
    assert [next(scales) for _ in range(3)] == [0, 1, 2]
    scales.close()
    assert "Stopped after scale 3 of 10" in handlers.progress(session)
    assert "Scale 3 of 10" in handlers.view(session, 9, Look()).ladder


def test_steps_travel_without_the_model(tiny_predictor, photo):
    step = portable(next(tiny_predictor.refine(photo)))
    copy = pickle.loads(pickle.dumps(step))
    np.testing.assert_array_equal(copy.model_depth, step.model_depth)
    np.testing.assert_array_equal(copy.features, step.features)


# ---- looking at a scale --------------------------------------------------------------------------


def test_nothing_runs_the_network_again(session, monkeypatch, tiny_predictor):
    def forbidden(*args, **kwargs):
        raise AssertionError("the network ran again")

    for name in ("refine", "decode", "rollout"):
        monkeypatch.setattr(tiny_predictor.model, name, forbidden)
    for scale in (9, 0, 4):
        handlers.view(session, scale, Look("turbo", True))
        scene.cloud(session, scale, CloudSettings(max_points=500))
    outputs.export(session, 4)


def test_view_pictures(session):
    view = handlers.view(session, 4, Look())
    for path in (view.depth, view.difference, view.entropy):
        assert Image.open(path).size == (768, 614)
    assert "scale 5 changed" in view.difference_caption
    assert "5 × 5 = 25 tokens" in view.ladder and "on top of 30" in view.ladder
    mean = session.steps[4].entropy.mean()
    assert f"{mean:.2f} nats on average" in view.entropy_caption
    assert handlers.view(session, 4, Look()).depth == view.depth  # drawn once
    assert handlers.view(session, 4, Look("gray")).depth != view.depth


def test_scales_share_one_range_of_colours(session):
    low, high = handlers.limits_of(session)
    captions = {handlers.view(session, scale, Look()).depth_caption for scale in range(10)}
    assert len(captions) == 1
    assert f"near {text.number(low)}" in captions.pop()


def test_difference_is_white_where_nothing_changed(session):
    first = np.asarray(Image.open(handlers.view(session, 0, Look()).difference))
    assert (first == first[0, 0]).all() and first.min() > 240
    assert handlers.mean_change(session, 0) is None
    change = np.abs(session.steps[3].model_depth - session.steps[2].model_depth).mean()
    assert handlers.mean_change(session, 3) == pytest.approx(change)


def test_before_after(session):
    photo, depth = handlers.before_after(session, 9, 0, Look())
    shown = np.asarray(Image.open(photo)).astype(int)
    assert np.abs(shown - session.preview.rgb).mean() < 8  # a JPEG
    third, same = handlers.before_after(session, 9, 3, Look())
    assert same == depth and third == handlers.view(session, 2, Look()).depth


@pytest.mark.parametrize("kind", text.MEANING)
def test_every_kind_says_what_its_numbers_mean(kind):
    caption = text.depth_caption(kind, (0.25, 4.0), "spectral", False, known=False)
    near, far = ("4.00", "0.250") if kind == "disparity" else ("0.250", "4.00")
    unit = " m" if kind == "metric" else ""
    assert f">near {near}{unit}<" in caption and f">{far}{unit} far<" in caption
    assert text.MEANING[kind] in caption


@pytest.mark.parametrize(
    ("value", "expected"), [(0.01234, "0.0123"), (1.0, "1.00"), (12.34, "12.3"), (1234.5, "1234")]
)
def test_numbers_have_three_digits(value, expected):
    assert text.number(value) == expected


def test_curve_marks_the_chosen_dot():
    svg = plots.curve([None, 0.5, 1.0], ["1", "2", "3"], 1, "Title", "nats")
    assert svg.count("<circle") == 2 and svg.count('<circle class="chosen"') == 1
    assert "0.5 nats</text>" in svg and 'aria-label="Title. 2: 0.5; 3: 1"' in svg


# ---- 3D ------------------------------------------------------------------------------------------


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


# ---- files ---------------------------------------------------------------------------------------


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


# ---- models --------------------------------------------------------------------------------------


def test_a_missing_model_is_told_and_the_app_starts():
    from depthart.app.ui import build

    problem = Models("no-such-model").problem()
    assert "no-such-model" in problem
    values = [getattr(block, "value", None) for block in build("no-such-model").blocks.values()]
    assert any("No model yet" in str(value) for value in values)


def test_models_are_loaded_once(monkeypatch, tiny_predictor):
    import depthart.registry

    calls = []
    monkeypatch.setattr(
        depthart.registry, "load", lambda name: calls.append(name) or tiny_predictor
    )
    models = Models("depthart-small")
    assert models.get("depthart-small") is models.get("depthart-small") is tiny_predictor
    assert calls == ["depthart-small"] and models.problem() == ""
    assert models.names()[0] == "depthart-small"


# ---- endpoints -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client(tiny_predictor):
    from gradio_client import Client

    from depthart.app.ui import build, launch_options

    demo = build("tiny-random", tiny_predictor)
    options = {"prevent_thread_lock": True, "quiet": True, "ssr_mode": False}
    _, url, _ = demo.launch(**launch_options(), **options)
    yield Client(url, verbose=False)
    demo.close()


@pytest.fixture(scope="module")
def picture_file(photo, tmp_path_factory):
    path = tmp_path_factory.mktemp("photos") / "wide.png"
    Image.fromarray(photo.rgb).save(path)
    return path


def test_predict_needs_only_a_picture(client, picture_file, tiny_predictor):
    from gradio_client import handle_file

    color, array, info = client.predict(handle_file(picture_file), api_name="/predict")
    assert Image.open(color).size == (768, 614)
    depth = np.load(array)
    np.testing.assert_allclose(
        depth, tiny_predictor.predict(open_photo(picture_file)).depth, atol=1e-6
    )
    assert info["unit"] == "relative" and info["scales"] == SIDES and info["fov_deg"] == 55
    assert info["kind"] == "scale_invariant" and "larger is farther" in info["meaning"]


def test_refine_streams_ten_scales_in_order(client, picture_file):
    from gradio_client import handle_file

    job = client.submit(handle_file(picture_file), api_name="/refine")
    job.result(timeout=60)
    updates = job.outputs()
    assert [info["side"] for _, info in updates] == SIDES
    assert [info["scale"] for _, info in updates] == list(range(1, 11))
    assert len({color for color, _ in updates}) == 10


def test_only_the_named_endpoints_are_public(client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == {"/predict", "/refine", "/compare"}
    for name, endpoint in endpoints.items():
        required = [p["label"] for p in endpoint["parameters"] if not p["parameter_has_default"]]
        assert required == ["image"], name
        assert "photo" in endpoint["description"]


def test_a_bad_picture_is_refused_in_the_librarys_words(client, tmp_path):
    from gradio_client import handle_file
    from gradio_client.exceptions import AppError

    path = tmp_path / "notes.png"
    path.write_text("these are notes")
    with pytest.raises(AppError, match="notes.png” is not an image"):
        client.predict(handle_file(path), api_name="/predict")
    with pytest.raises(AppError, match="unknown sampler|not in the list"):
        client.predict(handle_file(path), sampler="best", api_name="/predict")
