"""A model call by one of a job's roles, and the signals that stop it."""

import asyncio
from collections.abc import Mapping

from langchain_core.tools import BaseTool

from graph.delegation.roles import LONGEST_FINDING
from graph.model.model_call import ModelAnswer, ModelCall, StopSignals
from graph.model.model_window import Build
from memory.errors import ModelUnavailable
from memory.models import Outcome

FINAL = ""
"""Turn id of the summariser, which no signal stops."""
_OF = "/"
OUT_OF_TIME = "the job's time was up"
NO_TOOLS: Mapping[str, BaseTool] = {}
_MOST_TRIES = 5
"""Attempts with a prompt that is refused as too long."""


class JobStops(StopSignals):
    """Stop signals that a job shares with all of its steps."""

    def signal(self, turn_id: str) -> asyncio.Event:
        """Return the event that is set when the job's time is up."""
        return super().signal(turn_id.partition(_OF)[0])


def step_turn_id(turn_id: str, step: str) -> str:
    return f"{turn_id}{_OF}{step}"


async def ask_role(
    ask: ModelCall,
    build: Build,
    turn_id: str,
    tools: Mapping[str, BaseTool] = NO_TOOLS,
    *,
    owner: str,
    last: bool = True,
    longest: int = LONGEST_FINDING,
) -> tuple[ModelAnswer, bool]:
    """Return the model's answer, cut off when the job's time is up, and whether it was the last call.

    Raises:
        ModelUnavailable: the answer is empty although there was time: the job is retried from here.
    """
    for _ in range(_MOST_TRIES):
        request = await ask.window.fit(build, tools, last=last, longest=longest)
        said = await ask(request.messages, turn_id, request.tools, owner=owner)
        if not said.too_long:
            break
    silent = not said.text.strip() and not said.calls and not said.unreadable
    if silent and not is_late(ask, turn_id):
        raise ModelUnavailable(said.problem or "The model gave an empty answer.")
    return said, request.last


def is_late(ask: ModelCall, turn_id: str) -> bool:
    return ask.stops.signal(turn_id).is_set()


def problem_of(said: ModelAnswer, *, late: bool) -> str:
    """Return why an answer is incomplete; empty when it is complete."""
    if said.outcome is Outcome.ANSWERED:
        return ""
    return OUT_OF_TIME if late else said.problem
