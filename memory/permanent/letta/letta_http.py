"""Requests to a Letta server, with limits on time and size, and errors that hold no secret."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
from pydantic import SecretStr

from memory.concurrency.per_loop import PerLoop
from memory.errors import TierCorrupt, TierUnavailable
from memory.permanent.store_rules import TIER

MOST_BYTES: Final = 8_000_000
REDIRECTS: Final = 3
NO_TOKEN: Final = SecretStr("")
CHECK_URL: Final = "check GOAT_LETTA_URL"
REASONS: Final = {
    401: "refuses the token; set GOAT_LETTA_TOKEN to the server's password or the cloud's key",
    403: "refuses the token; set GOAT_LETTA_TOKEN to the server's password or the cloud's key",
    404: f"does not know the address; {CHECK_URL}",
    429: "asks for fewer requests; try again later",
}


class TryAgain(TierUnavailable):
    """The server lost a race against another writer, or stumbled: 409 or 500."""


@dataclass(frozen=True, slots=True)
class LettaAddress:
    """Where the server is, and how it is asked.

    Attributes:
        url: with or without a path, a slash or `/v1` at the end.
        token: the password of a server, or the key of Letta's cloud; empty where none is asked for.
        timeout: seconds for one request.
        model: the handle that new agents get; they are never asked anything.
        embedding: likewise.
    """

    url: SecretStr
    token: SecretStr = NO_TOKEN
    timeout: float = 3.0
    model: str = "letta/letta-free"
    embedding: str = "letta/letta-free"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered."""

    status: int
    body: Any


@dataclass(frozen=True, slots=True)
class Target:
    """An address that was read, and what goes with each request."""

    origin: str
    path: str
    headers: Mapping[str, str]
    auth: httpx.BasicAuth | None
    timeout: float

    def __str__(self) -> str:
        return f"Letta at {self.origin}"


class LettaClient:
    """Ask a Letta server; connects on first use, and again after `aclose`."""

    def __init__(self, address: LettaAddress) -> None:
        self._address = address
        self._clients = PerLoop(_Opening)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
        accept: tuple[int, ...] = (),
    ) -> Answer:
        """Send one request; `path` begins with a slash. Of errors only those in `accept` are answers.

        Raises:
            TryAgain: the server answered 409 or 500.
            TierUnavailable: it cannot be reached, is slow, or refuses.
            TierCorrupt: it answered with something that is not JSON, or endless.
        """
        target = read_address(self._address)
        client = await self._clients.get().client()
        request = client.build_request(
            method,
            target.origin + target.path + path,
            params=params,
            content=None if body is None else json.dumps(body, ensure_ascii=False).encode(),
            headers=target.headers,
        )
        try:
            async with asyncio.timeout(target.timeout):
                answer = await _exchange(client, request, target)
        except (TimeoutError, httpx.TimeoutException):
            detail = f"{target} did not answer within {target.timeout:g} s; see whether it is well"
            raise TierUnavailable(TIER, detail) from None
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            detail = f"{target} cannot be reached ({type(error).__name__}); is it running? Or {CHECK_URL}"
            raise TierUnavailable(TIER, detail) from None
        return _accepted(answer, accept, target)

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        opening = self._clients.pop()
        if opening is not None:
            await opening.aclose()

    def __str__(self) -> str:
        return str(read_address(self._address))


class _Opening:
    """One client, made on a thread: it reads the certificates of the world."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._client: httpx.AsyncClient | None = None

    async def client(self) -> httpx.AsyncClient:
        """Return the client, made on first use."""
        async with self._lock:
            if self._client is None:
                self._client = await asyncio.to_thread(httpx.AsyncClient, timeout=None)
            return self._client

    async def aclose(self) -> None:
        """Close it."""
        if self._client is not None:
            await self._client.aclose()


def read_address(address: LettaAddress) -> Target:
    """Read the URL and token; a user and password in the URL are sent when there is no token.

    Raises:
        TierUnavailable: they cannot be used; names the setting and never its value.
    """
    token = address.token.get_secret_value().strip()
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise TierUnavailable(TIER, "GOAT_LETTA_TOKEN holds characters that no token has; set it anew")
    url = _url(address.url.get_secret_value().strip())
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
    }
    auth = None
    if token:
        headers["Authorization"] = f"Bearer {token}"
    elif url.username or url.password:
        auth = httpx.BasicAuth(url.username, url.password)
    path = url.raw_path.partition(b"?")[0].decode().rstrip("/").removesuffix("/v1").rstrip("/")
    return Target(f"{url.scheme}://{url.netloc.decode()}", path, headers, auth, address.timeout)


def _url(text: str) -> httpx.URL:
    wrong = TierUnavailable(TIER, "GOAT_LETTA_URL is no address; write http://host:8283 or https://host")
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        raise wrong from None
    if url.scheme not in ("http", "https") or not url.host or not 0 < (url.port or 80) < 2**16:
        raise wrong
    return url


async def _exchange(client: httpx.AsyncClient, request: httpx.Request, target: Target) -> Answer:
    for _ in range(REDIRECTS + 1):
        response = await client.send(
            request, stream=True, auth=target.auth or httpx.USE_CLIENT_DEFAULT, follow_redirects=False
        )
        try:
            if not response.has_redirect_location:
                return Answer(response.status_code, await _body(response, target))
            request = _redirected(client, response, target)
        finally:
            await response.aclose()
    raise TierUnavailable(TIER, f"{target} redirects in a circle; {CHECK_URL}")


def _redirected(client: httpx.AsyncClient, response: httpx.Response, target: Target) -> httpx.Request:
    """Return the request anew, for another path of the same server; nobody else is sent anything."""
    request = response.request
    try:
        url = request.url.join(response.headers["location"])
    except (httpx.InvalidURL, ValueError):
        raise TierUnavailable(TIER, f"{target} redirects to no address; {CHECK_URL}") from None
    same = (url.scheme, url.host, url.port) == (request.url.scheme, request.url.host, request.url.port)
    if not same or (response.status_code not in (307, 308) and request.method != "GET"):
        raise TierUnavailable(TIER, f"{target} redirects elsewhere, which is not followed; {CHECK_URL}")
    return client.build_request(request.method, url, content=request.content, headers=target.headers)


async def _body(response: httpx.Response, target: Target) -> Any:
    """Read JSON; that of an error is not looked at, and may be anything."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise TierCorrupt(TIER, f"{target} answers in an encoding that was not asked for")
    content = bytearray()
    async for piece in response.aiter_raw():
        content += piece
        if len(content) > MOST_BYTES:
            raise TierCorrupt(TIER, f"{target} answers with more than {MOST_BYTES // 10**6} MB")
    if not response.is_success:
        return None
    try:
        return await asyncio.to_thread(json.loads, content)
    except (ValueError, RecursionError):
        detail = f"{target} answers with something that is not JSON; is it Letta? Or {CHECK_URL}"
        raise TierCorrupt(TIER, detail) from None


def _accepted(answer: Answer, accept: tuple[int, ...], target: Target) -> Answer:
    if httpx.codes.is_success(answer.status) or answer.status in accept:
        return answer
    if answer.status in (httpx.codes.CONFLICT, httpx.codes.INTERNAL_SERVER_ERROR):
        detail = f"{target} answered with status {answer.status}; if that goes on, see its log"
        raise TryAgain(TIER, detail)
    reason = REASONS.get(answer.status, f"answered with status {answer.status}; see its log")
    raise TierUnavailable(TIER, f"{target} {reason}")
