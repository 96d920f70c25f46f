"""The application, options and settings shared by the commands of `goat`."""

import asyncio
import difflib
import gc
import logging
import sys
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from pydantic import ValidationError
from rich.logging import RichHandler

from graph.observability.redaction import Redaction, RedactionFilter, secrets_of
from graph.settings.context import Thresholds, TurnContext
from graph.settings.settings import Settings
from graph.settings.settings_files import ENCODING
from graph.settings.settings_loader import allowed_values, load_settings_with_warning, refusal
from memory.errors import ConfigError
from memory.temporal.named_bound import read_bound

if TYPE_CHECKING:
    from graph.layers import Layers

T = TypeVar("T")

STDIN = Path("-")
YOUNG = 10_000
"""Allocations between collections of the youngest generation. A turn leaves 3,000 objects: four collections
with Python's 700.
"""
FULL = 100
"""Collections of the middle generation per full one. A full one takes 0.13 s with the agent loaded; Python's
10 makes it one every 60 turns.
"""


def checked_owner(owner: str) -> str:
    try:
        return TurnContext(owner=owner).owner
    except ValidationError as error:
        raise typer.BadParameter(refusal(error)) from None


Owner = Annotated[
    str, typer.Option(help="Whose memory is used; by default the `owner` setting's.", callback=checked_owner)
]
ChangedThresholds = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A threshold to run with.")
]
ResultsFile = Annotated[Path | None, typer.Option("--json", help="Write the results to this file, as JSON.")]


def command_app(**options: Any) -> typer.Typer:
    """Return a Typer application; its help is plain text, since Rich's help takes 0.2 s to import."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, **options)


def command_settings() -> Settings:
    """Load the settings, and redact their secrets from what is logged to this terminal."""
    settings = load_settings_with_warning()
    for handler in logging.getLogger().handlers:
        if isinstance(handler, RichHandler):
            handler.addFilter(RedactionFilter(Redaction(secrets_of(settings))))
    return settings


async def read_time(layers: "Layers", text: str) -> datetime | None:
    """Read a time as a person writes it, in the user's zone; None for an empty text.

    Raises:
        ConfigError: it is not understood; says what is allowed.
    """
    if not text.strip():
        return None
    try:
        return await asyncio.to_thread(read_bound, text, now=datetime.now(UTC), zone=layers.zone)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def first_line(file: Path, content: str) -> str:
    """Return the first line of a file, or of stdin for `-`.

    Raises:
        ConfigError: it cannot be read, or is empty.
    """
    try:
        text = sys.stdin.readline() if file == STDIN else file.read_text(ENCODING).partition("\n")[0]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}. Nothing was changed.") from None
    if not text.strip():
        raise ConfigError(
            f"The first line of {file} is empty: write the {content} there. Nothing was changed."
        )
    return text.rstrip("\r\n")


def collect_seldom() -> None:
    """Collect garbage a fifteenth as often as by default, and all of it about once in 3,000 turns."""
    _, middle, _ = gc.get_threshold()
    gc.set_threshold(YOUNG, middle, FULL)


def run_turns(main: Coroutine[Any, Any, T]) -> T:
    """Run a process that answers turns, with rare garbage collection, on uvloop.

    A turn takes 23 ms of the loop's thread, 25 on asyncio's loop; on a quiet machine no turn was measurably
    faster. uvloop does not exist for Windows.
    """
    collect_seldom()
    if sys.platform == "win32":
        return asyncio.run(main)
    import uvloop  # noqa: PLC0415 - a library that no other command needs

    return uvloop.run(main)


def with_thresholds(context: TurnContext, given: Sequence[str]) -> TurnContext:
    """Return `context` with each `KEY=VALUE` applied; `gap.threshold` means `gap_threshold`.

    Raises:
        ConfigError: a key is unknown or a value is invalid; says what is allowed.
    """
    values = dict(_parse(pair) for pair in given)
    try:
        return TurnContext.model_validate(context.model_dump() | values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        raise ConfigError(
            f"--set {name}={values.get(name)} is refused: {first['msg']}. "
            f"Allowed: {allowed_values(Thresholds.model_fields.get(name))}."
        ) from None


def _parse(pair: str) -> tuple[str, str]:
    name, separator, value = (part.strip() for part in pair.partition("="))
    if not separator:
        raise ConfigError(f"--set {pair}: expected KEY=VALUE.")
    known, name = Thresholds.model_fields, name.replace(".", "_")
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise ConfigError(f"--set {pair}: unknown threshold {name}.{hint} Known: {', '.join(sorted(known))}.")
    return name, value
