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
    forgets: list[Line] = field(default_factory=list)
    """The messages to forget."""
    confirmed: set[tuple[int, int]] = field(default_factory=set)
    """The questions whether to forget that were answered, by chat and message."""


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


def forget(world: World, line: Line, written: Written) -> None:
    """Reply to a message with /forget."""
    world.api.says(line.chat.chat_id, "/forget", reply_to=written.messages[line.name])
    written.forgets.append(line)


def confirm(world: World, written: Written) -> bool:
    """Press "yes" under the questions that have come; return whether there were any."""
    before = len(written.confirmed)
    for chat_id in {line.chat.chat_id for line in written.forgets}:
        for message in world.api.answers(chat_id):
            place = (chat_id, message.message_id)
            yes = [data for button in message.buttons if (data := button.data or "").endswith(":yes")]
            if yes and place not in written.confirmed:
                world.api.presses(*place, yes[0])
                written.confirmed.add(place)
    return len(written.confirmed) > before
