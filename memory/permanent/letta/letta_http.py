"""Requests to a Letta server, with limits on time and size, and errors without secrets."""

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
    """The server answered 409 or 500: a lost race against another writer, or a transient failure."""


@dataclass(frozen=True, slots=True)
class LettaAddress:
    """Address of the server, and request options.

    Attributes:
        url: with or without a path, a slash or `/v1` at the end.
        token: password of a server, or key of Letta's cloud; empty if none is needed.
        timeout: seconds per request.
        model: model handle of new agents, which never run.
        embedding: embedding handle of new agents.
    """

    url: SecretStr
    token: SecretStr = NO_TOKEN
    timeout: float = 3.0
    model: str = "letta/letta-free"
    embedding: str = "letta/letta-free"


@dataclass(frozen=True, slots=True)
class Answer:
    """The server's response."""

    status: int
    body: Any


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed address, with the headers of every request."""

    origin: str
    path: str
    headers: Mapping[str, str]
    auth: httpx.BasicAuth | None
    timeout: float

    def __str__(self) -> str:
        return f"Letta at {self.origin}"


class LettaClient:
    """Client of a Letta server; connects on first use, and again after `aclose`."""

    def __init__(self, address: LettaAddress) -> None:
        self._address = address
        self._clients = PerLoop(_LazyClient)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
        accept: tuple[int, ...] = (),
    ) -> Answer:
        """Send one request; `path` starts with a slash. Error statuses raise unless they are in `accept`.

        Raises:
            TryAgain: the server answered 409 or 500.
            TierUnavailable: the server cannot be reached, is too slow, or rejects the request.
            TierCorrupt: the answer is not JSON, or too long.
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
            detail = f"{target} did not answer within {target.timeout:g} s; check the server"
            raise TierUnavailable(TIER, detail) from None
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            detail = f"{target} cannot be reached ({type(error).__name__}); is it running? Or {CHECK_URL}"
            raise TierUnavailable(TIER, detail) from None
        return _check_status(answer, accept, target)

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        lazy = self._clients.pop()
        if lazy is not None:
            await lazy.aclose()

    def __str__(self) -> str:
        return str(read_address(self._address))


class _LazyClient:
    """One client, created on a thread because it loads the CA certificates."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._client: httpx.AsyncClient | None = None

    async def client(self) -> httpx.AsyncClient:
        """Return the client; create it on first use."""
        async with self._lock:
            if self._client is None:
                self._client = await asyncio.to_thread(httpx.AsyncClient, timeout=None)
            return self._client

    async def aclose(self) -> None:
        """Close the client."""
        if self._client is not None:
            await self._client.aclose()


def read_address(address: LettaAddress) -> Target:
    """Parse the URL and token; without a token, the URL's user and password are sent.

    Raises:
        TierUnavailable: they are invalid; the message names the setting, never its value.
    """
    token = address.token.get_secret_value().strip()
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise TierUnavailable(
            TIER, "GOAT_LETTA_TOKEN contains characters that a token cannot have; set it again"
        )
    url = _parse_url(address.url.get_secret_value().strip())
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


def _parse_url(text: str) -> httpx.URL:
    wrong = TierUnavailable(TIER, "GOAT_LETTA_URL is not a valid URL; write http://host:8283 or https://host")
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
                return Answer(response.status_code, await _read_body(response, target))
            request = _follow_redirect(client, response, target)
        finally:
            await response.aclose()
    raise TierUnavailable(TIER, f"{target} redirects in a loop; {CHECK_URL}")


def _follow_redirect(client: httpx.AsyncClient, response: httpx.Response, target: Target) -> httpx.Request:
    """Return the request for another path of the same server; other redirects are refused."""
    request = response.request
    try:
        url = request.url.join(response.headers["location"])
    except (httpx.InvalidURL, ValueError):
        raise TierUnavailable(TIER, f"{target} redirects to an invalid address; {CHECK_URL}") from None
    same = (url.scheme, url.host, url.port) == (request.url.scheme, request.url.host, request.url.port)
    if not same or (response.status_code not in (307, 308) and request.method != "GET"):
        raise TierUnavailable(TIER, f"{target} redirects elsewhere, which is not followed; {CHECK_URL}")
    return client.build_request(request.method, url, content=request.content, headers=target.headers)


async def _read_body(response: httpx.Response, target: Target) -> Any:
    """Read a JSON body; error bodies are ignored."""
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


def _check_status(answer: Answer, accept: tuple[int, ...], target: Target) -> Answer:
    if httpx.codes.is_success(answer.status) or answer.status in accept:
        return answer
    if answer.status in (httpx.codes.CONFLICT, httpx.codes.INTERNAL_SERVER_ERROR):
        detail = f"{target} answered with status {answer.status}; if that goes on, see its log"
        raise TryAgain(TIER, detail)
    reason = REASONS.get(answer.status, f"answered with status {answer.status}; see its log")
    raise TierUnavailable(TIER, f"{target} {reason}")
