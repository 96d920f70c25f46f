"""Reminders in a turn: an answer without the model, a note below the answer, or an offer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from telegram import InlineKeyboardMarkup, Message, Update

from bot.reminders.reminder_desk import ReminderDesk, SetReminder
from bot.reminders.reminder_list import set_text
from bot.telegram.bot_context import BotContext, Say
from bot.telegram.place import place_of
from bot.telegram.reminders.reminder_controls import (
    offer_button,
    set_buttons,
    undo_button,
    undo_buttons,
)
from bot.telegram.texts import inline_code
from memory.reminders.reminder import Origin
from memory.reminders.reminder_request import read_requests


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnExtras:
    """Additions to a turn's answer, or its replacement."""

    answer: str | None = None
    """An answer to give instead of the model's; empty for the memories themselves, None for the model's."""
    note: str = ""
    """Shown below the answer."""
    buttons: InlineKeyboardMarkup | None = None


NO_EXTRAS = TurnExtras()


@dataclass(frozen=True, slots=True)
class ReminderTurn:
    """Sets the reminders that messages ask for."""

    context: BotContext

    async def __call__(
        self,
        update: Update,
        messages: Sequence[Message],
        text: str,
        said_now: str | None,
        *,
        earlier: str,
        private: bool,
    ) -> TurnExtras:
        """Set or offer the reminders of a turn; return the additions to its answer. Safe to repeat.

        `said_now` is the part of `text` to read, None for all of it: the rest was read in an earlier turn.
        `earlier` is the turn that this one replaces: its reminders end if it was edited or others are set.
        """
        context, say = self.context, self.context.say(update)
        owner, at = await context.owner(place_of(messages[0])), sent_at(messages)
        words = text if said_now is None else said_now
        if private:
            asked = read_requests(words, now=at, zone=context.agent.layers.zone)
            return TurnExtras(note=say("reminder_private")) if asked else NO_EXTRAS
        origin, desk = self._origin(update, messages[0]), ReminderDesk(context.agent.layers)
        found = await desk.take(words, owner=owner, at=at, origin=origin)
        edited, was_set = update.edited_message is not None, False
        if earlier and (found or edited):
            # An edited correction ends its own reminders, not those of the turn that it corrects.
            own = edited and said_now is not None
            ended = [earlier] if own else await context.agent.removal.versions([earlier], owner)
            was_set = await context.agent.layers.reminders.forget(ended, owner=owner)
        if found:
            return _extras(found, say)
        offered = await desk.offer(words, owner=owner, at=at, origin=origin)
        if offered is None:
            return NO_EXTRAS
        reminder = await desk.accept(offered.id, owner=owner) if was_set else None
        button = undo_button(reminder, say) if reminder else offer_button(offered, say)
        return TurnExtras(buttons=InlineKeyboardMarkup([[button]]))

    def _origin(self, update: Update, message: Message) -> Origin:
        place, user = place_of(message), update.effective_user
        return Origin(
            box=self.context.box,
            place=place.lane,
            message=message.message_id,
            turn_id=self.context.turn_id(update.update_id),
            language=(user.language_code if user else "") or "",
            speaker=user.full_name if user and not place.private else "",
        )


def _extras(found: Sequence[SetReminder], say: Say) -> TurnExtras:
    """Return the answer to requests, or a note if the message says more."""
    texts = [
        set_text(one.reminder, say, inline_code) if one.reminder else say("reminder_when") for one in found
    ]
    text, reminders = "\n\n".join(texts), [one.reminder for one in found if one.reminder]
    if found[0].request.is_whole:
        return TurnExtras(answer=text, buttons=set_buttons(reminders, say))
    return TurnExtras(note=text, buttons=undo_buttons(reminders, say))


def sent_at(messages: Sequence[Message]) -> datetime:
    """Return when the last of the messages was written or edited."""
    return max(one.edit_date or one.date for one in messages)
