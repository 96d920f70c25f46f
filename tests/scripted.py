"""What a model of the tests says, one reply after the other."""

from collections.abc import Callable

from tests.servers.openai_format import ModelRequest, Reply, ToolCall


def calling(name: str, /, *, text: str = "", **arguments: object) -> Reply:
    """Return a reply that asks for a tool."""
    return Reply(text, (ToolCall(name, arguments),))


def in_turn(*replies: str | Reply) -> Callable[[ModelRequest], str | Reply]:
    """Give the replies one after the other, the last one for ever."""
    left = list(replies)

    def next_reply(_: ModelRequest) -> str | Reply:
        return left.pop(0) if len(left) > 1 else left[0]

    return next_reply
