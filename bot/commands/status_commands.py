"""`goat doctor`: checks of every part. `goat stats`: statistics of recent turns."""

import asyncio
import json
import platform
import shutil
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from bot.commands.command_app import command_settings
from bot.presentation.usage_figures import usage_tables
from bot.printable import printable
from bot.setup.trial import try_reply
from graph.layers import Layers, open_layers
from graph.observability.log_file import SharedLogFile
from graph.observability.logs import log_path
from graph.settings.extras import summary
from graph.settings.settings import Settings, secret_names, terminal_folder
from graph.settings.settings_files import is_open_to_readers
from graph.settings.settings_loader import load_settings
from graph.settings.sources import (
    CONFIG_FILE,
    WORKING,
    effective_sources,
    read_sources,
    untrusted_warning,
    user_file,
)
from graph.stores import embedding_model
from memory.database import owner_key
from memory.errors import GoatError
from memory.recall.relevance import suits
from memory.working.redis_connection import translate_errors
from memory.working.server_folder import prepare_folder

ENOUGH_BYTES = 500_000_000
CHECK_SECONDS = 60.0
_PROBE_OWNER = "goat doctor"


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    name: str
    fine: bool
    text: str


def doctor() -> None:
    """Check every part that the agent needs, and say how to repair it.

    Python, the data folder, the stores, the embedding model, plugins, the chat model, the Telegram bot.
    """
    raise typer.Exit(asyncio.run(_run()))


async def _run() -> int:
    """Print a line per check; return the exit code, 0 if all pass."""
    console = Console(highlight=False, soft_wrap=True)
    broken = 0
    async with aclosing(findings()) as found:
        async for finding in found:
            mark, style = ("ok", "green") if finding.fine else ("!!", "red")
            text = Text(f"{finding.name}: {printable(finding.text)}")
            console.print(Text(f"{mark} ", style=style), text, sep="")
            broken += not finding.fine
    console.print("All is fine." if not broken else f"{broken} to fix.", style="bold")
    return 1 if broken else 0


async def findings() -> AsyncGenerator[DoctorFinding, None]:
    """Run the checks in order; stop at a broken configuration."""
    yield DoctorFinding("Python", sys.version_info >= (3, 11), platform.python_version())
    try:
        settings = load_settings()
    except GoatError as error:
        yield DoctorFinding("configuration", False, str(error))
        return
    read = [source for source, held in effective_sources().items() if held]
    text = f"from {', '.join(read)}" if read else f"defaults; {user_file()} or {CONFIG_FILE} would be read"
    yield DoctorFinding("configuration", True, text)
    for text in filter(None, (untrusted_warning(), *readable_secrets())):
        yield DoctorFinding("configuration", False, text)
    yield DoctorFinding("extras", True, summary())
    if settings.tuned or settings.gap_calibration or settings.rule_warning():
        yield tuning(settings)
    checks: dict[str, Callable[[Layers], Awaitable[str]]] = {
        "data folder": _data_folder,
        "working tier (Redis)": _redis,
        "embedding model": _embeddings,
        "episodic tier (log and Chroma)": _episodes,
        "permanent tier": _permanent,
        "plugins": _plugins,
        "chat model": _chat_model,
    }
    if settings.telegram_token.get_secret_value():
        checks["Telegram bot"] = _telegram
    async with open_layers(settings) as layers:
        for name, check in checks.items():
            yield await _finding(name, check(layers))


def readable_secrets() -> Iterator[str]:
    """Report files with secrets that other users can read."""
    given = read_sources()
    for path in (user_file(), *WORKING):
        secrets = [name for name in secret_names() if given[str(path)].get(name)]
        if secrets and is_open_to_readers(path):
            where = path.absolute()
            yield f"{where} holds {', '.join(secrets)}, and other users can read it. Run: chmod 600 {where}"


def tuning(settings: Settings) -> DoctorFinding:
    """Report the source of the thresholds, and whether their calibration is usable."""
    name, model = settings.gap_calibration, embedding_model(settings).name
    calibration = settings.calibrations.get(name)
    if name and calibration is None:
        text = f"gap_calibration = {name!r} names no calibration of {CONFIG_FILE}; the package's is used"
        return DoctorFinding("tuning", False, text)
    if calibration is not None and not suits(calibration, model):
        text = f"calibration {name} is for {calibration.embedding_model}, not {model}; the package's is used"
        return DoctorFinding("tuning", False, text)
    if warning := settings.rule_warning():
        return DoctorFinding("tuning", False, warning)
    if settings.tuned is None:
        return DoctorFinding("tuning", True, f"calibration {name}")
    values = ", ".join(f"{key} = {value}" for key, value in settings.tuned.thresholds.items())
    return DoctorFinding(
        "tuning", True, f"of {settings.tuned.at:%Y-%m-%d} on {', '.join(settings.tuned.data)}: {values}"
    )


async def _finding(name: str, check: Awaitable[str]) -> DoctorFinding:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            text = await check
    except GoatError as error:
        return DoctorFinding(name, False, str(error))
    except TimeoutError:
        return DoctorFinding(name, False, f"no answer within {CHECK_SECONDS:g} s")
    return DoctorFinding(name, True, f"{text} ({(time.perf_counter() - began) * 1000:.0f} ms)")


async def _data_folder(layers: Layers) -> str:
    folder = await asyncio.to_thread(prepare_folder, layers.settings.data_folder)
    await asyncio.to_thread(_open_parts, layers.settings)
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = await asyncio.to_thread(shutil.disk_usage, there)
    if free.free < ENOUGH_BYTES:
        raise GoatError(f"{folder}: only {free.free // 10**6} MB free. Make room, or set GOAT_DATA_FOLDER.")
    return f"{folder}, {free.free // 10**9} GB free"


def _open_parts(settings: Settings) -> None:
    """Open the terminal's folder and the log, without which no conversation starts."""
    prepare_folder(terminal_folder(settings))
    SharedLogFile(log_path(settings), most_bytes=0, older=0).close()


async def _redis(layers: Layers) -> str:
    client = await layers.redis.client()
    await layers.conversations.window(owner=_PROBE_OWNER, thread="probe", max_tokens=1)
    async with translate_errors():
        about = await client.info("server")
    server = about.get("server_name", "redis") if isinstance(about, dict) else "redis"
    kind = "by URL" if layers.settings.redis_url.get_secret_value() else "private, embedded"
    return f"{server}, {kind}"


async def _embeddings(layers: Layers) -> str:
    vector = await layers.embeddings.aembed_query("Is everything all right?")
    return f"{layers.embeddings.name}, {len(vector)} dimensions"


async def _episodes(layers: Layers) -> str:
    await layers.vectors.count(owner_key(_PROBE_OWNER))
    owner = layers.settings.owner
    count = await layers.episodes.count(owner=owner)
    if count:
        await layers.episodes.search("Is everything all right?", owner=owner, limit=1)
    return f"{count} turns of {owner}, {_archive(layers.settings)}"


async def _permanent(layers: Layers) -> str:
    facts = await layers.permanent.facts(owner=layers.settings.owner)
    letta = layers.settings.letta_url.get_secret_value()
    return f"{len(facts)} facts, {'Letta by URL' if letta else _archive(layers.settings)}"


def _archive(settings: Settings) -> str:
    return "PostgreSQL by URL" if settings.archive_url.get_secret_value() else "embedded"


async def _plugins(layers: Layers) -> str:
    if problems := await layers.plugins.problems():
        raise GoatError("; ".join(f"{name}: {text}" for name, text in problems.items()))
    return await layers.plugins.report()


async def _telegram(layers: Layers) -> str:
    from bot.telegram.process.health import check_bot  # noqa: PLC0415 - a second, only where there is a bot

    return await check_bot(layers)


async def _chat_model(layers: Layers) -> str:
    name = layers.model.name
    if not name:
        return (
            "none is configured, so replies show the memories themselves. `goat setup` finds one. Or set "
            "GOAT_MODEL, and GOAT_MODEL_BASE_URL and GOAT_MODEL_API_KEY where needed: any OpenAI-compatible "
            "endpoint will do"
        )
    await try_reply(layers.model)
    window = await layers.window.current()
    return f"{name} answers" + (f", and holds {window.tokens:,} tokens" if window else "")


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
        metrics = await layers.metrics.read(days, owner=owner or None)
    console = Console(highlight=False, soft_wrap=as_json)
    if as_json:
        console.print(Text(json.dumps(metrics.as_json(), indent=2)))
    else:
        console.print(usage_tables(metrics, owner))
