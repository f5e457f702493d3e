"""The commands around models: list, download, info, app."""

import json
import sys
from types import SimpleNamespace

import pytest

import depthart
from depthart import cli, download
from depthart.predictor import save_model
from depthart.registry import ModelInfo


def test_models(monkeypatch, capsys):
    models = [
        ModelInfo("here", "scale_invariant", True, "", 41.7, "MIT", "a small one"),
        ModelInfo("far", "disparity", False, "run: fetch it", 1700, "C", "a big one", "pretrained"),
    ]
    monkeypatch.setattr(depthart, "list_models", lambda: models, raising=False)
    assert cli.main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["NAME", "FAMILY", "KIND", "HERE", "SIZE"]
    assert lines[1].split() == ["here", "depthart", "scale_invariant", "yes", "42", "MB"]
    assert lines[2:4] == ["    a small one", "    Licence: MIT"]
    assert lines[4].split() == ["far", "pretrained", "disparity", "no", "1700", "MB"]
    assert lines[-1] == "    run: fetch it"


def test_models_lists_the_registry(capsys):
    assert cli.main(["models"]) == 0
    assert all(model.name in capsys.readouterr().out for model in depthart.list_models()[:1])


@pytest.fixture
def fake_download(monkeypatch, tmp_path):
    asked = []

    def fetch(name, root=None, confirm=None):
        asked.append((name, root))
        if not confirm("1.7 GB"):
            raise download.DownloadError("Nothing was downloaded.")
        return tmp_path

    monkeypatch.setattr(download, "download", fetch)
    return asked


def test_download_asks_first(fake_download, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False))
    assert cli.main(["download", "paper"]) == 1
    error = capsys.readouterr().err
    assert "1.7 GB" in error and "--yes" in error and "Nothing was downloaded" in error
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    for answer, code in (("n", 1), ("", 1), ("y", 0), ("Yes", 0)):
        monkeypatch.setattr("builtins.input", lambda _, answer=answer: answer)
        assert cli.main(["download", "paper"]) == code
    assert cli.main(["download", "paper", "--yes", "--folder", str(tmp_path / "c")]) == 0
    assert f"{tmp_path} is ready" in capsys.readouterr().out
    assert fake_download[0] == ("paper", None)
    assert fake_download[-1] == ("paper", tmp_path / "c")


def test_download_of_an_unknown_name(capsys):
    assert cli.main(["download", "nothing", "--yes"]) == 1
    assert "'nothing'" in capsys.readouterr().err


def test_info(tiny_model, tmp_path, capsys):
    save_model(tiny_model, tmp_path / "tiny")
    assert cli.main(["info", str(tmp_path / "tiny")]) == 0
    output = capsys.readouterr().out
    count = sum(tensor.numel() for tensor in tiny_model.state_dict().values())
    assert f"parameters  {count:,}" in output
    assert "depthart, depth scale_invariant" in output and "F16" in output
    size = (tmp_path / "tiny" / "model.safetensors").stat().st_size / 1e6
    assert f"{size:.1f} MB" in output
    shown = json.loads(output.split("config\n")[1])
    assert shown == json.loads((tmp_path / "tiny" / "config.json").read_text())


def test_info_of_a_name(tiny_model, tmp_path, capsys, monkeypatch):
    save_model(tiny_model, tmp_path / "some-model")
    monkeypatch.setattr(download, "CHECKPOINTS", tmp_path)
    assert cli.main(["info", "some-model"]) == 0
    assert cli.main(["info", "other"]) == 1
    assert "there is no checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b"\2\0\0\0\0\0\0\0[]"])
def test_info_of_damaged_weights(tmp_path, capsys, content):
    (tmp_path / "config.json").write_text('{"model": "depthart"}')
    (tmp_path / "model.safetensors").write_bytes(content)
    assert cli.main(["info", str(tmp_path)]) == 1
    assert "not a safetensors file" in capsys.readouterr().err


@pytest.mark.parametrize("config", ["{", "[1]", "7"])
def test_info_of_a_damaged_config(tiny_model, tmp_path, capsys, config):
    save_model(tiny_model, tmp_path)
    (tmp_path / "config.json").write_text(config)
    assert cli.main(["info", str(tmp_path)]) == 1
    assert "config.json is not a JSON object" in capsys.readouterr().err


def test_app(monkeypatch):
    import depthart.app

    asked = []
    monkeypatch.setattr(depthart.app, "launch", lambda **options: asked.append(options))
    assert cli.main(["app"]) == 0
    options = "--host 0.0.0.0 --port 9000 --share --model m"
    assert cli.main(["app", *options.split()]) == 0
    assert asked == [
        {"host": None, "port": None, "share": False, "model": "depthart-small"},
        {"host": "0.0.0.0", "port": 9000, "share": True, "model": "m"},
    ]
