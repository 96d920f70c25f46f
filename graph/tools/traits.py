"""What the turn must know of a tool before it lets the model use it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from langchain_core.tools import BaseTool

_KEY = "goat"
"""In a tool's `metadata`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """How a tool is treated; put `metadata()` into its metadata."""

    approval: bool = False
    """The person is asked before each call."""
    changes: bool = False
    """It changes the memory: not in a private turn, and not unasked beside a third party's text."""
    foreign: bool = True
    """Its output comes from outside: a page, a command, another agent. A tool must say that it does not."""
    owner_only: bool = False
    """It is offered to the configured owner alone."""
    isolated: bool = False
    """It is a plugin's: it runs apart from the event loop, so that it cannot hold anything up."""
    seconds: float | None = None
    """A time limit of its own."""
    cached: float = 0.0
    """Seconds for which an output may be used again for the same arguments."""
    priority: int = 10
    """The higher, the longer it is offered as a small model's context window leaves less room for tools."""

    def metadata(self) -> dict[str, Any]:
        """Return what `BaseTool.metadata` takes."""
        return {_KEY: asdict(self)}


def traits_of(tool: BaseTool) -> Traits:
    """Read a tool's traits; what is not said is as `Traits` has it, and so is what has no known name."""
    given = (tool.metadata or {}).get(_KEY, {})
    known = given if isinstance(given, Mapping) else {}
    return Traits(**{name: value for name, value in known.items() if name in Traits.__dataclass_fields__})
