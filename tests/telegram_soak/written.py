"""The written messages."""

import time
from dataclasses import dataclass, field

from tests.telegram_soak.script import Line
from tests.telegram_soak.world import World


@dataclass(slots=True)
class Written:
    """The written messages, in order."""

    lines: list[Line] = field(default_factory=list)
    updates: dict[Line, int] = field(default_factory=dict)
    """The id of each line's update."""
    messages: dict[str, int] = field(default_factory=dict)
    """The id of each message."""
    at: dict[Line, float] = field(default_factory=dict)
    """Its time, by `time.monotonic()`."""


def write(world: World, line: Line, written: Written) -> None:
    """Write a line, or edit it."""
    written.at[line] = time.monotonic()
    chat_id, topic = line.chat.chat_id, line.chat.topic
    if line.edit:
        update = world.api.edits(chat_id, written.messages[line.name], line.text)
    else:
        speaker = line.chat.speaker(line.number)
        update, number = world.api.says(chat_id, line.text, user_id=speaker, topic=topic)
        written.messages[line.name] = number
    written.lines.append(line)
    if update is not None:
        written.updates[line] = update
