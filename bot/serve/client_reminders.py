"""Reminders that a client's messages ask for; they come in the terminals of the token's owner."""

from datetime import UTC, datetime

from bot.reminders.reminder_desk import ReminderDesk
from bot.reminders.terminal_texts import answer_to
from graph.layers import Layers
from memory.reminders.reminder import Origin, terminal_box
from memory.reminders.reminder_request import may_ask, read_requests

_OF_TELEGRAM = "telegram-"
"""How the owners of Telegram's chats begin; nobody opens a terminal of theirs."""
_WHERE = "It comes in `goat chat` with this memory; if none is open then, when one is opened."
_ELSEWHERE = "No reminder is set here. Write it to the bot in Telegram."


async def take_reminders(layers: Layers, words: str, turn_id: str, *, owner: str) -> tuple[str | None, str]:
    """Set the reminders that a message asks for.

    Returns:
        The answer to a message that asks for nothing else, else None; and what is said after the answer.
    """
    now = datetime.now(UTC)
    if owner.startswith(_OF_TELEGRAM):
        asked = may_ask(words) and read_requests(words, now=now, zone=layers.zone)
        return None, _ELSEWHERE if asked else ""
    origin = Origin(box=terminal_box(owner), turn_id=turn_id)
    found = await ReminderDesk(layers).take(words, owner=owner, at=now, origin=origin)
    if not found:
        return None, ""
    answer, note = answer_to(found)
    if any(one.reminder for one in found):
        answer, note = (f"{answer}\n{_WHERE}" if answer else None), (f"{note}\n{_WHERE}" if note else "")
    return answer, note
