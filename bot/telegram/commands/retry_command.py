"""/retry: the conversation's last message is answered anew."""

from dataclasses import dataclass

from telegram import Update

from bot.reminders.reminder_desk import ReminderDesk
from bot.telegram.bot_context import BotContext, command_message
from bot.telegram.gate.gate import HandlerContext
from bot.telegram.outbox.outbox import Answer
from bot.telegram.place import place_of
from bot.telegram.turn_records import TurnRecord
from bot.telegram.turns.turn_handler import TurnHandler
from bot.telegram.turns.turn_request import TurnRequest
from memory.errors import MemoryTierError
from memory.models import Episode
from memory.reminders.reminder_request import read_requests


@dataclass(frozen=True, slots=True)
class RetryCommand:
    """The /retry command."""

    context: BotContext
    turns: TurnHandler

    async def __call__(self, update: Update, _: HandlerContext) -> None:
        """Answer the last message anew; the former answer is superseded."""
        answer = await self.context.answer(update, command_message(update))
        if answer.sent:
            return
        try:
            await self._run(update, answer)
        except MemoryTierError:
            await answer.announce_delay(self.context.say(update)("memory_trouble"))
            raise

    async def _run(self, update: Update, answer: Answer) -> None:
        message, context = command_message(update), self.context
        owner = await context.owner(place_of(message))
        turn_id = await self._last_turn(update)
        episode = await context.episode(turn_id, owner) if turn_id else None
        if episode is None:
            await answer.finish(context.say(update)("why_none"))
            return
        earlier = TurnRecord(turn_id=turn_id, owner=owner)
        if await self._only_asks_for_reminders(episode):
            await answer.finish(episode.reply)
            return
        request = TurnRequest(episode.message, episode.parts, private=False, earlier=earlier, said_now="")
        await self.turns.run(update, [message], request, answer)

    async def _only_asks_for_reminders(self, episode: Episode) -> bool:
        """Return True if the answer says which reminders were set: they stay, at the times of then."""
        zone = await ReminderDesk(self.context.agent.layers).zone(episode.owner)
        requests = read_requests(episode.message, now=episode.at, zone=zone)
        return bool(requests) and requests[0].is_whole

    async def _last_turn(self, update: Update) -> str:
        """Return the id of the turn to run again, the same for each attempt of an update."""
        context, update_id = self.context, update.update_id
        if earlier := (await context.records.turn(update_id)).earlier:
            return earlier
        turn_id = await context.last_turn_id(place_of(command_message(update)))
        if (number := turn_id.removeprefix(context.turn_id(0).removesuffix("0"))).isdecimal():
            await context.records.note_retry(update_id, turn_id, int(number))
        return turn_id
