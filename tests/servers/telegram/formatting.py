"""The text of a message or a caption, from what a bot sends."""

from tests.servers.telegram import html_text, markdown_text, utf16
from tests.servers.telegram.body import Parameters
from tests.servers.telegram.entities import Formatted, checked, trimmed
from tests.servers.telegram.refusals import bad_request

MAX_TEXT = 4096
MAX_CAPTION = 1024
PARSERS = {"html": html_text.parsed, "markdownv2": markdown_text.parsed}


def markup(parameters: Parameters, field: str, mode: str = "parse_mode") -> Formatted:
    """Parse the markup of a text; Telegram does so before it looks at the chat."""
    source = _utf8(parameters.text(field)).replace("\r", "").replace("\0", "")
    name = parameters.text(mode)
    if not name:
        return Formatted(source)
    if name.lower() not in PARSERS:
        raise bad_request("unsupported parse_mode")
    return PARSERS[name.lower()](source)


def _utf8(source: str) -> str:
    try:
        source.encode()
    except UnicodeEncodeError as error:
        raise bad_request("strings must be encoded in UTF-8") from error
    return source


def with_entities(formatted: Formatted, parameters: Parameters, field: str = "entities") -> Formatted:
    """Add the entities given as such, which count only where there is no parse_mode."""
    given = parameters.json(field)
    if given and not parameters.text("parse_mode"):
        formatted = Formatted(formatted.text, checked(formatted.text, given))
    return trimmed(formatted)


def message_text(formatted: Formatted, *, too_long: str = "message is too long") -> Formatted:
    """Return the text of a message, or refuse the call."""
    if not formatted.text:
        raise bad_request("text must be non-empty")
    if utf16.length(formatted.text) > MAX_TEXT:
        raise bad_request(too_long)
    return formatted


def caption(formatted: Formatted) -> Formatted:
    """Return a caption, or refuse the call."""
    if utf16.length(formatted.text) > MAX_CAPTION:
        raise bad_request("message caption is too long")
    return formatted
