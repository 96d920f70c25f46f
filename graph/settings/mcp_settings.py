"""Settings of the MCP server."""

from pydantic import BaseModel, Field, SecretStr, field_validator

from graph.settings.http_names import check_names, parse_address, split_names

SHORTEST_TOKEN = 16


class McpSettings(BaseModel):
    """Settings of the MCP server over HTTP; stdio needs none."""

    mcp_listen: str = Field("127.0.0.1:8765", description="MCP: host:port of the HTTP server.")
    mcp_token: SecretStr = Field(
        SecretStr(""),
        description="MCP: token of HTTP clients, at least 16 characters; empty: no HTTP server.",
    )
    mcp_hosts: str = Field(
        "",
        description="MCP: names (host or host:port) of the server, separated by commas; those of this "
        "machine and of `mcp_listen` are always accepted.",
    )

    @field_validator("mcp_listen")
    @classmethod
    def _mcp_address(cls, text: str) -> str:
        parse_address(text)
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
        return check_names(text)

    @property
    def mcp_names(self) -> tuple[str, ...]:
        """The names in `mcp_hosts`."""
        return split_names(self.mcp_hosts)
