"""/reminders: list, move and end them."""

from dataclasses import dataclass

from telegram import Update

from bot.reminders.reminder_desk import ReminderDesk
from bot.reminders.reminder_list import ReminderList
from bot.telegram.bot_context import BotContext, command_message, command_text
from bot.telegram.gate.gate import Handler, HandlerContext
from bot.telegram.place import place_of
from bot.telegram.reminders.reminder_buttons import end_buttons
from bot.telegram.texts import inline_code


@dataclass(frozen=True, slots=True)
class ReminderCommands:
    """The /reminders command."""

    context: BotContext

    def commands(self) -> dict[str, Handler]:
        """Map command names to handlers."""
        return {"reminders": self.reminders}

    async def reminders(self, update: Update, _: HandlerContext) -> None:
        """List the reminders, or change one; once per update."""
        message, say = command_message(update), self.context.say(update)
        answer = await self.context.answer(update, message)
        if answer.sent:
            return
        owner = await self.context.owner(place_of(message))
        command = ReminderList(ReminderDesk(self.context.agent.layers), say, inline_code)
        text, listed = await command.answer(command_text(message), owner=owner, now=message.date)
        await answer.finish(text, end_buttons(listed))
