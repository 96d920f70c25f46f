"""Studio's door: sockets, configured names and pages, its token's file, and the state that it brings in."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from starlette.types import Receive, Scope, Send

from graph.settings.server_settings import STUDIO
from graph.settings.settings import Settings
from graph.studio.state_folder import LINK, keep_state_in
from graph.studio.studio_door import add_checks
from graph.studio.studio_token import StudioToken

TOKEN = StudioToken(SecretStr("t" * 43))
HERE = (b"host", b"127.0.0.1:2024")


async def behind(scope: Scope, receive: Receive, send: Send) -> None:
    """Stand for LangGraph's application: say at which path it was called."""
    kind = "websocket.accept" if scope["type"] == "websocket" else "http.response.start"
    headers = [(b"path", scope["path"].encode()), (b"raw", scope["raw_path"])]
    await send({"type": kind, "status": 200, "headers": headers})


async def call(path: str, *headers: tuple[bytes, bytes], kind: str = "http", **given: str) -> dict[str, Any]:
    """Return the first thing that is answered."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    app = add_checks(behind, Settings(**given), TOKEN, "https://odd-name.tunnel.example")  # type: ignore[arg-type]  # texts, as in the environment
    scope = {"type": kind, "path": path, "raw_path": path.encode(), "headers": list(headers)}
    await app({**scope, "method": "GET"} if kind == "http" else scope, receive, send)
    return sent[0]


@pytest.fixture
def _cwd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    before = os.umask(0o022)
    yield
    os.umask(before)


async def test_a_socket_is_opened_by_the_same_rules() -> None:
    studio, evil = (b"origin", STUDIO.encode()), (b"origin", b"https://evil.example")
    opened = await call(f"/{TOKEN.key}/threads/1/stream", HERE, studio, kind="websocket")
    assert (opened["type"], opened["headers"][0]) == ("websocket.accept", (b"path", b"/threads/1/stream"))
    for refused in ((HERE,), (HERE, evil), (HERE, studio), (studio,)):
        assert (await call("/threads/1/stream", *refused, kind="websocket"))["type"] == "websocket.close"


async def test_names_and_pages_can_be_configured() -> None:
    shown = (b"x-api-key", TOKEN.secret.get_secret_value().encode())
    lan, page = (b"host", b"goat.lan:2024"), (b"origin", b"http://localhost:3000")
    assert (await call("/info", lan, shown))["status"] == 421
    assert (await call("/info", lan, shown, studio_hosts="goat.lan"))["status"] == 200
    assert (await call("/info", (b"host", b"odd-name.tunnel.example"), shown))["status"] == 200
    assert (await call("/info", HERE, page, shown))["status"] == 403
    assert (await call("/info", HERE, page, shown, studio_origins="http://localhost:3000"))["status"] == 200
    assert (await call("/info", HERE, (b"origin", b"null"), shown))["status"] == 403
    for wrong in ("*", "localhost:3000", "http://localhost/", "https://*.example"):
        with pytest.raises(ValidationError, match="write origins such as"):
            Settings(studio_origins=wrong)


async def test_a_body_without_a_type_is_refused_and_a_request_without_a_body_is_not() -> None:
    shown = (b"x-api-key", TOKEN.secret.get_secret_value().encode())
    assert (await call("/info", HERE, shown, (b"content-length", b"2")))["status"] == 415
    assert (await call("/info", HERE, shown, (b"transfer-encoding", b"chunked")))["status"] == 415
    assert (await call("/info", HERE, shown, (b"content-length", b"0")))["status"] == 200


async def test_the_key_leaves_nothing_in_the_path() -> None:
    studio = (b"origin", STUDIO.encode())
    for path, left in (("/a%20b", b"/a%20b"), ("", b"/"), ("/", b"/")):
        assert (b"raw", left) in (await call(f"/{TOKEN.key}{path}", HERE, studio))["headers"]
    assert (await call(f"/{TOKEN.key}x/info", HERE, studio))["status"] == 401


def test_the_token_is_made_once_and_anew_when_others_could_have_read_it(tmp_path: Path) -> None:
    first = StudioToken.load(tmp_path)
    file = tmp_path / "token"
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(first.secret.get_secret_value()) >= 43
    assert StudioToken.load(tmp_path) == first
    file.chmod(0o640)
    second = StudioToken.load(tmp_path)
    assert (second != first, file.stat().st_mode & 0o777) == (True, 0o600)
    assert first.secret.get_secret_value() not in first.key
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


@pytest.mark.usefixtures("_cwd")
def test_state_of_the_working_folder_is_taken_in_once_and_what_is_in_the_way_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "state"
    assert keep_state_in(folder) == ""
    (LINK / "kept.pckl").write_text("kept")
    assert keep_state_in(folder) == ""
    assert (folder / "kept.pckl").stat().st_mode & 0o777 == 0o600
    LINK.unlink()
    LINK.mkdir()
    for name in ("kept.pckl", "new.pckl"):
        (LINK / name).write_text("of the checkout")
    told = keep_state_in(folder)
    assert "was moved from" in told
    (left,) = tmp_path.glob(f"{LINK}-left-*")
    assert f"{left} holds state of an earlier server" in told
    assert [path.name for path in left.iterdir()] == ["kept.pckl"]
    assert left.stat().st_mode & 0o077 == 0
    assert (LINK / "kept.pckl").read_text() == "kept"
    assert (LINK / "new.pckl").read_text() == "of the checkout"
    other = tmp_path / "other"
    keep_state_in(other)
    assert LINK.resolve() == other
