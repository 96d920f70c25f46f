"""One call of the model by a role of a job."""

from collections.abc import Mapping, Sequence

from langchain_core.messages import AnyMessage
from langchain_core.tools import BaseTool

from graph.model_call import ModelCall, Said
from memory.errors import ModelUnavailable
from memory.models import Outcome

OUT_OF_TIME = "the job's time was up"


async def asked(
    ask: ModelCall, prompt: Sequence[AnyMessage], turn_id: str, tools: Mapping[str, BaseTool] | None = None
) -> Said:
    """Return what the model says, or what it said until the job's time was up.

    Raises:
        ModelUnavailable: it said nothing, and time is not the reason: the job is tried again from here.
    """
    said = await ask(prompt, turn_id, tools)
    silent = not said.text.strip() and not said.calls and not said.unreadable
    if silent and not is_late(ask, turn_id):
        raise ModelUnavailable(said.problem or "The model gave an empty answer.")
    return said


def is_late(ask: ModelCall, turn_id: str) -> bool:
    """Say whether the job's time is up."""
    return ask.stops.signal(turn_id).is_set()


def problem_of(said: Said, *, late: bool) -> str:
    """Say why an answer is not whole; empty when it is."""
    if said.outcome is Outcome.ANSWERED:
        return ""
    return OUT_OF_TIME if late else said.problem
