"""Fetch one large file over HTTP so that an interruption costs nothing but time.

Bytes go to `<target>.part`, which becomes `<target>` only when it is complete. A second call, or a
retry within the first, asks the server for the rest with a `Range` header (RFC 9110, section 14).
Google Drive answers large files with a page about its virus scan; its form is followed.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from html.parser import HTMLParser
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

CHUNK_BYTES = 1 << 18
TIMEOUT_S = 30.0
RETRYABLE_STATUS = frozenset({408, 429, 500, 502, 503, 504})


class DownloadError(OSError):
    """A download that cannot go on; the message says why, what is kept, and what to do."""


def fetch(
    url: str,
    target: Path,
    near_bytes: int | None = None,
    attempts: int = 5,
    wait_s: float = 1.0,
    say: Callable[[str], None] | None = None,
) -> Path:
    """Download `url` to `target`, continuing an earlier attempt if there was one.

    Args:
        url: where the file is; a Google Drive download address works too.
        target: the finished file. It is not touched before the download is complete.
        near_bytes: about how large the file must be; more than 10 % off is refused before the
            body is read, because the address then leads to another file.
        attempts: how many failures in a row, without one new byte, end the download.
        wait_s: pause before the first repetition in seconds; it doubles with every failure.
        say: told about each interruption; nobody is when None.

    Returns:
        `target`.

    Raises:
        DownloadError: no connection, a refusing server, a page instead of a file, or a wrong size.
            What has arrived stays in `<target>.part`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    opener = build_opener(HTTPCookieProcessor())
    failures = 0
    while True:
        before = _size(part)
        try:
            _continue(opener, url, part, near_bytes)
            os.replace(part, target)
            return target
        except HTTPError as error:
            if error.code not in RETRYABLE_STATUS:
                raise DownloadError(
                    f"{url} answered {error.code} {error.reason}; is the file still there?"
                ) from error
            reason = f"the server answered {error.code}"
        except (URLError, HTTPException, ConnectionError, TimeoutError) as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
        failures = 1 if _size(part) > before else failures + 1
        if failures >= attempts:
            raise DownloadError(
                f"Could not download {url}: {reason}. {_size(part) / 1e6:.1f} MB are kept in "
                f"{part}; run the same command again to go on from there."
            )
        if say is not None:
            say(f"interrupted ({reason}), going on")
        time.sleep(wait_s * 2 ** (failures - 1))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _continue(opener: OpenerDirector, url: str, part: Path, near_bytes: int | None) -> None:
    """Append to `part` until it is complete; raise on any interruption."""
    from tqdm import tqdm

    have = _size(part)
    try:
        response = _open(opener, url, have)
    except HTTPError as error:
        # 416: nothing lies behind what we have. Either it is all there, or the file has changed.
        if error.code != 416 or not have:
            raise
        if _number(r"bytes \*/(\d+)", error.headers.get("Content-Range")) == have:
            return
        part.unlink()
        raise ConnectionError("the file on the server is shorter than what was kept") from error
    with response:
        start = _number(r"bytes (\d+)-", response.headers.get("Content-Range")) or 0
        total = _number(r"bytes \d+-\d+/(\d+)", response.headers.get("Content-Range"))
        if response.status != 206:  # a server without Range sends everything from the beginning
            total = _number(r"(\d+)$", response.headers.get("Content-Length"))
        elif start != have:
            raise DownloadError(f"{url} sent bytes from {start}, asked for bytes from {have}.")
        if total and near_bytes and abs(total - near_bytes) > 0.1 * near_bytes:
            raise DownloadError(
                f"{url} leads to a file of {total / 1e6:.1f} MB; the published one has about "
                f"{near_bytes / 1e6:.1f} MB. Nothing was downloaded."
            )
        bar = tqdm(
            total=total, initial=start, unit="B", unit_scale=True, desc=part.stem, leave=False
        )
        with open(part, "ab" if start else "wb") as out, bar:
            while chunk := response.read(CHUNK_BYTES):
                out.write(chunk)
                bar.update(len(chunk))
    if total is not None and _size(part) < total:
        raise ConnectionError(f"the connection closed after {_size(part)} of {total} bytes")


def _open(opener: OpenerDirector, url: str, have: int) -> HTTPResponse:
    """Ask for the bytes from `have` on, through Google's confirmation page if there is one."""
    headers = {"User-Agent": "depthart"}
    if have:
        headers["Range"] = f"bytes={have}-"
    response = opener.open(Request(url, headers=headers), timeout=TIMEOUT_S)
    if response.headers.get_content_type() != "text/html":
        return response
    with response:
        page = response.read().decode("utf-8", errors="replace")
    confirmed = confirmed_url(page, response.url)
    if confirmed is None:
        said = " ".join(re.sub(r"<(style|script).*?</\1>|<[^>]+>", " ", page, flags=re.S).split())
        raise DownloadError(f"{url} sent a page instead of the file. It says: {said[:200]!r}")
    response = opener.open(Request(confirmed, headers=headers), timeout=TIMEOUT_S)
    if response.headers.get_content_type() == "text/html":
        response.close()
        raise DownloadError(f"{url} keeps asking for confirmation; download it in a browser.")
    return response


def confirmed_url(page: str, base: str) -> str | None:
    """Address behind the "Download anyway" button of Google's virus-scan page.

    Args:
        page: its HTML.
        base: the page's own address, which relative addresses build on.

    Returns:
        The address with the form's hidden fields, or None if there is no such form.
    """
    form = _DownloadForm()
    form.feed(page)
    return None if form.action is None else f"{urljoin(base, form.action)}?{urlencode(form.fields)}"


class _DownloadForm(HTMLParser):
    """Finds the form `download-form` and its hidden inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and values.get("id") == "download-form":
            self.action, self._inside = values.get("action", ""), True
        elif tag == "input" and self._inside and values.get("type") == "hidden":
            self.fields[values.get("name", "")] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False


def _number(pattern: str, text: str | None) -> int | None:
    match = re.match(pattern, text or "")
    return int(match.group(1)) if match else None
