"""The graph that `langgraph.json` serves.

Importing this module opens no file, socket or model: settings are read when the server asks for the graph.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Interrupt, StateSnapshot
from pydantic import GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from graph.builder import build_graph
from graph.checkpoint.redis_saver import RedisSaver
from graph.checkpoint.serde import StateSerializer
from graph.layers import Layers
from graph.runtime.graph_runs import Compiled
from graph.settings.context import Thresholds
from graph.settings.settings_loader import ValidatedContext, load_settings_with_warning
from graph.studio.mechanism_steps import in_mechanisms

FIRST = ("owner", "gap_threshold", "gap_rule", "budget_hard_cap", "experiment")
"""Fields at the top of the form; the others follow in the order of the model."""
SHELL = "shell_run"
NO_SHELL = (
    "Not run: commands cannot be allowed through Studio's server, but in Telegram or the terminal. With "
    "GOAT_STUDIO_SHELL=true they can."
)


@cache
def layers() -> Layers:
    """Return the server's layers; settings are read on the first call."""
    return Layers(load_settings_with_warning(), follow=True)


class ConfiguredContext(ValidatedContext):
    """A turn context with the configured values as defaults, also in Studio's form."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, given: Any) -> Any:
        return {**_defaults(), **given} if isinstance(given, Mapping) else given

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the schema with the configured values as defaults, and what people change first."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        fields = schema["properties"]
        for name, value in _defaults().items():
            fields[name]["default"] = value
        schema["properties"] = {name: fields[name] for name in (*FIRST, *fields)}
        return schema


def _defaults() -> dict[str, Any]:
    return layers().live.latest().model_dump(mode="json", include=set(Thresholds.model_fields))


def refusal_reason(tool: str) -> str:
    """Return why a tool cannot be approved through the server; "" when it can."""
    return NO_SHELL if tool == SHELL and not layers().settings.studio_shell else ""


@cache
def graph() -> Compiled:
    """Return the compiled graph."""
    opened = layers()
    builder = build_graph(opened, ConfiguredContext, refusal_reason, opened.journal, in_mechanisms)
    return builder.compile(name="goat")


async def waiting_calls(thread: str) -> Sequence[Interrupt]:
    """Return the questions that wait in a thread, in the order of the calls."""
    return (await _latest_state(thread)).interrupts


async def thread_owner(thread: str) -> str:
    """Return the owner of a thread's latest turn; "" before its first."""
    turn = (await _latest_state(thread)).values.get("turn")
    return "" if turn is None else str(turn.owner)


async def _latest_state(thread: str) -> StateSnapshot:
    saver = RedisSaver(layers().redis.client, serde=StateSerializer())
    config: RunnableConfig = {"configurable": {"thread_id": thread}}
    return await graph().copy({"checkpointer": saver}).aget_state(config)
