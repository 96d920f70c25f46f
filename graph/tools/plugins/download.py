"""Downloads with a limit on the unpacked size."""

import codecs
import re
import zlib
from dataclasses import dataclass

import httpx
from charset_normalizer import from_bytes
from langchain_core.tools import ToolException

_PACKED = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""Window bits for zlib, by content encoding."""
_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "unicode-escape"})
"""Encodings of Python that no browser knows; punycode takes quadratic time, hours for a large page."""
_PIECE = 64 * 1024
_SNIFFED = 2048
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_META = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([a-zA-Z0-9_:.-]{2,40})""", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """The response to a URL."""

    url: str
    """After redirects."""
    type: str
    """The media type in lower case, without parameters."""
    charset: str
    """From the server; empty if it sends none."""
    body: bytes
    whole: bool
    """False if the body was cut at the limit."""

    @property
    def text(self) -> str:
        """The body as text, decoded by its BOM, the server's charset, the page's own, UTF-8 or detection."""
        for bom, encoding in _BOMS:
            if self.body.startswith(bom):
                return self.body.decode(encoding, "replace")
        own = _META.search(self.body[:_SNIFFED]) if "html" in self.type or not self.type else None
        for encoding in (self.charset, own[1].decode() if own else "", "utf-8"):
            if (text := self._decoded(encoding)) is not None:
                return text
        best = from_bytes(self.body[:_PIECE]).best()
        return self.body.decode(best.encoding if best else "latin-1", "replace")

    def _decoded(self, encoding: str) -> str | None:
        try:
            decoder = codecs.getincrementaldecoder(_known(encoding))()
            return decoder.decode(self.body, final=self.whole)
        except (LookupError, ValueError):
            return None


async def download(client: httpx.AsyncClient, url: httpx.URL, most_bytes: int) -> Download:
    """Download a URL, at most `most_bytes` unpacked.

    Raises:
        ToolException: it cannot be reached or answers with an error; the text says which.
        AddressRefused: connecting to it is not allowed.
    """
    try:
        async with client.stream("GET", url) as response:
            if not response.is_success:
                raise ToolException(
                    f"{response.url} answers {response.status_code} {response.reason_phrase}."
                )
            body, whole = await _body(response, most_bytes)
            kind, _, _ = response.headers.get("content-type", "").partition(";")
            return Download(
                url=str(response.url),
                type=kind.strip().lower(),
                charset=response.charset_encoding or "",
                body=body,
                whole=whole,
            )
    except httpx.TooManyRedirects:
        raise ToolException(f"{url} redirects more than {client.max_redirects} times.") from None
    except httpx.TimeoutException:
        raise ToolException(f"{url} did not answer in time.") from None
    except (httpx.HTTPError, httpx.InvalidURL, zlib.error) as error:
        raise ToolException(f"{url} cannot be read: {str(error) or type(error).__name__}.") from None


async def _body(response: httpx.Response, most: int) -> tuple[bytes, bool]:
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in (*_PACKED, "", "identity"):
        raise ToolException(f"{response.url} is packed as {encoding[:40]!r}, which was not asked for.")
    unpack = zlib.decompressobj(_PACKED[encoding]) if encoding in _PACKED else None
    body = bytearray()
    async for piece in response.aiter_raw(_PIECE):
        body += unpack.decompress(piece, most + 1 - len(body)) if unpack else piece
        if len(body) > most:
            return bytes(body[:most]), False
    return bytes(body), True


def _known(encoding: str) -> str:
    """Return the encoding that browsers use for a name: Latin-1 and ASCII mean Windows-1252.

    Raises:
        LookupError: it is not a text encoding of the web.
    """
    found = codecs.lookup(encoding)
    if not getattr(found, "_is_text_encoding", True) or found.name in _NO_CHARSETS:
        raise LookupError(encoding)
    return "cp1252" if found.name in ("iso8859-1", "ascii") else found.name
