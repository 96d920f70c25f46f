"""`goat reindex`: embed archives again, also by another model next to the present one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated

import typer
from rich.console import Console

from bot.commands.command_app import Owner, command_settings
from bot.presentation.command_output import ProgressBars
from bot.printable import show
from bot.setup.user_config import write
from graph.layers import Layers, open_layers
from graph.settings.settings import Settings
from graph.settings.sources import overriding_sources, user_file
from graph.stores import embedding_model, models_folder
from memory.episodic.episode_archive import EpisodeArchive

BUILT_IN = "built-in"
SAMPLES = 50  # messages that are searched with both models
NEAREST = 10  # turns compared for each
_DROP = "then `goat reindex --drop-others`, or with `--all-owners`, deletes the former vectors."
_HOW_TO_USE = (
    "The agent goes on with the present vectors. To use the new ones, set GOAT_EMBEDDING_MODEL to {name} and"
    f" start it again; {_DROP}"
)
Work = Callable[[Layers, str], Awaitable[str]]


def reindex(
    owner: Owner = "",
    all_owners: Annotated[bool, typer.Option("--all-owners", help="Every owner's archive.")] = False,
    model: Annotated[
        str, typer.Option(help=f"Another embedding model; `{BUILT_IN}`: the one that GOAT brings.")
    ] = "",
    use: Annotated[
        bool, typer.Option("--use", help="With --model, for all owners: set it in your settings at the end.")
    ] = False,
    words: Annotated[bool, typer.Option("--words", help="Only build the index of words again.")] = False,
    drop_others: Annotated[
        bool, typer.Option("--drop-others", help="Only delete the vectors by other models.")
    ] = False,
) -> None:
    """Embed an owner's whole archive again.

    It goes on where it was broken off. With --model, the vectors by that model are built next to the
    present ones, which stay in use until GOAT_EMBEDDING_MODEL is changed, as --use does.
    """
    if use and (not model or owner or words or drop_others):
        raise typer.BadParameter("--use needs --model, is for all owners, and works without other options")
    settings = command_settings()
    target = settings
    if model:
        target = settings.model_copy(update={"embedding_model": "" if model == BUILT_IN else model})
    work = _drop_others if drop_others else _rebuild_words if words else None
    asyncio.run(run_reindex(settings, target, None if all_owners or use else owner or settings.owner, work))
    if use:
        typer.echo(_set_model(target.embedding_model))
    elif target.embedding_model != settings.embedding_model and not work:
        typer.echo(_HOW_TO_USE.format(name=target.embedding_model or "the empty text"))


async def run_reindex(
    settings: Settings, target: Settings, owner: str | None, work: Work | None = None
) -> None:
    """Do the work for an owner, or for all without one, and say what was done."""
    console = Console(highlight=False, soft_wrap=True)
    async with open_layers(target) as layers, _other_archive(layers, settings) as present:
        owners = [owner] if owner is not None else await layers.files.owners()
        if not work:  # without owners, nothing else would ask the model
            await layers.embeddings.aembed_query("a question")
        for each in owners:
            told = await work(layers, each) if work else await _embed(layers, each, console)
            if present and not work:
                told += await _compare(layers.episodes, present, each)
            show(console, told)


def _set_model(model: str) -> str:
    """Set the embedding model in the user's file; return what to do next."""
    file = write({"embedding_model": model or None})
    told = f"{file} names the model now. Start the agent again; {_DROP}"
    for name, source in overriding_sources(["embedding_model"], user_file()).items():
        told += f" But {source} sets {name}, too, and overrides it: change it there."
    return told


@asynccontextmanager
async def _other_archive(layers: Layers, settings: Settings) -> AsyncIterator[EpisodeArchive | None]:
    """Open the same archives with the configured embedding model; None if that is the one in use."""
    model = embedding_model(settings)
    if model.name == layers.embeddings.name:
        yield None
        return
    archive = EpisodeArchive(layers.files, layers.vectors, model, models_folder(settings))
    try:
        yield archive
    finally:
        await archive.close()
        await model.aclose()


async def _embed(layers: Layers, owner: str, console: Console) -> str:
    done = 0
    with ProgressBars(console) as bar:
        task = bar.add_task(f"embedding {owner}", total=None)
        await layers.cache.drop(owner=owner)
        async for progress in layers.episodes.reindex(owner=owner):
            done = progress.done
            bar.update(task, completed=progress.done, total=progress.total)
    return f"{done} turns of {owner} are embedded again by {layers.embeddings.name}."


async def _compare(one: EpisodeArchive, other: EpisodeArchive, owner: str) -> str:
    """Search a sample of the owner's messages by both models; say how far they agree."""
    messages = {e.said: e.turn_id async for e in one.all(owner=owner) if e.said.strip()}
    sample = list(messages)[:: max(1, len(messages) // SAMPLES)][:SAMPLES]
    same = first = total = 0
    for message in sample:
        ours, theirs = [await _found(each, message, owner, messages[message]) for each in (one, other)]
        same, total = same + len({*ours} & {*theirs}), total + max(len(ours), len(theirs))
        first += ours[:1] == theirs[:1]
    return (
        f" Searches for {len(sample)} of the messages find {same} of {total} turns by both models, and"
        f" {first} times the same one first."
    )


async def _found(archive: EpisodeArchive, message: str, owner: str, itself: str) -> list[str]:
    result = await archive.search(message, owner=owner, limit=NEAREST + 1)
    found = [hit.episode.turn_id for hit in result.hits]
    return [turn_id for turn_id in found if turn_id != itself][:NEAREST]


async def _rebuild_words(layers: Layers, owner: str) -> str:
    await layers.episodes.rebuild_words(owner=owner)
    await layers.cache.drop(owner=owner)
    return f"The index of words of {owner} is built again."


async def _drop_others(layers: Layers, owner: str) -> str:
    dropped = await layers.episodes.drop_others(owner=owner)
    names = " and ".join(dropped) or "other models: there were none"
    return f"{owner} has no vectors by {names}."
