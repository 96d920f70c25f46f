"""The body of a call: parameters from the URL, JSON, a form or a multipart body, and files."""

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from tests.servers.telegram.refusals import bad_request

VERBATIM = frozenset(
    {
        "file_path",
        "text",
        "caption",
        "url",
        "secret_token",
        "parse_mode",
        "callback_query_id",
        "file_id",
        "photo",
        "document",
        "voice",
        "language_code",
        "action",
        "cache_time",
        "certificate",
        "ip_address",
    }
)
LOOKS_LIKE_JSON = re.compile(r"-?\d{1,18}|true|false|null|[\[{].*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file in a multipart body."""

    name: str
    mime_type: str
    content: bytes


@dataclass(slots=True)
class Parameters:
    """A method's parameters; numbers and objects are decoded from any of these forms."""

    values: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Upload] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return a text, empty by default."""
        value = self.values.get(name)
        return "" if value is None else str(value)

    def integer(self, name: str, default: int = 0) -> int:
        """Return an integer, or refuse the call."""
        value = self.values.get(name)
        return default if value is None or value == "" else whole(value, name)

    def flag(self, name: str) -> bool:
        """Return a flag."""
        return str(self.values.get(name, "")).lower() in {"true", "1", "yes", "y", "t"}

    def json(self, name: str) -> Any:
        """Return a list or an object, or refuse the call if it cannot be parsed."""
        value = self.values.get(name)
        if isinstance(value, str) and value:
            raise bad_request(f"can't parse {name.replace('_', ' ')} JSON object")
        return value


def whole(value: Any, name: str) -> int:
    """Return an integer from any form, or refuse the call."""
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise bad_request(f"invalid {name} specified") from error


async def read(request: Request) -> Parameters:
    """Read the parameters of a call."""
    parameters = Parameters(dict(request.query_params))
    content = await request.body()
    kind = request.headers.get("content-type", "")
    if content and "json" in kind:
        parameters.values |= _object(content)
    elif content and "multipart" in kind:
        _read_parts(content, kind, parameters)
    elif content:
        parameters.values |= dict(parse_qsl(content.decode(errors="replace"), keep_blank_values=True))
    parameters.values = {name: _decoded(name, value) for name, value in parameters.values.items()}
    return parameters


def _object(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except ValueError as error:
        raise bad_request("can't parse request JSON") from error
    return body if isinstance(body, dict) else {}


def _decoded(name: str, value: Any) -> Any:
    if name in VERBATIM or not isinstance(value, str) or not LOOKS_LIKE_JSON.fullmatch(value):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _read_parts(content: bytes, kind: str, parameters: Parameters) -> None:
    boundary = re.search(r'boundary="?([^";]+)', kind)
    if boundary is None:
        raise bad_request("boundary not found in multipart body")
    for part in content.split(b"--" + boundary[1].encode())[1:-1]:
        head, _, value = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        _read_part(head.decode(errors="replace"), value.removesuffix(b"\r\n"), parameters)


def _read_part(head: str, value: bytes, parameters: Parameters) -> None:
    name = re.search(r'[; ]name="([^"]*)"', head)
    file_name = re.search(r'filename="([^"]*)"', head)
    mime_type = re.search(r"(?i)content-type: *([^\r\n]+)", head)
    if name is None:
        return
    if file_name is None:
        parameters.values[name[1]] = value.decode(errors="replace")
        return
    kind = mime_type[1] if mime_type else "application/octet-stream"
    parameters.files[name[1]] = Upload(file_name[1], kind, value)
