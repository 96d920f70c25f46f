"""The `goat` command."""

import asyncio
import importlib
import logging
import sys
from collections.abc import Coroutine
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.text import Text

from bot.bench_command import app as bench_app
from bot.chat_command import run_chat
from bot.doctor import run_doctor
from bot.facts_command import app as facts_app
from bot.import_command import Format, run_import
from bot.reindex_command import run_reindex
from bot.replay_command import Wish, run_replay
from bot.screen import printable
from bot.stats_command import run_stats
from bot.telegram.part import Part
from bot.tune_command import app as tune_app
from graph.logs import configure_logging
from graph.redaction import Redaction, RedactionFilter, secrets_of
from graph.settings import Settings, load_settings
from memory.errors import GoatError

app = typer.Typer(
    name="goat",
    help="A personal agent with proactive, layered, verbatim memory.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(bench_app, name="bench")
app.add_typer(facts_app, name="facts")
app.add_typer(tune_app, name="tune")
Owner = Annotated[str, typer.Option(help="Whose memory is used. \\[default: the `owner` setting]")]


@app.command()
def chat(
    owner: Owner = "",
    thread: Annotated[str, typer.Option(help="Name of the thread; a new one by default.")] = "",
    resume: Annotated[bool, typer.Option("--continue", help="Go on in your latest thread.")] = False,
) -> None:
    """Talk to the agent in this terminal."""
    settings = _settings()
    if not settings.model and _setup().offer_setup():
        settings = _settings()
    with configure_logging(settings):
        _run(run_chat(settings, owner=owner or settings.owner, thread=thread, resume=resume))


@app.command()
def setup(  # noqa: PLR0913 - every answer is an option
    *,
    provider: Annotated[
        str, typer.Option(help="Provider (openai), server on this machine (ollama) or address (http://...).")
    ] = "",
    model: Annotated[str, typer.Option(help="Name of the model.")] = "",
    key_file: Annotated[
        Path | None, typer.Option(help="File with the key in its first line; - reads what is piped in.")
    ] = None,
    context: Annotated[
        int | None, typer.Option(min=0, help="Tokens that the model holds; 0: what its server tells.")
    ] = None,
    telegram: Annotated[
        bool | None, typer.Option("--telegram/--no-telegram", help="Whether to connect a bot.")
    ] = None,
    telegram_token_file: Annotated[
        Path | None, typer.Option(help="File with the bot's token; - reads what is piped in.")
    ] = None,
    pair: Annotated[
        bool | None, typer.Option("--pair/--no-pair", help="Whether to print a code that lets you in.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Ask nothing; what no option says stays as it is.")
    ] = False,
) -> None:
    """Choose the chat model and connect the Telegram bot, and write that to your own configuration file.

    Keys are never given on the command line: type them, name a file, or set OPENAI_API_KEY and the like.
    """
    _settings()
    wishes = _setup().Wishes(
        provider=provider,
        key=_setup().secret_in(key_file),
        model=model,
        context=context,
        telegram=telegram,
        token=_setup().secret_in(telegram_token_file),
        pair=pair,
    )
    if not _setup().run_setup(wishes, asks=not yes):
        raise typer.Exit(1)


@app.command()
def doctor() -> None:
    """Check Python, the stores, the embedding model and the chat model, and say what to do."""
    raise typer.Exit(_run(run_doctor()))


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="File, or folder of files, to read.")],
    format_: Annotated[Format, typer.Option("--format", help="What the file holds.")],
    owner: Owner = "",
    conversation: Annotated[str, typer.Option(help="Only this conversation of the file.")] = "",
) -> None:
    """Load conversations into an owner's archive; what stands there already is left alone."""
    settings = _settings()
    _run(run_import(settings, file, format_, owner=owner or settings.owner, conversation=conversation))


@app.command()
def reindex(owner: Owner = "") -> None:
    """Embed an owner's whole archive anew, for instance after a change of the embedding model."""
    settings = _settings()
    _run(run_reindex(settings, owner=owner or settings.owner))


@app.command()
def replay(
    owner: Owner = "",
    since: Annotated[str, typer.Option(help='Turns from then on: "2026-03-01", "today", "last week".')] = "",
    until: Annotated[str, typer.Option(help="Turns before then.")] = "",
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A threshold to replay with.")
    ] = None,
    json_: Annotated[Path | None, typer.Option("--json", help="Where the results go, as JSON.")] = None,
) -> None:
    """Decide again what past turns were shown, on the archive as it was then; with `--set` say what changes.

    Without `--set` every decision must be the recorded one: it ends with 1 when one is not.
    """
    settings = _settings()
    wish = Wish(owner=owner or settings.owner, since=since, until=until, settings=set_ or (), results=json_)
    different = _run(run_replay(settings, wish))
    if different and not set_:
        raise typer.Exit(1)


@app.command()
def telegram(
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that answer.")] = 1,
    part: Annotated[Part, typer.Option(help="What this process does of the work.")] = Part.ALL,
    retry_dead: Annotated[
        bool, typer.Option("--retry-dead", help="Try what was given up again, and end.")
    ] = False,
    drop_dead: Annotated[
        bool, typer.Option("--drop-dead", help="Delete what was given up, and end.")
    ] = False,
) -> None:
    """Run the Telegram bot."""
    if retry_dead or drop_dead:
        _run(_telegram().run_dead(_settings(), retry=retry_dead))
        return
    settings = _settings()
    with configure_logging(settings):
        _run(_telegram().run_telegram(settings, workers=workers, part=part))


@app.command()
def stats(
    days: Annotated[int, typer.Option(min=1, max=90, help="How many days to look back.")] = 7,
    owner: Annotated[str, typer.Option(help="Only this owner's turns; everybody's by default.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what the turns of the last days add up to: latencies, recall, tools, outages."""
    _run(run_stats(_settings(), days=days, owner=owner, as_json=as_json))


@app.command()
def mcp(
    owner: Owner = "",
    http: Annotated[bool, typer.Option("--http", help="Serve over HTTP instead of stdio.")] = False,
    listen: Annotated[str, typer.Option(help="HOST:PORT, for HTTP.")] = "",
) -> None:
    """Let other agents look at memory, turns, configuration and logs (MCP, read-only)."""
    settings = _settings()
    with configure_logging(settings):
        _run(_mcp().run_mcp(settings, owner=owner or settings.owner, http=http, listen=listen))


@app.command()
def pair(
    admin: Annotated[bool, typer.Option("--admin", help="They may also let others in.")] = False,
) -> None:
    """Print a one-time code that lets somebody talk to the Telegram bot."""
    _run(_telegram().run_pair(_settings(), admin=admin))


def main() -> None:
    """Run the command; errors that are meant for people are printed as one message."""
    console = Console(stderr=True)
    handler = RichHandler(console=console, show_path=False, show_time=False, level=logging.WARNING)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[handler])
    try:
        app()
    except GoatError as error:
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        console.print(Text(printable(str(error)), style="red"))
        sys.exit(1)


def _telegram() -> ModuleType:
    """Import the bot, which takes a second that other commands need not wait."""
    return importlib.import_module("bot.telegram_command")


def _setup() -> ModuleType:
    """Import what asks for a model, which other commands need not wait for."""
    return importlib.import_module("bot.setup_command")


def _mcp() -> ModuleType:
    """Import the server, whose library takes a second that other commands need not wait."""
    return importlib.import_module("bot.mcp_command")


def _settings() -> Settings:
    """Read the settings; what is secret in them is kept out of what this terminal shows from here on."""
    settings = load_settings()
    for handler in logging.getLogger().handlers:
        if isinstance(handler, RichHandler):
            handler.addFilter(RedactionFilter(Redaction(secrets_of(settings))))
    return settings


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


if __name__ == "__main__":
    main()
