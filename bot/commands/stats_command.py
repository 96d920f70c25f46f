"""`goat stats`: statistics of recent turns."""

import asyncio
import json
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from bot.commands.command_app import command_settings
from bot.presentation.usage_figures import usage_tables
from graph.layers import open_layers
from graph.settings.settings import Settings
from memory.working.redis_metrics import RedisMetrics


def stats(
    days: Annotated[int, typer.Option(min=1, max=90, help="How many days to look back.")] = 7,
    owner: Annotated[str, typer.Option(help="Only this owner's turns; by default every owner's.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show statistics of recent turns.

    Latencies, recall, tools, outages.
    """
    asyncio.run(run_stats(command_settings(), days=days, owner=owner, as_json=as_json))


async def run_stats(settings: Settings, *, days: int, owner: str = "", as_json: bool = False) -> None:
    """Print the statistics of one owner, or of all owners together."""
    async with open_layers(settings) as layers:
        metrics = await RedisMetrics(layers.redis.client).read(days, owner=owner or None)
    console = Console(highlight=False, soft_wrap=as_json)
    if as_json:
        console.print(Text(json.dumps(metrics.as_json(), indent=2)))
    else:
        console.print(usage_tables(metrics, owner))
