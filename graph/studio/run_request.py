"""Checks of a run that a client of the server requests, and its completion."""

import itertools
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langchain_core.messages import convert_to_messages
from langgraph.types import Interrupt
from langgraph_sdk import Auth
from pydantic import BaseModel

from graph.events.approval import answers_by_id
from graph.settings.settings_loader import ContextRefused
from graph.state.circumstances import OTHER_OWNER

ReadWaiting = Callable[[], Awaitable[Sequence[Interrupt]]]
ReadOwner = Callable[[], Awaitable[str]]
_UNPROCESSABLE = 422
_TWO_MESSAGES = (
    "The input ends with two messages of the user, and a turn has one. Send them as one message, or one after"
    " the other."
)
_BY_CLIENT = "__context_provided__"
"""Set by LangGraph when the client sent `context`; otherwise that is a copy of `configurable`."""


async def check_run(
    kwargs: dict[str, Any], context_schema: type[BaseModel], waiting: ReadWaiting, owner: ReadOwner
) -> None:
    """Refuse an invalid context, which LangGraph would cut to the keys it knows, and complete the request.

    Raises:
        HTTPException: says what is wrong and what is allowed.
    """
    configurable = (kwargs.get("config") or {}).get("configurable", {})
    try:
        if configurable.get(_BY_CLIENT):
            context_schema.model_validate(kwargs["context"])
        if configurable.get("checkpoint_id"):
            _keep_owner(kwargs, await owner())
        name_messages(kwargs.get("input"))
        _require_one_message(kwargs.get("input"))
        command = kwargs.get("command") or {}
        if command.get("resume") is not None and (asked := await waiting()):
            answers = answers_by_id(command["resume"], asked)
            command["resume"] = answers if len(asked) > 1 else command["resume"]
    except (ContextRefused, ValueError) as error:
        raise Auth.exceptions.HTTPException(_UNPROCESSABLE, str(error)) from None


def check_context(given: Any, context_schema: type[BaseModel]) -> None:
    """Refuse an invalid context; see `check_run`."""
    try:
        context_schema.model_validate(given or {})
    except ContextRefused as error:
        raise Auth.exceptions.HTTPException(_UNPROCESSABLE, str(error)) from None


def _keep_owner(kwargs: dict[str, Any], owner: str) -> None:
    """Run a fork for the thread's owner: before the first turn's nodes, the state does not name one."""
    context = kwargs.get("context") or {}
    if owner and context.get("owner", "") not in {"", owner}:
        raise ValueError(OTHER_OWNER)
    if owner:
        kwargs["context"] = {**context, "owner": owner}


def _require_one_message(given: Any) -> None:
    """Refuse several messages of the user after the last reply: a turn would archive the last one only."""
    messages = given.get("messages") if isinstance(given, dict) else None
    try:
        asked = convert_to_messages(messages) if isinstance(messages, list) else []
    except (ValueError, NotImplementedError, KeyError, TypeError):  # LangGraph refuses what is no message
        return
    latest = itertools.takewhile(lambda message: message.type != "ai", reversed(asked))
    if len({one.id or place for place, one in enumerate(latest) if one.type == "human"}) > 1:
        raise ValueError(_TWO_MESSAGES)


def name_messages(given: Any) -> None:
    """Give ids to an input's messages; else each run from its first checkpoint would be a new turn."""
    messages = given.get("messages") if isinstance(given, dict) else None
    for message in messages if isinstance(messages, list) else [messages]:
        if isinstance(message, dict) and not message.get("id"):
            message["id"] = str(uuid.uuid4())
