"""On whose behalf a tool runs: told by the run, never by the model."""

from dataclasses import dataclass

from langchain_core.runnables import RunnableConfig

from graph.state.turn_state import Turn

_KEY = "goat_caller"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A call's turn, and the call's own name."""

    turn: Turn
    key: str
    """The same when the call is made again after a crash."""
    foreign: bool = False
    """A third party's text stands before the model."""

    @property
    def owner(self) -> str:
        """Whose memory is read and written."""
        return self.turn.owner

    def config(self) -> RunnableConfig:
        """Return what a tool is invoked with."""
        return {"configurable": {_KEY: self}}


def caller(config: RunnableConfig) -> Caller:
    """Return on whose behalf a tool runs; a tool takes `config: RunnableConfig`, which no model sees.

    Raises:
        LookupError: the tool was called outside a turn.
    """
    found: Caller | None = config.get("configurable", {}).get(_KEY)
    if found is None:
        raise LookupError("This tool is called within a turn: invoke it with Caller(...).config().")
    return found
