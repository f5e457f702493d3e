"""Names, folders and hub ids become predictors; predictors take photos of any size."""

import json
import shutil
from dataclasses import asdict
from typing import get_args

import numpy as np
import pytest
import torch
from huggingface_hub import CommitInfo

import depthart
from depthart import registry
from depthart.checkpoints import CONFIG_FILE, WEIGHTS_FILE, CheckpointError, write_checkpoint
from depthart.prediction import Kind
from depthart.predictor import Predictor, save_model
from depthart.registry import DEFAULT, Family, list_models, load, resolve_device
from depthart.sampling import Sampler


@pytest.fixture(scope="module")
def folder(tiny_model, tmp_path_factory):
    """A checkpoint of the tiny model; float32, so that predictions are the same."""
    return save_model(tiny_model, tmp_path_factory.mktemp("models") / "my-model", half=False)


@pytest.fixture
def checkpoints(tmp_path, monkeypatch):
    """An empty folder in place of the repository's checkpoints."""
    monkeypatch.setattr(registry, "CHECKPOINTS", tmp_path)
    return tmp_path


@pytest.fixture
def hub(folder, monkeypatch):
    """A hub that holds the tiny model as `someone/tiny`; returns the calls made."""
    calls = []

    def snapshot_download(repo_id, **options):
        calls.append((repo_id, options))
        if repo_id != "someone/tiny":
            raise RuntimeError("404 repository not found")
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    return calls


def same_weights(one, other) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


# ---- folders ---------------------------------------------------------------------------------


def test_a_folder_gives_the_saved_model_back(folder, tiny_model, picture):
    predictor = load(folder, "cpu")
    assert predictor.name == "my-model" and predictor.kind == "scale_invariant"
    assert predictor.model.config == tiny_model.config and not predictor.model.training
    assert same_weights(predictor.model, tiny_model)
    expected = Predictor(tiny_model).predict(picture).depth
    assert np.array_equal(predictor.predict(picture).depth, expected)


def test_half_precision_checkpoint_is_close(tiny_predictor, tmp_path):
    predictor = load(tiny_predictor.save_pretrained(tmp_path / "half"), "cpu")
    before, after = tiny_predictor.model.state_dict(), predictor.model.state_dict()
    assert all(torch.equal(after[key], before[key].half().float()) for key in before)


def test_folder_without_weights(folder, tmp_path):
    shutil.copy(folder / CONFIG_FILE, tmp_path)
    with pytest.raises(CheckpointError, match=f"{WEIGHTS_FILE} is missing"):
        load(tmp_path)


def test_checkpoint_of_another_architecture(folder, tmp_path):
    write_checkpoint(tmp_path, {"model": "vqvae"}, {"a": torch.zeros(1)})
    with pytest.raises(CheckpointError, match="holds a 'vqvae' checkpoint; known: depthart, midas"):
        load(tmp_path)


@pytest.mark.parametrize(
    "change", [{"colour": 1}, {"vqvae": 5}, {"conditioning": "clip"}, {"default_sampler": None}]
)
def test_config_that_does_not_fit(folder, tmp_path, change):
    config = {**json.loads((folder / CONFIG_FILE).read_text()), **change}
    (tmp_path / CONFIG_FILE).write_text(json.dumps(config))
    shutil.copy(folder / WEIGHTS_FILE, tmp_path)
    with pytest.raises(CheckpointError, match="bad config.json in"):
        load(tmp_path)


def test_weights_of_another_size(folder, tmp_path):
    config = json.loads((folder / CONFIG_FILE).read_text())
    config["transformer"]["depth"] += 1
    (tmp_path / CONFIG_FILE).write_text(json.dumps(config))
    shutil.copy(folder / WEIGHTS_FILE, tmp_path)
    with pytest.raises(CheckpointError, match=r"missing: transformer\.blocks\.2\."):
        load(tmp_path)


# ---- names -----------------------------------------------------------------------------------


def test_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match="unknown model 'nope'") as caught:
        load("nope")
    assert all(info.name in str(caught.value) for info in list_models())


@pytest.mark.parametrize("name", ["./nope", "/nope/there", "a/b/c"])
def test_paths_that_do_not_exist_never_reach_the_hub(name, hub):
    with pytest.raises(ValueError, match="unknown model"):
        load(name)
    assert hub == []


@pytest.mark.parametrize("name", [info.name for info in list_models()])
def test_a_known_model_that_is_not_here_says_what_to_do(name, checkpoints):
    with pytest.raises(CheckpointError, match=f"{name} is not downloaded; .+"):
        load(name)
    if name == "depthart-paper":
        with pytest.raises(CheckpointError, match="python -m depthart download paper"):
            load(name)


def test_a_known_model_is_found_by_name(folder, checkpoints, tiny_model):
    shutil.copytree(folder, checkpoints / DEFAULT)
    predictor = load(device="cpu")
    assert predictor.name == DEFAULT and same_weights(predictor.model, tiny_model)


def test_list_tells_what_is_here(folder, checkpoints):
    assert not any(info.available for info in list_models())
    assert all(info.reason and info.licence and info.description for info in list_models())
    shutil.copytree(folder, checkpoints / DEFAULT)
    infos = {info.name: info for info in list_models()}
    mine = infos[DEFAULT]
    assert mine.available and mine.reason == ""
    assert mine.size_mb == pytest.approx((folder / WEIGHTS_FILE).stat().st_size / 1e6)
    assert not infos["depthart-paper"].available and infos["depthart-paper"].size_mb > 1000
    (checkpoints / DEFAULT / CONFIG_FILE).unlink()
    assert not any(info.available for info in list_models())


def test_the_list_is_plain_data():
    for info in list_models():
        assert json.loads(json.dumps(asdict(info))) == asdict(info)
        assert info.kind in get_args(Kind) and info.family in get_args(Family)


def test_public_names():
    assert depthart.load is load and depthart.list_models is list_models
    assert depthart.Predictor is Predictor and depthart.Sampler is Sampler
    for name in depthart.__all__:
        assert name in dir(depthart) and getattr(depthart, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = depthart.nope


# ---- hub -------------------------------------------------------------------------------------


def test_hub_id(hub, tiny_model):
    predictor = load("someone/tiny", "cpu", revision="v2", token="secret")
    assert predictor.name == "someone/tiny" and same_weights(predictor.model, tiny_model)
    ((repo_id, options),) = hub
    assert repo_id == "someone/tiny"
    assert options["revision"] == "v2" and options["token"] == "secret"
    assert set(options["allow_patterns"]) == {CONFIG_FILE, WEIGHTS_FILE}


def test_from_pretrained_takes_folders_and_hub_ids(hub, folder):
    assert Predictor.from_pretrained(folder).name == "my-model" and hub == []
    assert Predictor.from_pretrained("someone/tiny").name == "someone/tiny" and len(hub) == 1


def test_hub_that_fails(hub):
    with pytest.raises(ConnectionError, match="cannot fetch no/one from the hub: 404 repository"):
        load("no/one")


def test_push_to_hub_uploads_a_checkpoint(tiny_predictor, monkeypatch, tmp_path):
    calls = []

    class FakeApi:
        def __init__(self, token=None):
            calls.append(("login", token))

        def create_repo(self, repo_id, *, private=False, exist_ok=False):
            assert exist_ok
            calls.append(("create", repo_id, private))

        def upload_folder(self, *, repo_id, folder_path):
            shutil.copytree(folder_path, tmp_path / "remote")
            calls.append(("upload", repo_id))
            return CommitInfo("https://huggingface.co/me/net/commit/1", "message", "", "1")

    monkeypatch.setattr("huggingface_hub.HfApi", FakeApi)
    address = tiny_predictor.push_to_hub("me/net", private=True, token="secret")
    assert address == "https://huggingface.co/me/net/commit/1" and type(address) is str
    assert calls == [("login", "secret"), ("create", "me/net", True), ("upload", "me/net")]
    remote = load(tmp_path / "remote", "cpu")
    assert remote.model.config == tiny_predictor.model.config
    assert {path.name for path in (tmp_path / "remote").iterdir()} == {CONFIG_FILE, WEIGHTS_FILE}


# ---- devices ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cuda, mps, best", [(1, True, "cuda"), (1, False, "cuda"), (0, True, "mps"), (0, False, "cpu")]
)
def test_auto_is_the_best_at_hand(cuda, mps, best, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: bool(cuda))
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: mps)
    assert resolve_device("auto") == best


def test_devices_that_are_there(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    for device in ("cpu", "cuda", "cuda:0", "cuda:1"):
        assert resolve_device(device) == device


@pytest.mark.parametrize("cuda, device", [(0, "cuda"), (0, "cuda:0"), (2, "cuda:2"), (2, "mps")])
def test_devices_that_are_not_there(cuda, device, monkeypatch, folder):
    monkeypatch.setattr("torch.cuda.device_count", lambda: cuda)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    with pytest.raises(ValueError, match=f"device '{device}' is not available here.*auto, cpu"):
        load(folder, device)


@pytest.mark.parametrize("device", ["gpu", "nonsense", "", "cuda:x"])
def test_no_devices_at_all(device, folder):
    with pytest.raises(ValueError, match=f"unknown device '{device}'; available here: auto, cpu"):
        load(folder, device)


# ---- other checkpoints -----------------------------------------------------------------------


def test_a_folder_put_beside_the_known_ones_is_listed(folder, checkpoints):
    shutil.copytree(folder, checkpoints / "mine")
    (checkpoints / "broken").mkdir()
    (checkpoints / "broken" / CONFIG_FILE).write_text("{")
    infos = {info.name: info for info in list_models()}
    assert infos["mine"].available and infos["mine"].family == "depthart"
    assert "broken" not in infos
    assert load("mine", "cpu").name == "mine"


def test_the_kind_is_that_of_the_checkpoint(folder, checkpoints):
    assert {info.name: info.kind for info in list_models()}["midas-small"] == "scale_invariant"
    shutil.copytree(folder, checkpoints / "midas-small")
    config = checkpoints / "midas-small" / CONFIG_FILE
    config.write_text(json.dumps({"model": "midas", "kind": "disparity"}))
    assert {info.name: info.kind for info in list_models()}["midas-small"] == "disparity"
