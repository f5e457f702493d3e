"""The app's endpoints through gradio_client."""

import numpy as np
import pytest
from PIL import Image

from depthart.images import open_photo
from tests.app_sessions import SIDES, photo

__all__ = ["photo"]  # fixtures


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
