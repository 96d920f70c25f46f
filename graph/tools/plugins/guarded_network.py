"""An HTTP client that connects only to addresses that it has checked."""

import ssl
from collections.abc import Iterable

import httpcore
import httpx
from httpcore import SOCKET_OPTION

from graph.tools.destinations import needs_escaping
from graph.tools.plugins.addresses import AddressRefused, resolve

MOST_REDIRECTS = 5
USER_AGENT = "Mozilla/5.0 (compatible; GOAT/2.0; personal agent)"
MOST_URL = 4000
NEEDS_ESCAPING = (
    "The address holds a blank, a quote, a backslash or a sign that cannot be seen, and was not opened. "
    "Where it belongs there, spell it with a percent sign, a blank as %20."
)
_OF_A_BODY = ("content-encoding", "content-length", "transfer-encoding")


def check_url(url: str) -> httpx.URL:
    """Parse a web URL.

    Raises:
        AddressRefused: it is not one, has a user name or password, or needs percent-encoding.
    """
    if needs_escaping(url.strip()):
        raise AddressRefused(NEEDS_ESCAPING)
    try:
        parsed = httpx.URL(url.strip())
    except (httpx.InvalidURL, UnicodeError) as error:
        raise AddressRefused(f"This is no URL: {error}.") from None
    _check(parsed)
    return parsed


def guarded_client(*, private: bool, seconds: float) -> httpx.AsyncClient:
    """Return a client with a `GuardedTransport` that follows at most `MOST_REDIRECTS` redirects."""
    return httpx.AsyncClient(
        transport=GuardedTransport(private=private),
        follow_redirects=True,
        max_redirects=MOST_REDIRECTS,
        timeout=seconds,
        trust_env=False,
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip"},
    )


class GuardedTransport(httpx.AsyncHTTPTransport):
    """A transport that checks each request's URL and connects only to checked addresses of its host."""

    def __init__(self, *, private: bool) -> None:
        verify = ssl.create_default_context()
        super().__init__(verify=verify, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(ssl_context=verify, network_backend=GuardedNetwork(private))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Check and send a request; the body of a redirect is not read.

        Raises:
            AddressRefused: connecting to the URL or its host's address is not allowed.
        """
        _check(request.url)
        response = await super().handle_async_request(request)
        if not response.has_redirect_location:
            return response
        await response.aclose()
        kept = [pair for pair in response.headers.multi_items() if pair[0] not in _OF_A_BODY]
        return httpx.Response(response.status_code, headers=kept)


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """A network backend for public addresses only, unless `private`; TLS still checks the host's name.

    It opens no socket files: those are on this machine.
    """

    def __init__(self, private: bool) -> None:
        self._network = httpcore.AnyIOBackend()
        self._private = private

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface's
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve a host, check its addresses, and connect to the first one that answers."""
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in await resolve(host, port, private=self._private):
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


def _check(url: httpx.URL) -> None:
    if url.scheme not in ("http", "https") or not url.raw_host:
        raise AddressRefused("Only http:// and https:// URLs with a host can be read.")
    if url.userinfo:
        raise AddressRefused("A URL with a user name or password in it is not opened.")
    if len(str(url)) > MOST_URL:
        raise AddressRefused(f"The URL is longer than {MOST_URL} characters.")
