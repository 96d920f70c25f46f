"""`goat serve`: the server of this process, and the tokens of its clients."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.http_server import check_address, guard_of, run_server
from bot.media.media_reader import MediaReader
from bot.printable import printable, show
from bot.serve.chat_server import ChatServer
from bot.serve.conversation import Conversations
from bot.serve.thread_finder import ThreadFinder
from bot.serve.token_list import TokenList
from graph.app import open_agent
from graph.layers import open_layers
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from memory.concurrency.tasks import end
from memory.errors import ConfigError, GoatError

NOBODY = "`goat serve` has no tokens yet, so nobody could use it: `goat serve --new-token OWNER` makes one."
logger = logging.getLogger(__name__)


async def run_serve(settings: Settings, address: str, announce: Callable[[str], None]) -> None:
    """Serve until the process is stopped; call `announce` with the URL once it is bound.

    Raises:
        ConfigError: there is no token, or the address cannot be used.
    """
    check_address(address, settings.serve_names, "GOAT_SERVE_HOSTS", "goat.lan:8766")
    async with open_agent(settings, follow=True) as agent, open_server(agent, address) as server:
        url = f"http://{address}/v1"
        await run_server(server.app(), address, "GOAT_SERVE_LISTEN", lambda: announce(url), server.stop)


@contextlib.asynccontextmanager
async def open_server(agent: Agent, address: str) -> AsyncIterator[ChatServer]:
    """Finish interrupted turns, load what the first turn needs, and stop running answers after the block.

    Raises:
        ConfigError: there is no token.
    """
    settings, tokens = agent.layers.settings, TokenList(agent.layers.redis.client)
    if not (known := await tokens.list()):
        raise ConfigError(NOBODY)
    await agent.resume()
    warming = asyncio.create_task(_warm_up(agent, known[0].owner))
    media = MediaReader(settings)
    conversations = Conversations(agent, media, ThreadFinder(agent))
    server = ChatServer(agent, conversations, tokens, guard_of(address, settings.serve_names))
    try:
        yield server
    finally:
        server.stop()
        await server.drain()
        await end(warming)
        await media.aclose()


async def _warm_up(agent: Agent, owner: str) -> None:
    try:
        await agent.layers.warm_up(owner)
    except GoatError as error:
        logger.warning("The first turn will take longer: %s", error)


async def print_new_token(settings: Settings, console: Console, owner: str) -> None:
    async with open_layers(settings) as layers:
        token = await TokenList(layers.redis.client).new(owner)
    show(console, f"A token for the memory of {owner}; it is not shown again:")
    show(console, token, "bold")
    show(console, f"Clients: base URL http://{settings.serve_listen}/v1, API key: the token.", "dim")


async def print_tokens(settings: Settings, console: Console) -> None:
    """List the tokens' ids, owners and dates."""
    async with open_layers(settings) as layers:
        tokens = await TokenList(layers.redis.client).list()
    if not tokens:
        show(console, NOBODY)
        return
    table = Table("id", "owner", "made", box=None)
    for token in tokens:
        table.add_row(token.id, Text(printable(token.owner)), token.made)
    console.print(table)


async def delete_token(settings: Settings, console: Console, token_id: str) -> None:
    """Delete a token.

    Raises:
        ConfigError: there is none of this id.
    """
    async with open_layers(settings) as layers:
        if not await TokenList(layers.redis.client).delete(token_id):
            raise ConfigError(f"There is no token {token_id}: `goat serve --tokens` lists the ids.")
    show(console, f"Token {token_id} is deleted; its clients are refused from now on.")
