"""Checks of a run that a client of the server requests: its context, and its answers to waiting calls."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langgraph.types import Interrupt
from langgraph_sdk import Auth
from pydantic import BaseModel

from graph.events.approval import answers_by_id
from graph.settings.context_refusal import ContextRefused

ReadWaiting = Callable[[], Awaitable[Sequence[Interrupt]]]
_UNPROCESSABLE = 422
_BY_CLIENT = "__context_provided__"
"""Set by LangGraph when the client sent `context`; otherwise that is a copy of `configurable`."""


async def check_run(kwargs: dict[str, Any], context_schema: type[BaseModel], waiting: ReadWaiting) -> None:
    """Refuse an invalid context, which LangGraph would cut to the keys it knows, and complete the answers.

    Raises:
        HTTPException: says what is wrong and what is allowed.
    """
    try:
        if (kwargs.get("config") or {}).get("configurable", {}).get(_BY_CLIENT):
            context_schema.model_validate(kwargs["context"])
        command = kwargs.get("command") or {}
        if command.get("resume") is not None and len(asked := await waiting()) > 1:
            command["resume"] = answers_by_id(command["resume"], asked)
    except (ContextRefused, ValueError) as error:
        raise Auth.exceptions.HTTPException(_UNPROCESSABLE, str(error)) from None
