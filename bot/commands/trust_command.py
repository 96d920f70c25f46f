"""`goat trust`: apply all settings in this folder's files."""

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.text import Text

from bot.printable import printable
from graph.observability.redaction import Redaction
from graph.settings.settings import Settings
from graph.settings.settings_loader import load_settings
from graph.settings.sources import WORKING, read_sources, untrusted_by_file
from graph.settings.trust import distrust, trust
from memory.text.text import shortened

_LONGEST = 200
_HIDDEN = "(hidden)"


def trust_folder(
    revoke: Annotated[bool, typer.Option("--revoke", help="Trust them no longer.")] = False,
) -> None:
    """Apply all settings in goat.toml and .env of this folder.

    It lasts until one of them changes; tuned values may change. Without it they can only tune recall.
    """
    console = Console(highlight=False, soft_wrap=True)
    if revoke:
        for path in WORKING:
            distrust(path)
        console.print(Text(f"The files of {Path.cwd()} are no longer trusted: they can only tune recall."))
        return
    given = read_sources()
    held_back = untrusted_by_file()
    for path, settings in held_back.items():
        console.print(Text(f"From now on {path.absolute()} sets:", style="bold"))
        for name, value in settings.items():
            console.print(Text(f"  {name} = {_display(name, value)}"))
        trust(path, given[str(path)])
    if not held_back:
        console.print(Text(f"Everything that goat.toml and .env of {Path.cwd()} set applies already."))
    load_settings()


def _display(name: str, value: Any) -> str:
    field = Settings.model_fields.get(name)
    if field is None or field.annotation is SecretStr:
        return _HIDDEN
    return printable(shortened(Redaction(())(str(value)), _LONGEST))
