"""How the turn was fitted into the model's context window."""

from collections.abc import Iterator

from graph.rounds import fitting_of
from graph.state import Fitting, State
from memory.window import Space

SENTENCES = {
    "window": "The model holds {window:,} tokens: {reply:,} are kept for the reply, {tools:,} go to tools "
    "({count}).",
    "withheld": "No room for these tools: {names}.",
    "fixed": "Identity and facts are shown in part: {shown:,} of {whole:,} tokens.",
    "message": "The message is shown in part: {shown:,} of {whole:,} tokens.",
    "refused": "The model refused the prompt as too long; it was shared anew (times: {times}).",
    "outputs": "What tools gave was shortened to {cap:,} characters each.",
    "withdrawn": "No more tools were offered: there was no room for what they give.",
}
"""By key; front ends in other languages have their own."""
Told = Iterator[tuple[str, dict[str, int | str]]]
"""A key of `SENTENCES`, and the values by name."""


def window_told(state: State) -> Told:
    """Yield what there is to say of a finished turn; nothing when no limit is known."""
    if "allocation" in state and (space := state["allocation"].space) is not None:
        yield from space_told(space)
    yield from fitting_told(fitting_of(state))


def space_told(space: Space) -> Told:
    """Yield how the window was shared before the model was asked, and what had to yield."""
    shares = {"window": space.window, "reply": space.reply, "tools": space.tools}
    yield "window", {**shares, "count": len(space.offered)}
    if space.withheld:
        yield "withheld", {"names": ", ".join(space.withheld)}
    if space.fixed < space.fixed_whole:
        yield "fixed", {"shown": space.fixed, "whole": space.fixed_whole}
    if space.message < space.message_whole:
        yield "message", {"shown": space.message, "whole": space.message_whole}


def fitting_told(fitting: Fitting) -> Told:
    """Yield what had to yield as the model was asked."""
    if fitting.refused:
        yield "refused", {"times": fitting.refused}
    if fitting.cap:
        yield "outputs", {"cap": fitting.cap}
    if fitting.withdrawn:
        yield "withdrawn", {}


def in_english(told: Told) -> list[str]:
    """Return what was told as sentences."""
    return [SENTENCES[key].format(**values) for key, values in told]
