"""Models of transformers: tiny ones of random weights, saved and opened as the published ones are.

Nothing here reaches the network.
"""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from depthart import registry
from depthart.baselines.pretrained import PretrainedPredictor, kind_of
from depthart.baselines.processors import DepthProProcessor, without_zoe_padding
from depthart.baselines.published import PUBLISHED
from depthart.checkpoints import CheckpointError
from depthart.registry import download, list_models, load
from tests.tiny_pretrained import MODELS, depth_anything


@pytest.fixture(scope="module", params=MODELS)
def folder(request, tmp_path_factory):
    """A folder in the format of the hub's, under the name of a published model."""
    pytest.importorskip("transformers")
    torch.manual_seed(0)
    model, processor = MODELS[request.param]()
    path = tmp_path_factory.mktemp("hub") / request.param
    model.save_pretrained(path)
    if processor is not None:
        processor.save_pretrained(path)
    return path


def test_it_opens_as_any_checkpoint_does(folder, picture):
    predictor = load(folder, "cpu")
    assert isinstance(predictor, PretrainedPredictor) and predictor.name == folder.name
    assert predictor.kind == PUBLISHED[folder.name].kind and not predictor.model.training
    prediction = predictor.predict(picture, ensemble=2)
    assert prediction.depth.shape == (64, 96) and np.isfinite(prediction.depth).all()
    assert np.ptp(prediction.depth) > 0
    assert prediction.uncertainty is None and len(prediction.steps) == 1
    assert prediction.unit == ("m" if predictor.kind == "metric" else "relative")


def test_the_map_is_that_of_the_library(folder, picture):
    """Upright and in place: the same as the library's own pipeline gives."""
    from transformers import pipeline

    if folder.name in ("zoedepth", "depth-pro"):
        pytest.skip("the pipeline needs torchvision for it; our own way has its own test")

    expected = pipeline("depth-estimation", str(folder), device="cpu")(picture)["predicted_depth"]
    (step,) = load(folder, "cpu").refine(picture)
    found, expected = step.depth, expected.squeeze().clamp_min(0).numpy()
    assert found.shape == expected.shape
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.99


def test_it_is_available_where_it_was_downloaded(folder, picture, monkeypatch):
    monkeypatch.setattr(registry, "CHECKPOINTS", folder.parent)
    info = {info.name: info for info in list_models()}[folder.name]
    assert info.available and info.reason == "" and info.family == "pretrained"
    assert load(folder.name, "cpu").name == folder.name
    assert download(folder.name, folder.parent) == folder  # at once, without the network
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    info = {info.name: info for info in list_models()}[folder.name]
    assert not info.available
    assert info.reason.startswith("needs transformers; run: python -m pip install")


def test_hub_ids_go_through_the_same_path(folder, picture, monkeypatch):
    opened = []
    real = PretrainedPredictor._open.__func__

    def local(cls, where, device, name, kind, options):
        opened.append((where, options))
        return real(cls, str(folder), device, name, kind, {"local_files_only": True})

    monkeypatch.setattr(PretrainedPredictor, "_open", classmethod(local))
    predictor = load("hf:someone/depth", "cpu", revision="v2", kind="affine_invariant")
    assert opened == [("someone/depth", {"revision": "v2"})]
    assert predictor.name == "hf:someone/depth" and predictor.kind == "affine_invariant"


def test_zoedepths_padding_is_cut_off():
    """A photo of 50 x 200 is extended by 15 and 30 pixels at each end."""
    inside = torch.linspace(1, 2, 200).expand(50, 200)
    extended = torch.full((80, 260), 9.0)
    extended[15:65, 30:230] = inside
    assert torch.equal(without_zoe_padding(extended, 50, 200), inside)
    assert without_zoe_padding(torch.ones(384, 512), 3000, 4000).shape == (768, 1024)


def test_depth_pro_gives_metres_by_its_field_of_view():
    """90 degrees: a picture is as wide as two focal lengths, so 1 / depth doubles."""
    config = SimpleNamespace(patch_size=384, scaled_images_ratios=[0.25, 0.5, 1])
    processor = DepthProProcessor(config)
    inverse = torch.tensor([[[0.25, 0.5], [1e-9, 2.0]]])
    outputs = SimpleNamespace(predicted_depth=inverse, field_of_view=torch.tensor([90.0]))
    (found,) = processor.post_process_depth_estimation(outputs)
    expected = torch.tensor([[2.0, 1.0], [1e4, 0.25]])
    torch.testing.assert_close(found["predicted_depth"], expected)
    outputs.field_of_view = None
    with pytest.raises(ValueError, match="no field of view"):
        processor.post_process_depth_estimation(outputs)
    assert processor.side == 1536
    grey = processor(Image.new("RGB", (30, 20), (255, 0, 255)))["pixel_values"]
    assert grey.shape == (1, 3, 1536, 1536) and grey[0, :, 0, 0].tolist() == [1, -1, 1]


def test_depth_pros_processor_is_the_librarys(picture):
    pytest.importorskip("torchvision")
    from transformers import DepthProImageProcessor

    config = SimpleNamespace(patch_size=32, scaled_images_ratios=[0.25, 0.5, 1])
    ours = DepthProProcessor(config)
    theirs = DepthProImageProcessor(size={"height": 128, "width": 128})
    torch.testing.assert_close(
        ours(picture)["pixel_values"], theirs(picture, return_tensors="pt")["pixel_values"]
    )
    outputs = SimpleNamespace(
        predicted_depth=torch.rand(1, 128, 128) + 0.1, field_of_view=torch.tensor([40.0])
    )
    (mine,) = ours.post_process_depth_estimation(outputs)
    (expected,) = theirs.post_process_depth_estimation(outputs, target_sizes=[(128, 128)])
    torch.testing.assert_close(mine["predicted_depth"], expected["predicted_depth"])


def test_kinds_by_configuration():
    pytest.importorskip("transformers")
    from transformers import GLPNConfig

    assert kind_of(GLPNConfig()) == "metric"
    model, _ = depth_anything(depth_estimation_type="metric", max_depth=20)
    assert kind_of(model.config) == "metric"


def test_offline_is_told(monkeypatch):
    pytest.importorskip("transformers")
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ConnectionError, match="cannot open someone/nowhere from the hub"):
        load("hf:someone/nowhere", "cpu")
    for info in list_models():
        if info.family == "pretrained" and not info.available:
            assert f"not downloaded; run: python -m depthart download {info.name}" in info.reason


def test_a_damaged_folder(tmp_path):
    pytest.importorskip("transformers")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "dpt"}))
    with pytest.raises(CheckpointError, match="with transformers: "):
        load(tmp_path, "cpu")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(CheckpointError, match="with transformers: "):
        load(tmp_path, "cpu")


def test_without_transformers(tmp_path, monkeypatch):
    import sys

    (tmp_path / "config.json").write_text(json.dumps({"model_type": "dpt"}))
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ImportError, match="needs transformers; run: python -m pip install -r"):
        load(tmp_path, "cpu")


def test_pictures_enter_upright(tmp_path):
    """A grey strip is a strip to the processor, too: rows are not columns."""
    pytest.importorskip("transformers")
    model, processor = depth_anything()
    predictor = PretrainedPredictor(model, processor, "tiny", "disparity")
    (step,) = predictor.refine(Image.new("RGB", (160, 40), (90, 90, 90)))
    height, width = step.model_depth.shape
    assert width == 4 * height
