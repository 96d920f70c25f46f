"""What can be configured of the MCP server."""

from pydantic import BaseModel, Field, SecretStr, field_validator

SHORTEST_TOKEN = 16
_LAST_PORT = 65_535


class McpSettings(BaseModel):
    """The settings of the MCP server over HTTP; over stdin and stdout it needs none."""

    mcp_listen: str = Field("127.0.0.1:8765", description="MCP: host:port of the server over HTTP.")
    mcp_token: SecretStr = Field(
        SecretStr(""),
        description="MCP: what clients show over HTTP, 16 characters or more; empty: no server over HTTP.",
    )
    mcp_hosts: str = Field(
        "",
        description="MCP: names (host or host:port) by which clients call the server, separated by commas; "
        "those of this machine and of `mcp_listen` always hold.",
    )

    @field_validator("mcp_listen")
    @classmethod
    def _mcp_address(cls, text: str) -> str:
        address_of(text)
        return text

    @field_validator("mcp_token")
    @classmethod
    def _mcp_token_long_enough(cls, token: SecretStr) -> SecretStr:
        text = token.get_secret_value()
        if text and (
            len(text) < SHORTEST_TOKEN or not (text.isascii() and text.isprintable()) or " " in text
        ):
            raise ValueError(
                f"write {SHORTEST_TOKEN} or more letters, digits and signs without blanks, such as what "
                "`openssl rand -hex 32` prints"
            )
        return token

    @field_validator("mcp_hosts")
    @classmethod
    def _mcp_names_alone(cls, text: str) -> str:
        if any(sign in name for name in _listed(text) for sign in "/*@ "):
            raise ValueError("write names such as goat.example.org, goat.lan:8765, without http:// and paths")
        return text

    @property
    def mcp_names(self) -> tuple[str, ...]:
        """Return the names in `mcp_hosts`."""
        return _listed(self.mcp_hosts)


def address_of(text: str) -> tuple[str, int]:
    """Read host:port; an IPv6 host stands in brackets.

    Raises:
        ValueError: it is none; says what to write.
    """
    host, _, port = text.rpartition(":")
    bare = host.strip("[]")
    if not bare or not (port.isascii() and port.isdecimal()) or not 0 < int(port) <= _LAST_PORT:
        raise ValueError("write host:port, such as 127.0.0.1:8765")
    if ":" in bare and not host.startswith("["):
        raise ValueError("write an IPv6 address in brackets, such as [::1]:8765")
    return bare, int(port)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
