"""The generated parts of README.md and docs/: tables, the graph's diagram, a recorded conversation.

`python -m tests.readme` writes them; tests compare them.
"""

import asyncio
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from graph.settings.settings import PERSONA, Settings
from graph.settings.settings_loader import allowed_values
from graph.studio.studio_graph import graph
from tests.code_map import life_table, map_table
from tests.servers.model import running_model_server
from tests.terminal_session import CONVERSATION, Script, converse
from tests.turn_trace import ROOT

README = ROOT / "README.md"
DOCS = ROOT / "docs"


def drawing() -> str:
    """Return LangGraph's drawing of the graph as Mermaid."""
    return f"```mermaid\n{graph().get_graph().draw_mermaid().strip()}\n```"


def settings_table() -> str:
    """Return one row for each setting."""
    rows = [_row(name, field) for name, field in Settings.model_fields.items()]
    return "\n".join(["| setting | default | what it is | allowed |", "|---|---|---|---|", *rows])


PARTS: Mapping[str, tuple[Path, Callable[[], str]]] = {
    "graph": (DOCS / "architecture.md", drawing),
    "map": (DOCS / "architecture.md", map_table),
    "life": (DOCS / "architecture.md", life_table),
    "settings": (DOCS / "configuration.md", settings_table),
}
"""Reproducible parts, each with its file."""


def between(text: str, name: str) -> str:
    """Return the text between a part's marks.

    Raises:
        ValueError: the marks are missing.
    """
    found = re.search(rf"<!-- {name} -->\n(.*?)\n?<!-- /{name} -->", text, re.DOTALL)
    if found is None:
        raise ValueError(f"There are no marks for {name!r}.")
    return found.group(1)


def conversation(shown: str) -> str:
    """Return a recorded conversation as a block of Markdown."""
    return f"```console\n{shown}\n```"


def main() -> None:
    """Write all generated parts, and record the conversation again."""
    for name, (file, make) in PARTS.items():
        _replace(file, name, make())
    _replace(README, "conversation", conversation(record(CONVERSATION)))


def _replace(file: Path, name: str, part: str) -> None:
    before, begin, rest = file.read_text("utf-8").partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"<!-- /{name} -->")
    file.write_text(f"{before}{begin}{part}\n{end}{after}", "utf-8")


def record(script: Script) -> str:
    """Run a script in a terminal with a new data folder; return its output."""
    for name in [name for name in os.environ if name.startswith("GOAT_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory() as folder, running_model_server() as model:
        settings = Settings(
            data_folder=Path(folder) / "data",
            model="scripted",
            model_base_url=model.base_url,
            prefetch_timeout=30,  # for a busy machine
            timezone="UTC",
        )
        return asyncio.run(converse(script, settings, model)).shown


def _row(name: str, field: FieldInfo) -> str:
    what = field.description or ""
    return f"| `{name}` | {_default(name, field)} | {what} | {allowed_values(field)} |"


def _default(name: str, field: FieldInfo) -> str:
    value = field.default
    if name == "data_folder":
        return "the platform's"
    if value == PERSONA:
        return "GOAT's"
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, Enum):
        value = value.value
    return f"`{value}`" if value not in ("", None, {}) else ""


if __name__ == "__main__":
    main()
