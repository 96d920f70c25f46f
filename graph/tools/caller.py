"""The caller of a tool, set by the run and never by the model."""

from dataclasses import dataclass

from langchain_core.runnables import RunnableConfig

from graph.state.turn_state import Turn

_KEY = "goat_caller"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The turn of a call, and the call's key."""

    turn: Turn
    key: str
    """Stays the same when the call is repeated after a crash."""
    foreign: bool = False
    """The model's context has a third party's text."""

    @property
    def owner(self) -> str:
        return self.turn.owner

    def config(self) -> RunnableConfig:
        """Return the config to invoke a tool with."""
        return {"configurable": {_KEY: self}}


def caller(config: RunnableConfig) -> Caller:
    """Return the caller from a tool's parameter `config: RunnableConfig`, which the model does not see.

    Raises:
        LookupError: the tool was called outside a turn.
    """
    found: Caller | None = config.get("configurable", {}).get(_KEY)
    if found is None:
        raise LookupError("This tool is called within a turn: invoke it with Caller(...).config().")
    return found
