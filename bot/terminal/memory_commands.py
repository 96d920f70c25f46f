"""Terminal commands over the memory: facts, identity, statistics, tools."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from langchain_core.tools import BaseTool
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.presentation import turn_screen as screen
from bot.presentation.usage_figures import usage_tables
from bot.printable import show, snippet
from bot.terminal.terminal_place import ask, is_yes
from graph.runtime.agent import Agent
from graph.state.turn_state import Turn
from graph.tools.traits import traits_of

_DAYS = 7
_RESET = "reset"
_OVERRIDDEN = f"Yours; `/identity {_RESET}` restores the configured persona."
_CONFIGURED = "The configured persona; `/identity text` sets your own."


@dataclass(frozen=True, slots=True)
class MemoryCommands:
    """The commands that need no turn."""

    console: Console
    agent: Agent
    owner: str

    def commands(self) -> Mapping[str, Callable[[str], Awaitable[None]]]:
        """Return the commands by name; each takes the text after its name."""
        return {
            "/facts": self.facts,
            "/remember": self.remember,
            "/forget": self.forget,
            "/identity": self.identity,
            "/stats": self.stats,
            "/tools": self.tools,
        }

    async def facts(self, _: str) -> None:
        rows = await self.agent.layers.permanent.facts(owner=self.owner)
        self.console.print(screen.facts(rows, self.agent.layers.zone))

    async def remember(self, rest: str) -> None:
        """Write a fact, given as `key: value`."""
        key, colon, value = (part.strip() for part in rest.partition(":"))
        if not (key and colon and value):
            show(self.console, "Write it as: /remember key: value", "yellow")
            return
        await self.agent.layers.permanent.upsert(key, value, owner=self.owner, at=datetime.now(UTC))
        self.console.print("Noted.", style="dim")

    async def forget(self, key: str) -> None:
        """Erase a fact with its earlier values, after a question."""
        if not key:
            show(self.console, "Write it as: /forget key; /facts lists the keys.", "yellow")
            return
        facts = self.agent.removal.facts
        if not (versions := await facts.versions(key, self.owner)):
            self.console.print("There is no such fact; /facts lists them.", style="dim")
            return
        zone = self.agent.layers.zone
        self.console.print(screen.facts(versions, zone))
        self.console.print(screen.quotations(await facts.quotations(key, self.owner), zone))
        if not is_yes(await ask("Erase this fact for ever, with its earlier values? [y/N] ")):
            self.console.print("Nothing is erased.", style="dim")
            return
        with self.console.status("erasing"):
            left = await self.agent.forget(owner=self.owner, facts=[key])
        show(self.console, "\n".join(["The fact is erased.", *left]), "dim")

    async def identity(self, text: str) -> None:
        """Show the agent's identity for the owner; with a text, replace it."""
        layers = self.agent.layers
        if not text:
            override = await layers.permanent.identity(owner=self.owner)
            show(self.console, override or layers.settings.identity)
            hint = _OVERRIDDEN if override else _CONFIGURED
            self.console.print(hint, style="dim")
            return
        reset = text == _RESET
        await layers.permanent.set_identity(None if reset else text, owner=self.owner)
        self.console.print("Back to the configured persona." if reset else "Done.", style="dim")

    async def stats(self, _: str) -> None:
        self.console.print(
            usage_tables(await self.agent.layers.metrics.read(_DAYS, owner=self.owner), self.owner)
        )

    async def tools(self, _: str) -> None:
        """List the tools, and the problems of plugins."""
        layers = self.agent.layers
        here = Turn(turn_id="", owner=self.owner, thread="", message="", at=datetime.now(UTC))
        table = Table(box=None, pad_edge=False, show_header=False)
        for name, tool in (await layers.toolbox.tools_for(here)).items():
            table.add_row(Text(name, style="bold"), Text(snippet(_first_line(tool))))
        self.console.print(table)
        for name, problem in (await layers.plugins.problems()).items():
            show(self.console, f"{name}: {problem}", "yellow")


def _first_line(tool: BaseTool) -> str:
    asked = "(asks for approval) " if traits_of(tool).approval else ""
    return f"{asked}{(tool.description or '').strip().splitlines()[0]}"
