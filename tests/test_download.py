"""Downloading against a server of our own that cuts, refuses, asks back and lies. No network."""

from __future__ import annotations

import json
import shutil
import threading
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
import torch
from safetensors.torch import save_file

from depthart import download as download_module
from depthart.download import PUBLISHED, check_file, download, published_shapes
from depthart.fetch import DownloadError, confirmed_url, fetch
from depthart.official import from_official
from depthart.predictor import Predictor

BODY = bytes(range(256)) * 4096  # 1 MiB
PAGE = (
    "<html><title>Virus scan warning</title><form id='download-form' action='/file' method='get'>"
    "<input type='hidden' name='id' value='x&amp;y'><input type='hidden' name='uuid' value='7'>"
    "<input type='submit' value='Download anyway'></form></html>"
)


@dataclass
class Server:
    """A file server whose faults a test can choose."""

    body: bytes = BODY
    cuts: list[int] = field(default_factory=list)  # bytes sent before the connection breaks
    ranges: bool = True  # whether it honours Range
    page: str | None = None  # HTML sent to requests without a confirmation
    statuses: list[int] = field(default_factory=list)  # error codes of the first requests
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # (path, Range) of each
    url: str = ""

    def reply(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.asked.append((request.path, wanted))
        if self.statuses:
            request.send_error(self.statuses.pop(0))
            return
        if self.page is not None and "uuid" not in parse_qs(urlsplit(request.path).query):
            self._send(request, 200, self.page.encode(), {"Content-Type": "text/html"})
            return
        headers = {"Content-Type": "application/octet-stream"}
        start = int(wanted[len("bytes=") : -1]) if wanted and self.ranges else 0
        if wanted and self.ranges and start >= len(self.body):
            self._send(request, 416, b"", {"Content-Range": f"bytes */{len(self.body)}"})
        elif wanted and self.ranges:
            headers["Content-Range"] = f"bytes {start}-{len(self.body) - 1}/{len(self.body)}"
            self._send(request, 206, self.body[start:], headers)
        else:
            self._send(request, 200, self.body, headers)

    def _send(
        self, request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]
    ) -> None:
        request.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body[: self.cuts.pop(0)] if self.cuts else body)


@pytest.fixture
def server():
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802 (the name http.server calls)
            state.reply(self)

        def log_message(self, *args: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{httpd.server_port}/file"
    yield state
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def part_of(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def test_fetch_writes_the_file(server, tmp_path):
    target = fetch(server.url, tmp_path / "new" / "weights")
    assert target.read_bytes() == BODY
    assert not part_of(target).exists()


def test_fetch_goes_on_after_interruptions(server, tmp_path):
    server.cuts = [300_000, 1, 500_000]
    heard = []
    target = fetch(server.url, tmp_path / "weights", wait_s=0, say=heard.append)
    assert target.read_bytes() == BODY
    starts = [wanted for _, wanted in server.asked]
    assert starts == [None, "bytes=300000-", "bytes=300001-", "bytes=800001-"]
    assert len(heard) == 3 and "300000 of 1048576" in heard[0]


def test_fetch_gives_up_after_failures_without_progress_and_keeps_the_rest(server, tmp_path):
    server.cuts = [300_000, 0, 0]
    target = tmp_path / "weights"
    with pytest.raises(DownloadError, match=r"0\.3 MB are kept in .*weights\.part"):
        fetch(server.url, target, attempts=3, wait_s=0)
    assert part_of(target).read_bytes() == BODY[:300_000] and not target.exists()
    assert fetch(server.url, target).read_bytes() == BODY
    assert server.asked[-1][1] == "bytes=300000-"


def test_fetch_starts_over_where_the_server_knows_no_ranges(server, tmp_path):
    server.ranges = False
    target = tmp_path / "weights"
    part_of(target).write_bytes(b"something older")
    assert fetch(server.url, target).read_bytes() == BODY


def test_fetch_recognises_a_complete_part(server, tmp_path):
    target = tmp_path / "weights"
    part_of(target).write_bytes(BODY)
    assert fetch(server.url, target).read_bytes() == BODY


def test_fetch_starts_over_when_the_file_became_shorter(server, tmp_path):
    target = tmp_path / "weights"
    part_of(target).write_bytes(BODY + b"tail")
    assert fetch(server.url, target, wait_s=0).read_bytes() == BODY


def test_fetch_repeats_a_busy_server_but_not_a_missing_file(server, tmp_path):
    server.statuses = [503, 429]
    assert fetch(server.url, tmp_path / "weights", wait_s=0).read_bytes() == BODY
    server.statuses = [404]
    with pytest.raises(DownloadError, match="404"):
        fetch(server.url, tmp_path / "other", wait_s=0)


def test_fetch_refuses_another_file_by_its_size(server, tmp_path):
    with pytest.raises(DownloadError, match=r"1\.0 MB; the published one has about 1700\.0 MB"):
        fetch(server.url, tmp_path / "weights", near_bytes=1_700_000_000)
    assert list(tmp_path.iterdir()) == []


def test_fetch_without_a_connection_says_so(server, tmp_path):
    closed = "http://127.0.0.1:9/file"  # the discard port: nobody listens
    part_of(tmp_path / "weights").write_bytes(BODY[:1000])
    with pytest.raises(DownloadError, match="Could not download .* run the same command again"):
        fetch(closed, tmp_path / "weights", attempts=2, wait_s=0)
    assert part_of(tmp_path / "weights").read_bytes() == BODY[:1000]


def test_fetch_follows_the_confirmation_page(server, tmp_path):
    server.page, server.cuts = PAGE, [10**9, 200_000]  # the page whole, then a cut in the file
    assert fetch(server.url, tmp_path / "weights", wait_s=0).read_bytes() == BODY
    assert server.asked[1] == ("/file?id=x%26y&uuid=7", None)
    assert server.asked[3] == ("/file?id=x%26y&uuid=7", "bytes=200000-")


def test_fetch_repeats_what_a_refusing_page_says(server, tmp_path):
    server.page = "<html><style>p {}</style><p>Too many users have viewed this file.</p></html>"
    with pytest.raises(DownloadError, match="'Too many users have viewed this file.'"):
        fetch(server.url, tmp_path / "weights")


def test_confirmed_url_resolves_other_hosts():
    page = PAGE.replace("'/file'", "'https://other.example/download'")
    url = confirmed_url(page, "https://drive.example/uc?id=1")
    assert url == "https://other.example/download?id=x%26y&uuid=7"
    assert confirmed_url("<form id='search-form' action='/'></form>", "https://a.example") is None


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

    monkeypatch.setattr(download_module, "published_shapes", lambda keys: SMALL[keys])
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
    monkeypatch.setattr(download_module, "published_shapes", lambda keys: shapes)
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
