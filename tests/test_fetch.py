"""Fetching one file: interruptions, refusals, confirmation pages. No network."""

from __future__ import annotations

from pathlib import Path

import pytest

from depthart.fetch import DownloadError, confirmed_url, fetch
from tests.download_server import BODY, PAGE
from tests.download_server import server as server


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
