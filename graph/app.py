"""The graph that `langgraph.json` serves, and the agent for every other front end.

Importing this module opens no file, socket or model: settings are read when something is first used.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from pydantic import GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from graph.agent import Agent
from graph.builder import REPEATABLE, build_graph
from graph.context import Thresholds
from graph.layers import Layers
from graph.redis_saver import RedisSaver
from graph.refusing import RefusingContext
from graph.serde import checkpoint_serde
from graph.settings import Settings, load_settings

layers = Layers(load_settings, follow=True)


class ConfiguredContext(RefusingContext):
    """A turn context whose defaults are those of the configuration, also in Studio's form."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, given: Any) -> Any:
        return {**_defaults(), **given} if isinstance(given, Mapping) else given

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Show the configured values as the form's defaults."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        for name, value in _defaults().items():
            schema["properties"][name]["default"] = value
        return schema


def _defaults() -> dict[str, Any]:
    return layers.live.current().model_dump(mode="json", include=set(Thresholds.model_fields))


graph = build_graph(layers, ConfiguredContext).compile(name="goat")


@asynccontextmanager
async def open_agent(settings: Settings | None = None, *, follow: bool = False) -> AsyncIterator[Agent]:
    """Open the agent over the configured stores, checkpointed in Redis; close what it opened.

    Args:
        settings: given in code; None reads them from files and environment.
        follow: the given ones were read from there too, so that what tuning changes in the files holds at
            the next turn.
    """
    follow = follow or settings is None
    own = Layers(load_settings if settings is None else lambda: settings, follow=follow)
    kept = own.settings().checkpoints_kept
    saver = RedisSaver(own.redis.client, keep=kept, repeatable=REPEATABLE, serde=checkpoint_serde())
    drawn = build_graph(own)
    agent = Agent(drawn.compile(checkpointer=saver, name="goat"), drawn.compile(name="goat"), own, saver)
    try:
        await own.telemetry.open()
        yield agent
    finally:
        await agent.aclose()
        await own.close()
