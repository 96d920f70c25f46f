"""`goat mcp`: read-only access to the memory for other agents."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from bot.commands.command_app import Owner, command_settings
from bot.mcp.server import agent_server
from bot.mcp.transport import check_http, serve_http, serve_stdio
from graph.app import open_agent
from graph.observability.logs import configure_logging
from graph.settings.settings import Settings


def mcp(
    owner: Owner = "",
    http: Annotated[bool, typer.Option("--http", help="Serve over HTTP instead of stdio.")] = False,
    listen: Annotated[str, typer.Option(help="HOST:PORT, for HTTP.")] = "",
) -> None:
    """Let other agents read the memory (MCP, read-only).

    They can also read turns, configuration and logs.
    """
    settings = command_settings()
    with configure_logging(settings):
        asyncio.run(run_mcp(settings, owner=owner or settings.owner, http=http, listen=listen))


async def run_mcp(settings: Settings, *, owner: str, http: bool, listen: str = "") -> None:
    """Serve one owner's memory over stdio or HTTP until the process is stopped."""
    address = listen or settings.mcp_listen
    if http:
        check_http(settings, address)
    async with open_agent(settings, follow=True) as agent:
        server = agent_server(agent, owner)
        if http:
            await serve_http(server, settings, address, _announce)
        else:
            await serve_stdio(server)


def _announce(url: str) -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"MCP server at {url}; Ctrl-C stops it.", markup=False)
