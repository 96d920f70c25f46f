"""Reminders in a chat: those that a turn sets or offers, their buttons, and /reminders."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Message, Update
from telegram.error import BadRequest

from bot.printable import Say
from bot.reminder_desk import ReminderDesk, ReminderList, SetReminder, taken_texts, time_text
from bot.telegram.bot_context import BotContext, command_message, command_text
from bot.telegram.gate.gate import HandlerContext
from bot.telegram.outbox.courier import Undeliverable
from bot.telegram.place import place_of
from bot.telegram.texts import inline_code
from memory.reminders.reminder import Origin, Reminder
from memory.reminders.reminder_request import read_requests

REMIND = "remind"
SET, END, UNDO = "set", "end", "undo"
_LABELS = {SET: "reminder_offer", END: "reminder_end", UNDO: "reminder_undo"}


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
    """Sets the reminders that a turn asks for."""

    context: BotContext
    owner: str
    at: datetime
    """When the last of the turn's messages was written or edited."""

    async def __call__(
        self,
        update: Update,
        message: Message,
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
        context, say, owner, at = self.context, self.context.say(update), self.owner, self.at
        words = text if said_now is None else said_now
        if private:
            asked = read_requests(words, now=at, zone=context.agent.layers.zone)
            return TurnExtras(note=say("reminder_private")) if asked else NO_EXTRAS
        origin, desk = self._origin(update, message), ReminderDesk(context.agent.layers)
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
        button = reminder_button(reminder, UNDO, say) if reminder else reminder_button(offered, SET, say)
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
    text = "\n\n".join(taken_texts(found, say, inline_code))
    reminders = [one.reminder for one in found if one.reminder]
    if found[0].request.is_whole:
        return TurnExtras(answer=text, buttons=set_buttons(reminders, say))
    return TurnExtras(note=text, buttons=undo_buttons(reminders, say))


def set_buttons(reminders: Sequence[Reminder], say: Say) -> InlineKeyboardMarkup | None:
    """Return the buttons that end new reminders; a single one also replaces the message by the outcome."""
    if len(reminders) == 1:
        return InlineKeyboardMarkup([[reminder_button(reminders[0], END, say)]])
    return undo_buttons(reminders, say)


def undo_buttons(reminders: Sequence[Reminder], say: Say) -> InlineKeyboardMarkup | None:
    """Return the buttons that end new reminders and leave the message as it is."""
    buttons = [[reminder_button(one, UNDO, say)] for one in reminders]
    return InlineKeyboardMarkup(buttons) if buttons else None


def end_buttons(reminders: Sequence[Reminder]) -> InlineKeyboardMarkup | None:
    """Return the buttons that end listed reminders, four in a row."""
    buttons = [
        InlineKeyboardButton(f"✖️ {one.number}", callback_data=f"{REMIND}:{one.id}:{UNDO}")
        for one in reminders
    ]
    rows = [buttons[start : start + 4] for start in range(0, len(buttons), 4)]
    return InlineKeyboardMarkup(rows) if rows else None


def reminder_button(reminder: Reminder, action: str, say: Say) -> InlineKeyboardButton:
    """Return the button that sets an offered reminder, or ends a set one."""
    label = say(_LABELS[action], time=time_text(reminder.schedule, say))
    return InlineKeyboardButton(label, callback_data=f"{REMIND}:{reminder.id}:{action}")


@dataclass(frozen=True, slots=True)
class ReminderButtons:
    """Handles the buttons; each is safe to press twice."""

    context: BotContext

    async def __call__(self, update: Update, _: HandlerContext) -> None:
        """Handle a pressed button."""
        query = update.callback_query
        if query is None or not query.data or not isinstance(query.message, Message):
            return
        _prefix, reminder_id, action = query.data.split(":")
        owner = await self.context.owner(place_of(query.message))
        if action == SET:
            await self._set(update, query.message, reminder_id, owner)
        else:
            await self._end(update, query.message, reminder_id, owner, closing=action == END)

    async def _set(self, update: Update, message: Message, reminder_id: str, owner: str) -> None:
        say = self.context.say(update)
        reminder = await ReminderDesk(self.context.agent.layers).accept(reminder_id, owner=owner)
        if reminder is None:
            await self._replace(message, reminder_id, None)
            await self.context.toast(update, say("reminder_gone"))
            return
        await self._replace(message, reminder_id, reminder_button(reminder, UNDO, say))
        await self.context.toast(update, say("reminder_set_short", time=time_text(reminder.schedule, say)))

    async def _end(
        self, update: Update, message: Message, reminder_id: str, owner: str, *, closing: bool
    ) -> None:
        """End a reminder; `closing` replaces the message with the button by the outcome."""
        say, reminders = self.context.say(update), self.context.agent.layers.reminders
        reminder = await reminders.find(reminder_id, owner=owner)
        await reminders.end(reminder_id, owner=owner)
        text = say("reminder_ended", text=inline_code(reminder.text)) if reminder else say("reminder_gone")
        if closing:
            await self.context.close(message, text)
        else:
            await self._replace(message, reminder_id, None)
        await self.context.toast(update, "" if closing else say("reminder_ended_short"))

    async def _replace(self, message: Message, reminder_id: str, button: InlineKeyboardButton | None) -> None:
        """Replace a reminder's button under a message, and keep the others."""
        rows = message.reply_markup.inline_keyboard if message.reply_markup else ()
        new = [button] if button is not None else []
        kept = [
            [each for one in row for each in (new if reminder_id in str(one.callback_data) else [one])]
            for row in rows
        ]
        markup, chat_id = InlineKeyboardMarkup([row for row in kept if row]), message.chat.id
        edit = partial(
            self.context.bot.edit_message_reply_markup, chat_id, message.message_id, reply_markup=markup
        )
        try:
            await self.context.courier.deliver(chat_id, edit)
        except (BadRequest, Undeliverable):  # changed already, or the message is gone
            return


@dataclass(frozen=True, slots=True)
class ReminderCommand:
    context: BotContext

    async def __call__(self, update: Update, _: HandlerContext) -> None:
        """List the reminders, or change one; once per update."""
        message, say = command_message(update), self.context.say(update)
        answer = await self.context.answer(update, message)
        if answer.sent:
            return
        owner = await self.context.owner(place_of(message))
        command = ReminderList(ReminderDesk(self.context.agent.layers), say, inline_code)
        text, listed = await command.answer(command_text(message), owner=owner, now=message.date)
        await answer.finish(text, end_buttons(listed))
