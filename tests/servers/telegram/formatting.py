"""The text of a message or a caption, from what a bot sends."""

from tests.servers.telegram import utf16
from tests.servers.telegram.body import Parameters
from tests.servers.telegram.entities import Formatted, checked, trimmed
from tests.servers.telegram.refusals import bad_request

MAX_TEXT = 4096
MAX_CAPTION = 1024


def source(parameters: Parameters, field: str) -> Formatted:
    """Return a text as it was sent; who relies on a parse_mode is not served here."""
    if parameters.text("parse_mode"):
        raise bad_request("unsupported parse_mode")
    return Formatted(_utf8(parameters.text(field)).replace("\r", "").replace("\0", ""))


def _utf8(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise bad_request("strings must be encoded in UTF-8") from error
    return text


def with_entities(formatted: Formatted, parameters: Parameters, field: str = "entities") -> Formatted:
    """Add the entities."""
    if given := parameters.json(field):
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
