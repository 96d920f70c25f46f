"""Tool calls that models write into their text, in any of the known forms."""

from memory.markup.models import Parsed
from memory.markup.reading import Reading
from memory.markup.scan import scan
from memory.markup.values import Tools


def parse_calls(text: str, tools: Tools) -> Parsed:
    """Take the written tool calls out of a reply.

    Explicit markup is a call whatever tool it names; bare JSON, alone or in a fence, only when it names an
    offered one. What stands in inline code or in another code fence is text.

    Args:
        text: the whole reply.
        tools: the JSON schema of the arguments of each tool offered.
    """
    reading = Reading(tools)
    reading.tape.feed(text)
    reading.tape.ended = True
    next(scan(reading), None)
    return Parsed(text=reading.drained().strip(), calls=tuple(reading.calls), broken=tuple(reading.broken))
