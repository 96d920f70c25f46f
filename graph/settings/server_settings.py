"""Settings of the HTTP servers: MCP, `goat serve` and Studio."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field, SecretStr

LAST_PORT = 65_535
SHORTEST_TOKEN = 16
STUDIO = "https://smith.langchain.com"
PAGES = (STUDIO, "https://eu.smith.langchain.com")
"""Origins of LangGraph Studio's pages."""
_ORIGIN = re.compile(r"https?://[^/*@\s]+")


def split_names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _check_names(text: str) -> str:
    if any(sign in name for name in split_names(text) for sign in "/*@ "):
        raise ValueError("write names such as goat.example.org, goat.lan:8765, without http:// and paths")
    return text


def parse_address(text: str) -> tuple[str, int]:
    """Parse host:port, with an IPv6 host in brackets.

    Raises:
        ValueError: the format is wrong; says what to write.
    """
    host, _, port = text.rpartition(":")
    bare = host.strip("[]")
    if not bare or not (port.isascii() and port.isdecimal()) or not 0 < int(port) <= LAST_PORT:
        raise ValueError("write host:port, such as 127.0.0.1:8765")
    if ":" in bare and not host.startswith("["):
        raise ValueError("write an IPv6 address in brackets, such as [::1]:8765")
    return bare, int(port)


def _check_address(text: str) -> str:
    parse_address(text)
    return text


def _check_origins(text: str) -> str:
    if not all(_ORIGIN.fullmatch(origin) for origin in split_names(text)):
        raise ValueError("write origins such as http://localhost:3000, without paths")
    return text


def check_base_url(text: str) -> str:
    """Return the base URL of an endpoint, or "".

    Raises:
        ValueError: no request can be made with it; says what to write.
    """
    try:
        parts = urlsplit(text)
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # an unfinished bracket, or a port that is none
        is_url = False
    if text and not is_url:
        raise ValueError("write http(s)://host:port with the path of its API, which is often /v1")
    return text


BaseUrl = Annotated[str, AfterValidator(check_base_url)]


def _check_token(token: SecretStr) -> SecretStr:
    text = token.get_secret_value()
    if text and (len(text) < SHORTEST_TOKEN or not (text.isascii() and text.isprintable()) or " " in text):
        raise ValueError(
            f"write {SHORTEST_TOKEN} or more letters, digits and signs without blanks, such as what "
            "`openssl rand -hex 32` prints"
        )
    return token


class McpSettings(BaseModel):
    """Settings of the MCP server over HTTP; stdio needs none."""

    mcp_listen: Annotated[str, AfterValidator(_check_address)] = Field(
        "127.0.0.1:8765", description="MCP: host:port of the HTTP server."
    )
    mcp_token: Annotated[SecretStr, AfterValidator(_check_token)] = Field(
        SecretStr(""),
        description="MCP: token of HTTP clients, at least 16 characters; empty: no HTTP server.",
    )
    mcp_hosts: Annotated[str, AfterValidator(_check_names)] = Field(
        "",
        description="MCP: names (host or host:port) of the server, separated by commas; those of this "
        "machine and of `mcp_listen` are always accepted.",
    )

    @property
    def mcp_names(self) -> tuple[str, ...]:
        return split_names(self.mcp_hosts)


class ServeSettings(BaseModel):
    """Settings of the OpenAI-compatible server; its tokens are made by `goat serve --new-token`."""

    serve_listen: Annotated[str, AfterValidator(_check_address)] = Field(
        "127.0.0.1:8766", description="`goat serve`: host:port of the OpenAI-compatible server."
    )
    serve_hosts: Annotated[str, AfterValidator(_check_names)] = Field(
        "",
        description="`goat serve`: names (host or host:port) of the server, separated by commas; those of "
        "this machine and of `serve_listen` are always accepted.",
    )

    @property
    def serve_names(self) -> tuple[str, ...]:
        return split_names(self.serve_hosts)


class StudioSettings(BaseModel):
    """Settings of the server that `make studio` runs."""

    studio_origins: Annotated[str, AfterValidator(_check_origins)] = Field(
        "",
        description="Studio: origins (scheme://host:port) whose pages may call the server, separated by "
        "commas; those of LangGraph Studio are always accepted.",
    )
    studio_hosts: Annotated[str, AfterValidator(_check_names)] = Field(
        "",
        description="Studio: names (host or host:port) of the server, separated by commas; those of this "
        "machine are always accepted.",
    )
    studio_shell: bool = Field(
        False, description="Studio: whether `shell_run` commands may be approved through its server."
    )

    @property
    def studio_pages(self) -> tuple[str, ...]:
        """Origins whose pages may call the server."""
        return (*PAGES, *split_names(self.studio_origins))
