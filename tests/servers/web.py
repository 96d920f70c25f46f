"""Web pages on a loopback port, good and bad ones."""

import gzip
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ARTICLE = """<!doctype html><html><head><title>Goats of the Carpathians</title>
<meta charset="utf-8"><meta property="article:published_time" content="2024-05-06"></head><body>
<nav><a href="/">Home</a> <a href="/shop">Shop</a></nav><article><h1>Goats of the Carpathians</h1>
<p>The goat of the mountains climbs where nobody else does, and remembers every path it ever took, which is
why shepherds follow it. See <a href="/paths">the paths</a>.</p><ul><li>horns</li><li>hooves</li></ul>
<table><tr><th>year</th><th>goats</th></tr><tr><td>2023</td><td>41</td></tr></table></article>
<footer>All rights reserved by the goats</footer></body></html>"""
RENDERED = """<!doctype html><html><head><title>Made by a script</title></head><body>
<article id="a"></article><script>setTimeout(() => { document.getElementById("a").innerHTML =
"<h1>Made by a script</h1><p class=done>This paragraph was written by JavaScript, " +
"and stands in no source that was sent, so that only a browser can show it to anybody who asks."
}, 100)</script></body></html>"""
PACKED = {"Content-Encoding": "gzip"}


@dataclass(frozen=True, slots=True)
class Page:
    """Answer of a path."""

    body: bytes = b""
    type: str = "text/html; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    endless: bool = False
    """Repeat the body until the client disconnects."""
    wait: float = 0.0
    """Seconds before the answer."""


class WebServer:
    """Pages by path, served in threads.

    Attributes:
        pages: the pages.
        asked: the requests, as `host path`, oldest first.
    """

    def __init__(self) -> None:
        self.pages: dict[str, Page | Callable[[str], Page]] = {
            "/article": Page(ARTICLE.encode()),
            "/rendered": Page(RENDERED.encode()),
            "/data": Page(b'{"goats": 41}', "application/json"),
            "/picture": Page(b"\x89PNG", "image/png"),
            "/bomb": Page(
                gzip.compress(b"\0" * 20_000_000, 1), "text/plain", headers={"Content-Encoding": "gzip"}
            ),
            "/endless": Page(b"more and more " * 1000, "text/plain", endless=True),
            "/slow": Page(b"late", wait=30),
            "/loop": Page(status=302, headers={"Location": "/loop"}),
            "/moved": Page(status=301, headers={"Location": "/article"}),
            "/missing": Page(b"no", status=404),
            "/endless-redirect": Page(
                b"x" * 60_000, status=302, headers={"Location": "/article"}, endless=True
            ),
        }
        self.asked: list[str] = []
        self.ending = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True

    @property
    def port(self) -> int:
        """Its port."""
        return self._http.server_port

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def run(self) -> None:
        """Serve until closed."""
        self._http.serve_forever(poll_interval=0.02)

    def close(self) -> None:
        """Stop."""
        self.ending.set()
        self._http.shutdown()
        self._http.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(f"{self.headers.get('Host')} {self.path}")
                found = server.pages.get(self.path, Page(b"not here", status=404))
                page = found if isinstance(found, Page) else found(self.path)
                server.ending.wait(page.wait)
                try:
                    self._answer(page)
                except OSError:  # the client disconnected
                    self.close_connection = True

            def _answer(self, page: Page) -> None:
                self.send_response(page.status)
                self.send_header("Content-Type", page.type)
                for name, value in page.headers.items():
                    self.send_header(name, value)
                if not page.endless:
                    self.send_header("Content-Length", str(len(page.body)))
                self.end_headers()
                self.wfile.write(page.body)
                while page.endless and not server.ending.is_set():
                    self.wfile.write(page.body)
                    time.sleep(0)

            def log_message(self, format: str, *args: object) -> None:
                """Log nothing."""

        return Handler


@contextmanager
def running_web_server() -> Iterator[WebServer]:
    """Serve during the block."""
    server = WebServer()
    thread = threading.Thread(target=server.run, name="web-server", daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()
