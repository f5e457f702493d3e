"""Downloads of models of transformers: what they cost comes first, what fails says why."""

import pytest

from depthart.baselines.pretrained import download_published
from depthart.baselines.published import PUBLISHED
from depthart.fetch import DownloadError
from depthart.registry import download


@pytest.fixture
def hub(monkeypatch):
    """A hub that writes what it is asked for; returns the requests."""
    calls = []

    def snapshot_download(repo_id, revision, local_dir, allow_patterns):
        calls.append((repo_id, revision, allow_patterns))
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
    patterns = [["*.json"], ["model.safetensors"]]
    assert hub == [("apple/DepthPro-hf", "main", pattern) for pattern in patterns]
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


def test_weights_that_the_hub_lacks_are_missed_at_once(tmp_path, monkeypatch):
    """Of what matches no pattern the hub's client says nothing."""
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **options: "")
    with pytest.raises(DownloadError, match="no model.safetensors for Intel/dpt-hybrid-midas"):
        download_published("dpt-hybrid-midas", tmp_path, lambda cost: True)


def test_names_that_are_no_download():
    with pytest.raises(ValueError, match="midas-small is no download; it has not been trained"):
        download("midas-small")
    with pytest.raises(ValueError, match="got 'nothing'"):
        download("nothing")


def test_facts_are_complete():
    sizes = {f"depth-anything-{v}-{s}" for v in ("v1", "v2") for s in ("small", "base", "large")}
    assert sizes | {"dpt-large", "dpt-hybrid-midas", "zoedepth", "depth-pro"} <= set(PUBLISHED)
    for model in PUBLISHED.values():
        assert model.kind in ("disparity", "metric") and model.size_mb > 50
        assert model.licence and model.repo_id.count("/") == 1
