"""Models of transformers: tiny ones of random weights, saved and opened as the published ones are.

Nothing here reaches the network.
"""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from depthart import registry
from depthart.baselines import pretrained, published
from depthart.baselines.pretrained import (
    PretrainedPredictor,
    download_published,
    kind_of,
    without_zoe_padding,
)
from depthart.baselines.published import PUBLISHED
from depthart.checkpoints import CheckpointError
from depthart.fetch import DownloadError
from depthart.registry import download, list_models, load

NAMES = ("depth-anything-v2-small", "dpt-large", "zoedepth")
VIT = {
    "hidden_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}


def depth_anything(**changes):
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config
    from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil

    backbone = Dinov2Config(
        **VIT, image_size=56, out_indices=[1, 2, 3, 4], reshape_hidden_states=False
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=32,
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=8,
        head_hidden_size=8,
        **changes,
    )
    processor = DPTImageProcessorPil(
        size={"height": 56, "width": 56}, keep_aspect_ratio=True, ensure_multiple_of=14
    )
    return DepthAnythingForDepthEstimation(config), processor


def dpt():
    from transformers import DPTConfig, DPTForDepthEstimation
    from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil

    config = DPTConfig(
        **VIT,
        image_size=32,
        patch_size=16,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=8,
    )
    return DPTForDepthEstimation(config), DPTImageProcessorPil(size={"height": 32, "width": 32})


def zoedepth():
    from transformers import BeitConfig, ZoeDepthConfig, ZoeDepthForDepthEstimation
    from transformers.models.zoedepth.image_processing_pil_zoedepth import (
        ZoeDepthImageProcessorPil,
    )

    backbone = BeitConfig(
        **VIT,
        image_size=32,
        patch_size=16,
        out_indices=[1, 2, 3, 4],
        reshape_hidden_states=False,
        use_relative_position_bias=True,
    )
    config = ZoeDepthConfig(
        backbone_config=backbone,
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=8,
        bottleneck_features=8,
        num_relative_features=8,
        bin_embedding_dim=8,
        num_attractors=[4, 2, 2, 1],
        bin_configurations=[{"n_bins": 8, "min_depth": 0.001, "max_depth": 10.0, "name": "nyu"}],
    )
    processor = ZoeDepthImageProcessorPil(size={"height": 32, "width": 32})
    return ZoeDepthForDepthEstimation(config), processor


@pytest.fixture(scope="module", params=[depth_anything, dpt, zoedepth])
def folder(request, tmp_path_factory):
    """A folder in the format of the hub's, under the name of a published model."""
    pytest.importorskip("transformers")
    torch.manual_seed(0)
    model, processor = request.param()
    name = dict(zip((depth_anything, dpt, zoedepth), NAMES, strict=True))[request.param]
    path = tmp_path_factory.mktemp("hub") / name
    model.save_pretrained(path)
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

    if folder.name == "zoedepth":
        pytest.skip("the pipeline needs torchvision for it; the padding has its own test")

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


# ---- the download --------------------------------------------------------------------------------


@pytest.fixture
def hub(monkeypatch):
    """A hub that writes what it is asked for; returns the requests."""
    calls = []

    def snapshot_download(repo_id, local_dir, allow_patterns):
        calls.append((repo_id, allow_patterns))
        local_dir.mkdir(parents=True, exist_ok=True)
        names = {"*.json": ["config.json", "preprocessor_config.json"]}
        for name in names.get(allow_patterns[0], allow_patterns):
            (local_dir / name).write_bytes(b"{}")
        return str(local_dir)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    return calls


@pytest.mark.parametrize("name", PUBLISHED)
def test_licence_size_and_kind_come_before_the_download(name, hub, tmp_path):
    said = []
    with pytest.raises(DownloadError, match="was not confirmed"):
        download(name, tmp_path, lambda cost: said.append(cost))
    (cost,) = said
    model = PUBLISHED[name]
    for fact in (model.licence, model.kind, f"{model.size_mb / 1000:.1f} GB", model.repo_id):
        assert fact in cost
    assert hub == []


def test_download(hub, tmp_path, capsys):
    folder = download("depth-pro", tmp_path)
    assert folder == tmp_path / "depth-pro"
    assert hub == [("apple/DepthPro-hf", ["*.json"]), ("apple/DepthPro-hf", ["model.safetensors"])]
    assert "research only" in capsys.readouterr().err
    assert download("depth-pro", tmp_path) == folder and len(hub) == 2


def test_downloads_that_fail(tmp_path, monkeypatch):
    def offline(*args, **options):
        raise OSError("no route to host")

    monkeypatch.setattr("huggingface_hub.snapshot_download", offline)
    with pytest.raises(DownloadError, match="cannot fetch Intel/dpt-large .* no route to host"):
        download_published("dpt-large", tmp_path, lambda cost: True)
    monkeypatch.setitem(PUBLISHED, "dpt-large", PUBLISHED["dpt-large"]._replace(size_mb=1e12))
    with pytest.raises(DownloadError, match="dpt-large takes 1000000000000 MB"):
        download_published("dpt-large", tmp_path, lambda cost: True)


def test_names_that_are_no_download():
    with pytest.raises(ValueError, match="midas-small is no download; it has not been trained"):
        download("midas-small")
    with pytest.raises(ValueError, match="got 'nothing'"):
        download("nothing")


def test_facts_are_complete():
    assert published.PUBLISHED is pretrained.PUBLISHED
    sizes = {f"depth-anything-{v}-{s}" for v in ("v1", "v2") for s in ("small", "base", "large")}
    assert sizes | {"dpt-large", "dpt-hybrid-midas", "zoedepth", "depth-pro"} <= set(PUBLISHED)
    for model in PUBLISHED.values():
        assert model.kind in ("disparity", "metric") and model.size_mb > 50
        assert model.licence and model.repo_id.count("/") == 1


def test_pictures_enter_upright(tmp_path):
    """A grey strip is a strip to the processor, too: rows are not columns."""
    pytest.importorskip("transformers")
    model, processor = depth_anything()
    predictor = PretrainedPredictor(model, processor, "tiny", "disparity")
    (step,) = predictor.refine(Image.new("RGB", (160, 40), (90, 90, 90)))
    height, width = step.model_depth.shape
    assert width == 4 * height
