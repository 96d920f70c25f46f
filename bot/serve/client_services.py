"""The day's budget and the reminders of a token's owner, as in Telegram."""

from dataclasses import dataclass
from datetime import UTC, datetime

from bot.presentation.usage_figures import used_text
from bot.reminder_desk import ReminderDesk, terminal_answer
from graph.layers import Layers
from memory.reminders.reminder import Origin, terminal_box
from memory.reminders.reminder_request import may_ask, read_requests

_TEXTS = {"budget_requests": "{used} of {most} messages", "budget_tokens": "{used} of {most} tokens"}


@dataclass(frozen=True, slots=True)
class ClientBudget:
    """The budget of a token's owner."""

    layers: Layers
    owner: str

    async def refusal(self, turn_id: str = "") -> str:
        """Return why the model may not be asked today, or ""; with a `turn_id`, count its message."""
        guard = self.layers.guard
        if turn_id:
            allowed = await guard.admit(turn_id, owner=self.owner)
        else:
            allowed = guard.budget.share(await guard.used(owner=self.owner)) < 1
        if allowed:
            return ""
        used = used_text(await guard.used(owner=self.owner), guard.budget, _say)
        return f"Today's budget of this memory is used up ({used}), so the model did not answer."


def _say(key: str, /, **values: object) -> str:
    return _TEXTS[key].format(**values)


_OF_TELEGRAM = "telegram-"
"""Prefix of the owners of Telegram chats, who have no terminal to show reminders."""
_WHERE = "It comes in `goat chat` with this memory; if none is open then, when one is opened."
_ELSEWHERE = "No reminder is set here. Write it to the bot in Telegram."


async def take_reminders(layers: Layers, words: str, turn_id: str, *, owner: str) -> tuple[str | None, str]:
    """Set the reminders that a message asks for.

    Returns:
        The answer to a message that asks for nothing else, else None; and the note after an answer.
    """
    now = datetime.now(UTC)
    if owner.startswith(_OF_TELEGRAM):
        asked = may_ask(words) and read_requests(words, now=now, zone=layers.zone)
        return None, _ELSEWHERE if asked else ""
    origin = Origin(box=terminal_box(owner), turn_id=turn_id)
    found = await ReminderDesk(layers).take(words, owner=owner, at=now, origin=origin)
    if not found:
        return None, ""
    answer, note = terminal_answer(found)
    if any(one.reminder for one in found):
        answer, note = (f"{answer}\n{_WHERE}" if answer else None), (f"{note}\n{_WHERE}" if note else "")
    return answer, note
