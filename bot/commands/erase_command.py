"""`goat forget`: erase turns of an owner, chosen by words, time or thread, or a fact, or everything."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console

from bot.commands.command_app import Owner, command_settings, read_time
from bot.presentation import turn_screen as screen
from bot.printable import show, snippet
from bot.telegram.full_erasure import FullErasure
from graph.app import open_agent
from graph.runtime.agent import Agent
from graph.runtime.erasure_search import LEAST_CHARS, search_stores
from graph.settings.settings import Settings
from memory.errors import ConfigError
from memory.models import Episode

MOST_FOUND = 20
"""Maximum number of turns that a search for words returns."""
MOST_NARROWED = 2000
"""Number of best matches to filter by time or thread."""
COPIES = "Exports and backups that you made still have it: delete them too."


@dataclass(frozen=True, slots=True)
class ErasureFilter:
    """Which turns to erase; all conditions that are given must hold."""

    words: str = ""
    since: str = ""
    until: str = ""
    thread: str = ""
    everything: bool = False

    @property
    def is_empty(self) -> bool:
        """True if no turns are named."""
        return not (self.words or self.since or self.until or self.thread)


def forget(
    words: Annotated[str, typer.Argument(help="Find the turns by these words.")] = "",
    since: Annotated[str, typer.Option(help='Turns from then on: "2026-03-01", "today", "last week".')] = "",
    until: Annotated[str, typer.Option(help="Turns before then.")] = "",
    thread: Annotated[str, typer.Option(help="Turns of this thread.")] = "",
    everything: Annotated[bool, typer.Option("--everything", help="All data of the owner.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Erase all that is found without asking.")] = False,
    owner: Owner = "",
) -> None:
    """Erase turns for ever, with everything derived from them.

    Shows what is found and what quotes it, and asks before anything is erased.
    """
    settings, selection = command_settings(), ErasureFilter(words, since, until, thread, everything)
    if selection.is_empty != everything:
        raise typer.BadParameter("name turns: words, --since, --until or --thread; or --everything alone")
    require_answers(yes=yes)
    asyncio.run(run_forget(settings, owner or settings.owner, selection, ask=not yes))


def require_answers(*, yes: bool) -> None:
    """Raise `ConfigError` without `yes` if no person can answer questions."""
    if not yes and not sys.stdin.isatty():
        raise ConfigError("Nobody can be asked here. Add --yes to erase all that is found.")


async def forget_fact(settings: Settings, owner: str, key: str, *, ask: bool) -> None:
    """Erase the owner's fact with its earlier values; with `ask`, after a question."""
    console = Console(highlight=False)
    async with open_agent(settings) as agent:
        for reason in await _erase_fact(agent, owner, key, console, ask=ask):
            show(console, reason, "yellow")


async def run_forget(settings: Settings, owner: str, selection: ErasureFilter, *, ask: bool) -> None:
    """Erase the owner's turns of the selection; with `ask`, those that the person chooses and confirms."""
    console = Console(highlight=False)
    async with open_agent(settings) as agent:
        if selection.everything:
            left = await _erase_everything(agent, owner, console, ask=ask)
        else:
            left = await _erase_some(agent, owner, selection, console, ask=ask)
    for reason in left:
        show(console, reason, "yellow")


async def _erase_everything(agent: Agent, owner: str, console: Console, *, ask: bool) -> Sequence[str]:
    turns = await agent.layers.episodes.count(owner=owner)
    if ask and not await _confirm(f"Erase all {turns} turns, the facts and the identity of {owner}?"):
        return ()
    erased = await FullErasure(agent).everything(owner)
    console.print(f"Everything is erased. {COPIES}")
    await _prove(agent, erased.words, owner, console)
    return erased.left


async def _erase_fact(agent: Agent, owner: str, key: str, console: Console, *, ask: bool) -> Sequence[str]:
    versions = await agent.removal.facts.versions(key, owner)
    if not versions:
        console.print("There is no such fact; `goat facts` lists them.")
        return ()
    for fact in versions:
        at = f"{fact.at.astimezone(agent.layers.zone):%Y-%m-%d %H:%M}"
        show(console, f"{at}  {fact.key}: {snippet(fact.value)}")
    console.print(screen.quotations(await agent.removal.facts.quotations(key, owner), agent.layers.zone))
    if ask and not await _confirm("Erase this fact for ever, with its earlier values?"):
        console.print("Nothing is erased.")
        return ()
    erased = await FullErasure(agent).fact(key, owner)
    console.print(f"The fact is erased. {COPIES}")
    await _prove(agent, erased.words, owner, console)
    return erased.left


async def _erase_some(
    agent: Agent, owner: str, selection: ErasureFilter, console: Console, *, ask: bool
) -> Sequence[str]:
    zone = agent.layers.zone
    found = [episode async for episode in _find(agent, owner, selection, ask=ask)]
    if not found:
        console.print("No turn is found.")
        return ()
    console.print(screen.episodes(found, zone))
    chosen = await _choose(found) if ask and len(found) > 1 else found
    turn_ids = [episode.turn_id for episode in chosen]
    console.print(screen.quotations(await agent.removal.quotations(turn_ids, owner), zone))
    counted = "1 turn" if len(chosen) == 1 else f"{len(chosen)} turns"
    if not chosen or (ask and not await _confirm(f"Erase {counted} for ever?")):
        console.print("Nothing is erased.")
        return ()
    erased = await FullErasure(agent).turns(turn_ids, owner)
    console.print(f"{counted} erased. {COPIES}")
    await _prove(agent, erased.words, owner, console)
    if selection.words and len(found) == MOST_FOUND:
        console.print(f"Words find {MOST_FOUND} turns at a time: there may be more, so run it again.")
    return erased.left


async def _prove(agent: Agent, words: Sequence[str], owner: str, console: Console) -> None:
    """Search every store for erased words, and print what was searched and where something repeats them."""
    with console.status("searching for what was erased"):
        searched = await search_stores(agent.layers, words, owner=owner)
    texts = "1 text" if searched.texts == 1 else f"{searched.texts} texts"
    if not searched.texts:
        console.print(f"Nothing in it is as long as {LEAST_CHARS} characters, so nothing is searched for.")
        return
    console.print(
        f"Searched for {texts} of it: {searched.files} files ({searched.megabytes} MB) byte by byte, and"
        f" {searched.entries} keys of Redis. {'' if searched.found else 'None is left.'}"
    )
    for place in searched.found:
        show(console, f"Something still repeats it: {place}", "yellow")


async def _find(agent: Agent, owner: str, selection: ErasureFilter, *, ask: bool) -> AsyncIterator[Episode]:
    """Yield the turns of the selection: best first for words, else oldest first.

    When nobody chooses among them, turns that hold none of the words are left out.
    """
    layers = agent.layers
    since, until = await read_time(layers, selection.since), await read_time(layers, selection.until)
    if selection.words:
        is_narrowed = bool(since or until or selection.thread)
        most = MOST_NARROWED if is_narrowed else MOST_FOUND
        result = await layers.episodes.search(selection.words, owner=owner, limit=most)
        hits = [hit for hit in result.hits if ask or hit.evidence.lexical]
        chosen = [hit for hit in hits if _matches(hit.episode, since, until, selection.thread)]
        for hit in chosen[:MOST_FOUND]:
            yield hit.episode
        return
    async for episode in layers.episodes.all(owner=owner):
        if _matches(episode, since, until, selection.thread):
            yield episode


def _matches(episode: Episode, since: datetime | None, until: datetime | None, thread: str) -> bool:
    in_time = (since is None or episode.at >= since) and (until is None or episode.at < until)
    return in_time and (not thread or episode.thread == thread)


async def _choose(found: Sequence[Episode]) -> list[Episode]:
    """Ask for the numbers of turns until the answer is valid."""
    while True:
        answer = await asyncio.to_thread(
            typer.prompt, "Which ones? Numbers such as 1 3-5, or all", default="none"
        )
        try:
            return [found[number - 1] for number in read_numbers(answer, len(found))]
        except ValueError as error:
            typer.echo(str(error))


def read_numbers(text: str, most: int) -> list[int]:
    """Read "all", "none", or numbers and ranges from 1 to `most`; ascending, each once.

    Raises:
        ValueError: the text is anything else; says what is allowed.
    """
    words = text.replace(",", " ").lower().split()
    if words in (["all"], ["none"]):
        return list(range(1, most + 1)) if words == ["all"] else []
    chosen: set[int] = set()
    for word in words:
        first, _, last = word.partition("-")
        if not (first.isdecimal() and (last or first).isdecimal()):
            raise ValueError(f"{word} is no number. Write numbers from 1 to {most}, all, or none.")
        begin, end = int(first), int(last or first)
        if not 1 <= begin <= end <= most:
            raise ValueError(f"{word} is refused. Write numbers from 1 to {most}, all, or none.")
        chosen.update(range(begin, end + 1))
    if not chosen:
        raise ValueError(f"Write numbers from 1 to {most}, all, or none.")
    return sorted(chosen)


async def _confirm(question: str) -> bool:
    return await asyncio.to_thread(typer.confirm, question)
