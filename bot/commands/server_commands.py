"""`goat mcp`: read-only access to the memory for other agents. `goat serve`: the memory for chat clients."""

import asyncio
from functools import partial
from typing import Annotated

import typer
from rich.console import Console

from bot.commands.command_app import Owner, checked_owner, command_settings, run_turns
from bot.mcp.server import agent_server, check_http, serve_http, serve_stdio
from bot.serve.server_process import delete_token, print_new_token, print_tokens, run_serve
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


def serve(
    listen: Annotated[str, typer.Option(help="HOST:PORT; by default the `serve_listen` setting's.")] = "",
    new_token: Annotated[
        str, typer.Option(metavar="OWNER", help="Print a new token for an owner.", callback=checked_owner)
    ] = "",
    tokens: Annotated[bool, typer.Option("--tokens", help="List the tokens.")] = False,
    delete: Annotated[str, typer.Option("--delete-token", metavar="ID", help="Delete a token.")] = "",
) -> None:
    """Serve chat clients (OpenAI's API), with this memory."""
    settings, console = command_settings(), Console(highlight=False, soft_wrap=True)
    if new_token:
        asyncio.run(print_new_token(settings, console, new_token))
    elif tokens:
        asyncio.run(print_tokens(settings, console))
    elif delete:
        asyncio.run(delete_token(settings, console, delete))
    else:
        with configure_logging(settings):
            announce = partial(_announce, what="OpenAI-compatible server")
            run_turns(run_serve(settings, listen or settings.serve_listen, announce))


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


def _announce(url: str, what: str = "MCP server") -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"{what} at {url}; Ctrl-C stops it.", markup=False)
