"""Scripted replies of the test's model."""

from collections.abc import Callable

from tests.servers.openai_format import ModelRequest, Reply, ToolCall


def calling(name: str, /, *, text: str = "", **arguments: object) -> Reply:
    """Return a reply that calls a tool."""
    return Reply(text, (ToolCall(name, arguments),))


def in_turn(*replies: str | Reply) -> Callable[[ModelRequest], str | Reply]:
    """Yield the replies in order, then the last one for ever."""
    left = list(replies)

    def next_reply(_: ModelRequest) -> str | Reply:
        return left.pop(0) if len(left) > 1 else left[0]

    return next_reply
