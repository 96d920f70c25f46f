"""What the chat is shown of a turn's end."""

from bot.telegram.desk import Say
from bot.telegram.formatting import with_closed_code
from bot.telegram.media import MediaRefused
from bot.telegram.rendering import blank, storable
from bot.telegram.texts import escaped
from graph.state import State
from memory.models import Outcome
from nodes.respond import EMPTY_ANSWER


def reply_text(state: State, say: Say, *, private: bool) -> str:
    """Return the reply with what is to be said about it, or why there is nothing to be seen."""
    reply = state["reply"]
    if reply.outcome is Outcome.FAILED or blank(storable(reply.text)):
        problem = escaped(reply.problem or EMPTY_ANSWER)
        return say("private_failed") if private else say("model_trouble", problem=problem)
    parts = [reply.text]
    if reply.problem:
        parts.append(f"_{escaped(f'({reply.problem})')}_")
    if private:
        parts.append(say("private_done"))
    return "\n\n".join([with_closed_code(parts[0]), *parts[1:]]) if len(parts) > 1 else reply.text


def refusal_text(error: MediaRefused, megabytes: int, say: Say) -> str:
    """Say why a file was not read."""
    match error.code:
        case "too_large":
            return say("too_large", megabytes=megabytes)
        case "unsupported":
            return say("unsupported_media")
        case code:
            return say(code)
