"""`goat facts`: list an owner's facts, erase one, and copy them from one store to another."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, time, tzinfo
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from bot.commands.command_app import Owner, command_app, command_settings
from bot.commands.erase_command import forget_fact, require_answers
from bot.printable import printable, show
from graph.layers import open_layers
from graph.settings.settings import Settings
from memory.errors import ConfigError
from memory.models import Fact
from memory.permanent.permanent_records import CopyResult, PermanentStore, Records, copy_owner

app = command_app()


class Store(StrEnum):
    EMBEDDED = "embedded"
    LETTA = "letta"


@app.callback(invoke_without_command=True)
def main(context: typer.Context) -> None:
    """List facts, erase one, or copy them between stores.

    Lists them when no command is named.
    """
    if context.invoked_subcommand is None:
        list_()


@app.command("list")
def list_(
    owner: Owner = "",
    as_of: Annotated[
        str, typer.Option("--as-of", metavar="DATE", help="As of this date: 2026-03-01, or with a time.")
    ] = "",
) -> None:
    """List the facts, newest first."""
    settings = command_settings()
    asyncio.run(_list(settings, owner or settings.owner, as_of))


@app.command("forget")
def forget(
    key: Annotated[str, typer.Argument(help="The fact's key.")],
    yes: Annotated[bool, typer.Option("--yes", help="Erase it without asking.")] = False,
    owner: Owner = "",
) -> None:
    """Erase a fact for ever, with its earlier values and the steps of turns that show it."""
    require_answers(yes=yes)
    settings = command_settings()
    asyncio.run(forget_fact(settings, owner or settings.owner, key, ask=not yes))


@app.command("copy")
def copy(
    from_: Annotated[Store, typer.Option("--from", help="The source.")],
    to: Annotated[Store, typer.Option("--to", help="The target.")],
    owner: Owner = "",
    all_owners: Annotated[bool, typer.Option("--all-owners", help="Copy every owner's.")] = False,
    merge: Annotated[bool, typer.Option("--merge", help="Keep other facts of the target.")] = False,
) -> None:
    """Copy facts and identity with their history; the source keeps its own."""
    if from_ is to:
        raise typer.BadParameter("--from and --to name the same store")
    if owner and all_owners:
        raise typer.BadParameter("--owner and --all-owners exclude each other")
    settings = command_settings()
    if not settings.letta_url.get_secret_value():
        raise ConfigError("No Letta server is configured. Set GOAT_LETTA_URL, such as http://localhost:8283.")
    wanted = [] if all_owners else [owner or settings.owner]
    asyncio.run(_copy(settings, wanted, from_, to, merge=merge))


async def _list(settings: Settings, owner: str, as_of: str) -> None:
    console = Console(highlight=False)
    async with open_layers(settings) as layers:
        zone = layers.zone
        facts = await layers.permanent.facts(owner=owner, as_of=_moment(as_of, zone) if as_of else None)
    if facts:
        console.print(_table(facts, zone))
    else:
        show(console, f"No facts of {owner}.")


async def _copy(settings: Settings, owners: Sequence[str], from_: Store, to: Store, *, merge: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    async with open_layers(settings) as layers:
        stores: dict[Store, PermanentStore] = {
            Store.EMBEDDED: layers.embedded_permanent,
            Store.LETTA: layers.letta_permanent,
        }
        owners = owners or await stores[from_].owners()
        for owner in track(owners, "owners copied", console=console, disable=len(owners) < 2):  # noqa: PLR2004
            copied = await copy_owner(stores[from_], stores[to], owner=owner, merge=merge)
            show(console, _summary(copied, from_, to))
    if not owners:
        show(console, f"The {from_} store is empty.")


def _summary(copied: CopyResult, from_: Store, to: Store) -> str:
    total, added = _counts(copied.records), len(copied.added)
    what = f"{added} of them new there" if added else "all there already"
    return f"{copied.owner}: {total} in {from_}, {what}; read back from {to} and complete."


def _counts(records: Records) -> str:
    facts, identities = len(records.facts), len(records.identities)
    return f"{records.keys} facts in {facts} versions, and {identities} versions of the identity"


def _table(facts: Sequence[Fact], zone: tzinfo) -> Table:
    table = Table("since", "fact", "value", box=None, header_style="dim")
    for fact in facts:
        at = fact.at.astimezone(zone)
        table.add_row(f"{at:%Y-%m-%d %H:%M}", Text(printable(fact.key)), Text(printable(fact.value)))
    return table


def _moment(text: str, zone: tzinfo) -> datetime:
    """Parse a time in the user's zone; a date means the end of that day."""
    try:
        if len(text) <= len("2026-03-01"):
            return datetime.combine(date.fromisoformat(text), time.max, zone)
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date; write 2026-03-01 or 2026-03-01T18:30") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=zone)
