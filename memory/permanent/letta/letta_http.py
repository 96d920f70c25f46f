"""Requests to a Letta server, with a time limit, and errors without secrets."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
from pydantic import SecretStr

from memory.concurrency.http_clients import HttpClients
from memory.errors import TierCorrupt, TierUnavailable
from memory.permanent.permanent_records import TIER

NO_TOKEN: Final = SecretStr("")
CHECK_URL: Final = "check GOAT_LETTA_URL"
REFUSED: Final = "refuses the token; set GOAT_LETTA_TOKEN to the server's password or the cloud's key"
REASONS: Final = {
    401: REFUSED,
    403: REFUSED,
    404: f"does not know the address; {CHECK_URL}",
    429: "asks for fewer requests; try again later",
}


class TryAgain(TierUnavailable):
    """The server answered 409 or 500: a lost race against another writer, or a transient failure."""


@dataclass(frozen=True, slots=True)
class LettaAddress:
    """Address of the server.

    Attributes:
        url: with or without a path, a slash or `/v1` at the end.
        token: password of a server, or key of Letta's cloud; empty if none is needed.
        timeout: seconds per request.
    """

    url: SecretStr
    token: SecretStr = NO_TOKEN
    timeout: float = 3.0


class LettaClient:
    """Client of a Letta server; connects on first use, and again after `aclose`."""

    def __init__(self, address: LettaAddress) -> None:
        self._address = address
        self._clients = HttpClients(TIER)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
        accept: tuple[int, ...] = (),
    ) -> tuple[int, Any]:
        """Send one request; return the status, and the JSON of a success. Errors raise unless in `accept`.

        Raises:
            TryAgain: the server answered 409 or 500.
            TierUnavailable: the server cannot be reached, is too slow, redirects, or rejects the request.
            TierCorrupt: the answer is not JSON.
        """
        url, headers = read_address(self._address)
        target, seconds = f"Letta at {url.scheme}://{url.netloc.decode()}", self._address.timeout
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        client = await self._clients.client()
        try:
            async with asyncio.timeout(seconds):
                answer = await client.request(
                    method, f"{url}{path}", params=params, content=content, headers=headers
                )
        except (TimeoutError, httpx.TimeoutException):
            detail = f"{target} did not answer within {seconds:g} s; check the server"
            raise TierUnavailable(TIER, detail) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            detail = f"{target} cannot be reached ({type(error).__name__}); is it running? Or {CHECK_URL}"
            raise TierUnavailable(TIER, detail) from None
        if not answer.is_success and answer.status_code not in accept:
            raise _rejection(answer, target)
        return answer.status_code, await _read_json(answer, target)

    async def aclose(self) -> None:
        await self._clients.aclose()


def read_address(address: LettaAddress) -> tuple[httpx.URL, dict[str, str]]:
    """Return the server's URL without `/v1`, and the headers of every request.

    Without a token, the URL keeps its user and password, which httpx sends.

    Raises:
        TierUnavailable: they are invalid; the message names the setting, never its value.
    """
    token = address.token.get_secret_value().strip()
    if not (token.isascii() and token.isprintable()) or " " in token:
        detail = "GOAT_LETTA_TOKEN contains characters that a token cannot have; set it again"
        raise TierUnavailable(TIER, detail)
    url = _parse_url(address.url.get_secret_value().strip())
    path = url.raw_path.partition(b"?")[0].rstrip(b"/").removesuffix(b"/v1").rstrip(b"/")
    url = url.copy_with(raw_path=path, fragment=None)
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    if token:
        url, headers["Authorization"] = url.copy_with(userinfo=b""), f"Bearer {token}"
    return url, headers


def _parse_url(text: str) -> httpx.URL:
    wrong = TierUnavailable(TIER, "GOAT_LETTA_URL is not a valid URL; write http://host:8283 or https://host")
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        raise wrong from None
    if url.scheme not in ("http", "https") or not url.host or not 0 < (url.port or 80) < 2**16:
        raise wrong
    return url


async def _read_json(answer: httpx.Response, target: str) -> Any:
    if not answer.is_success:
        return None
    try:
        return await asyncio.to_thread(answer.json)
    except (ValueError, RecursionError):
        detail = f"{target} answers with something that is not JSON; is it Letta? Or {CHECK_URL}"
        raise TierCorrupt(TIER, detail) from None


def _rejection(answer: httpx.Response, target: str) -> TierUnavailable:
    status = answer.status_code
    if status in (httpx.codes.CONFLICT, httpx.codes.INTERNAL_SERVER_ERROR):
        return TryAgain(TIER, f"{target} answered with status {status}; if that goes on, see its log")
    if answer.is_redirect:
        return TierUnavailable(TIER, f"{target} redirects elsewhere, which is not followed; {CHECK_URL}")
    return TierUnavailable(
        TIER, f"{target} {REASONS.get(status, f'answered with status {status}; see its log')}"
    )
