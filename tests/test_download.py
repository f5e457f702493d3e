"""Downloads of published weights: what they cost, what they check, what they leave. No network."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from depthart import download as download_module
from depthart import official_files
from depthart.download import PUBLISHED, download
from depthart.fetch import DownloadError, fetch
from depthart.official import from_official
from depthart.official_files import check_file, published_shapes
from depthart.predictor import Predictor
from tests.download_server import server as server

# The published files, made small: two tensors each, the quantiser under both of its names.
SMALL = {
    "depthart": {
        "head.weight": (8, 4),
        "vae_proxy.quantize.embedding.weight": (8, 2),
        "vae_quant_proxy.embedding.weight": (8, 2),
    },
    "var_d16": {"head.weight": (8, 4)},
    "vae_ch160v4096z32": {"quantize.embedding.weight": (8, 2)},
}


def tensors(keys: str) -> dict[str, torch.Tensor]:
    return {name: torch.full(shape, 0.5) for name, shape in SMALL[keys].items()}


def pretend(monkeypatch, shapes_of) -> None:
    """Other published shapes for whoever asks."""
    for module in (download_module, official_files):
        monkeypatch.setattr(module, "published_shapes", shapes_of)


@pytest.fixture
def small(monkeypatch):
    """Small published files, and a converter that records what it was given."""
    given = []

    def from_official(model_state, vae_state=None, num_heads=None):
        given.append((sorted(model_state), vae_state and sorted(vae_state)))
        return model_state

    def save_model(model, folder, half):
        save_file(dict(model), folder / "model.safetensors")
        (folder / "config.json").write_text("{}")

    pretend(monkeypatch, SMALL.__getitem__)
    monkeypatch.setattr("depthart.official.from_official", from_official)
    monkeypatch.setattr("depthart.predictor.save_model", save_model)
    return given


@pytest.fixture
def drive(server, small, monkeypatch, tmp_path):
    """The server as Google Drive, with the small `model.safetensors`."""
    state = tensors("depthart")
    del state["vae_quant_proxy.embedding.weight"]
    save_file(state, tmp_path / "theirs.safetensors")
    server.body = (tmp_path / "theirs.safetensors").read_bytes()
    monkeypatch.setattr(download_module, "DRIVE_URL", server.url + "?id={id}")
    # A file of a few hundred bytes is mostly header, so its size says nothing here.
    monkeypatch.setattr(
        download_module, "fetch", lambda url, path, **_: fetch(url, path, attempts=1)
    )
    return server


def test_download_paper(drive, small, tmp_path):
    seen = []
    folder = download("paper", tmp_path / "checkpoints", lambda cost: not seen.append(cost))
    assert folder == tmp_path / "checkpoints" / "depthart-paper"
    assert sorted(p.name for p in folder.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]
    assert small == [(["head.weight", "vae_proxy.quantize.embedding.weight"], None)]
    assert not (tmp_path / "checkpoints" / ".downloads" / "depthart-paper").exists()
    assert "2409.15010" in (folder / "README.md").read_text()
    assert len(seen) == 1 and "MIT" in seen[0]
    # A second call finds it finished: no question, no request.
    requests = len(drive.asked)
    assert download("paper", tmp_path / "checkpoints", lambda cost: False) == folder
    assert len(drive.asked) == requests


def test_downloaded_weights_open(drive, monkeypatch, tmp_path):
    """The real conversion, on the published names at the golden vectors' small size."""
    monkeypatch.undo()
    shapes = json.loads((Path(__file__).parent / "golden" / "golden_dev.json").read_text())
    shapes = {name: tuple(shape) for name, shape in shapes["shapes"].items()}
    torch.manual_seed(0)
    state = {name: torch.randn(shape) * 0.1 for name, shape in shapes.items()}
    for name in [name for name in state if name.startswith("vae_quant_proxy.")]:
        del state[name]
    save_file(state, tmp_path / "theirs.safetensors")
    drive.body = (tmp_path / "theirs.safetensors").read_bytes()
    pretend(monkeypatch, lambda keys: shapes)
    monkeypatch.setattr(download_module, "DRIVE_URL", drive.url + "?id={id}")
    three_heads = partial(from_official, num_heads=3)  # at the published size: width / 64
    monkeypatch.setattr("depthart.official.from_official", three_heads)
    folder = download("paper", tmp_path / "checkpoints", lambda cost: True)
    predictor = Predictor.from_folder(folder)
    assert predictor.name == "depthart-paper"
    codebook = predictor.model.vqvae.quantizer.codebook.weight
    torch.testing.assert_close(
        codebook.detach(), state["vae_proxy.quantize.embedding.weight"], rtol=0, atol=0
    )


def test_download_goes_on_where_it_stopped(drive, tmp_path):
    drive.cuts = [100]
    with pytest.raises(DownloadError, match="run the same command again"):
        download("paper", tmp_path / "checkpoints", lambda cost: True)
    download("paper", tmp_path / "checkpoints", lambda cost: True)
    assert drive.asked[-1][1] == "bytes=100-"


def test_download_takes_a_file_put_there_by_hand(drive, tmp_path):
    drive.statuses = [404]
    with pytest.raises(DownloadError, match="get it with a browser from https://drive") as error:
        download("paper", tmp_path / "checkpoints")
    place = Path(str(error.value).split("save it as ")[1].split(", and run")[0])
    shutil.copy(tmp_path / "theirs.safetensors", place)
    requests = len(drive.asked)
    assert (download("paper", tmp_path / "checkpoints") / "config.json").exists()
    assert len(drive.asked) == requests


def test_download_keeps_the_file_when_its_keys_are_wrong(drive, tmp_path):
    save_file({"head.weight": torch.zeros(8, 5)}, tmp_path / "wrong.safetensors")
    drive.body = (tmp_path / "wrong.safetensors").read_bytes()
    with pytest.raises(DownloadError, match="not the published file") as error:
        download("paper", tmp_path / "checkpoints")
    message = str(error.value)
    assert "missing vae_proxy.quantize.embedding.weight" in message
    assert "head.weight is [8, 5], expected [8, 4]" in message
    kept = tmp_path / "checkpoints" / ".downloads" / "depthart-paper" / "model.safetensors"
    assert kept.exists() and str(kept) in message
    assert not (tmp_path / "checkpoints" / "depthart-paper").exists()


def test_download_var_comes_from_the_hub(small, monkeypatch, tmp_path):
    hub = tmp_path / "hub"
    hub.mkdir()
    torch.save(tensors("var_d16"), hub / "var_d16.pth")
    torch.save(tensors("vae_ch160v4096z32"), hub / "vae_ch160v4096z32.pth")

    def hf_hub_download(repo_id, filename, local_dir):
        assert repo_id == "FoundationVision/var"
        local_dir.mkdir(parents=True, exist_ok=True)
        return shutil.copy(hub / filename, local_dir / filename)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", hf_hub_download)
    folder = download("var", tmp_path / "checkpoints")
    assert folder.name == "var-d16" and (folder / "model.safetensors").exists()
    assert small == [(["head.weight"], ["quantize.embedding.weight"])]


def test_download_without_a_connection_to_the_hub(small, monkeypatch, tmp_path):
    def hf_hub_download(repo_id, filename, local_dir):
        raise ConnectionError("cannot reach the hub")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", hf_hub_download)
    with pytest.raises(DownloadError, match=r"var_d16\.pth: cannot reach the hub") as error:
        download("var", tmp_path / "checkpoints")
    assert "https://huggingface.co/FoundationVision/var" in str(error.value)


def test_download_asks_first(drive, tmp_path):
    with pytest.raises(DownloadError, match="not confirmed"):
        download("paper", tmp_path / "checkpoints", lambda cost: False)
    assert drive.asked == [] and not (tmp_path / "checkpoints").exists()


def test_download_without_a_question_still_says_the_cost(drive, tmp_path, capsys):
    download("paper", tmp_path / "checkpoints")
    assert "To download: " in capsys.readouterr().err


def test_download_needs_room(drive, monkeypatch, tmp_path):
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=10))
    with pytest.raises(DownloadError, match="GB free"):
        download("paper", tmp_path / "checkpoints")
    assert drive.asked == []


def test_download_of_an_unknown_name(tmp_path):
    with pytest.raises(ValueError, match="'paper', 'var', got 'papers'"):
        download("papers", tmp_path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda body: body[:-3], r"header promises"),
        (lambda body: body + b"more", r"header promises"),
        (lambda body: b"<html>not found</html>", r"not a safetensors file"),
        (lambda body: b"", r"not a safetensors file"),
        (lambda body: (9).to_bytes(8, "little") + b'{"a":"b"}', r"not a safetensors file"),
    ],
)
def test_check_file_names_a_damaged_safetensors(small, tmp_path, damage, message):
    path = tmp_path / "model.safetensors"
    save_file(tensors("depthart"), path)
    check_file(path, "depthart")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DownloadError, match=message):
        check_file(path, "depthart")


def test_check_file_names_a_damaged_pth(small, tmp_path):
    path = tmp_path / "var_d16.pth"
    torch.save(tensors("var_d16"), path)
    check_file(path, "var_d16")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DownloadError, match="cannot be read"):
        check_file(path, "var_d16")
    torch.save([torch.zeros(2)], path)
    with pytest.raises(DownloadError, match="something else than a table of tensors"):
        check_file(path, "var_d16")


@pytest.mark.parametrize("copy", ["vae_proxy.quantize.", "vae_quant_proxy."])
def test_check_file_needs_one_whole_copy_of_the_quantiser(tmp_path, copy):
    """The header of a file with the published names, without its data."""
    shapes = published_shapes("depthart")
    one_copy = {k: s for k, s in shapes.items() if not k.startswith(copy)}
    write_header(tmp_path / "model.safetensors", one_copy)
    check_file(tmp_path / "model.safetensors", "depthart")
    lost = next(key for key in one_copy if "qresi" in key)
    del one_copy[lost]
    write_header(tmp_path / "model.safetensors", one_copy)
    with pytest.raises(DownloadError, match=f"missing {lost}"):
        check_file(tmp_path / "model.safetensors", "depthart")


def write_header(path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """A safetensors file whose tensors take no room: every one claims the same empty range."""
    entries = {
        name: {"dtype": "F32", "shape": list(shape), "data_offsets": [0, 0]}
        for name, shape in shapes.items()
    }
    header = json.dumps(entries).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)


def test_published_sizes():
    """The cost told before a download follows from the key lists: 1.7 GB for each name."""
    for published in PUBLISHED.values():
        assert round(sum(file.bytes for file in published.files) / 1e9, 1) == 1.7
