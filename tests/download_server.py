"""A server of our own that cuts, refuses, asks back and lies: downloads without a network."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

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
