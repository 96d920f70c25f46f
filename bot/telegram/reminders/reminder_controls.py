"""The /reminders command, and the buttons of reminders."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Message, Update
from telegram.error import BadRequest

from bot.reminders.reminder_desk import ReminderDesk
from bot.reminders.reminder_list import ReminderList, time_text
from bot.telegram.bot_context import BotContext, Say, command_message, command_text
from bot.telegram.gate.gate import HandlerContext
from bot.telegram.outbox.courier import Undeliverable
from bot.telegram.place import place_of
from bot.telegram.texts import inline_code
from memory.reminders.reminder import Reminder

REMIND = "remind"
SET, END, UNDO = "set", "end", "undo"


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
        await self._replace(message, reminder_id, undo_button(reminder, say))
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


def set_buttons(reminders: Sequence[Reminder], say: Say) -> InlineKeyboardMarkup | None:
    """Return the buttons that end new reminders; a single one also replaces the message by the outcome."""
    if len(reminders) == 1:
        data = f"{REMIND}:{reminders[0].id}:{END}"
        return InlineKeyboardMarkup([[InlineKeyboardButton(say("reminder_end"), callback_data=data)]])
    return undo_buttons(reminders, say)


def undo_buttons(reminders: Sequence[Reminder], say: Say) -> InlineKeyboardMarkup | None:
    """Return the buttons that end new reminders and leave the message as it is."""
    return InlineKeyboardMarkup([[undo_button(one, say)] for one in reminders]) if reminders else None


def end_buttons(reminders: Sequence[Reminder]) -> InlineKeyboardMarkup | None:
    """Return the buttons that end listed reminders, four in a row."""
    buttons = [
        InlineKeyboardButton(f"✖️ {one.number}", callback_data=f"{REMIND}:{one.id}:{UNDO}")
        for one in reminders
    ]
    rows = [buttons[start : start + 4] for start in range(0, len(buttons), 4)]
    return InlineKeyboardMarkup(rows) if rows else None


def offer_button(offered: Reminder, say: Say) -> InlineKeyboardButton:
    """Return the button that sets an offered reminder."""
    label = say("reminder_offer", time=time_text(offered.schedule, say))
    return InlineKeyboardButton(label, callback_data=f"{REMIND}:{offered.id}:{SET}")


def undo_button(reminder: Reminder, say: Say) -> InlineKeyboardButton:
    """Return the button that ends a reminder that was offered."""
    label = say("reminder_undo", time=time_text(reminder.schedule, say))
    return InlineKeyboardButton(label, callback_data=f"{REMIND}:{reminder.id}:{UNDO}")


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
