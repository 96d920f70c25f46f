"""Commands that change what is kept: /remember, /new, /private, and those of `exporting` and `forgetting`."""

from dataclasses import dataclass

from telegram import Message, Update

from bot.telegram.converse import Converse
from bot.telegram.desk import Desk, Say, asked_by, command_text
from bot.telegram.exporting import Exporting
from bot.telegram.forgetting import FORGET, Forgetting
from bot.telegram.gate import Context, Handler
from bot.telegram.place import place_of
from bot.telegram.texts import escaped, verbatim
from memory.errors import FactsFull
from memory.permanent.rules import LONGEST_KEY
from memory.text import clean

__all__ = ["FORGET", "Keeping"]


@dataclass(frozen=True, slots=True)
class Keeping:
    """Note, hand over and delete what is kept of an owner."""

    desk: Desk
    converse: Converse

    def commands(self) -> dict[str, Handler]:
        """Return what each command does."""
        return {
            "remember": self.remember,
            "new": self.new,
            "private": self.private,
            "export": Exporting(self.desk),
            "forget": Forgetting(self.desk),
        }

    async def decide(self, update: Update, _: Context) -> None:
        """Do what a button under a question of /forget says."""
        await Forgetting(self.desk).decide(update)

    async def remember(self, update: Update, _: Context) -> None:
        """Note a fact."""
        message, say = asked_by(update), self.desk.say(update)
        answer = await self.desk.answer(update, message)
        if answer.sent:
            return
        key, _colon, value = (part.strip() for part in clean(command_text(message)).partition(":"))
        if not (key and value):
            await answer.finish(say("remember_usage"))
        elif len(key) > LONGEST_KEY:
            await answer.finish(say("remember_long_key", most=LONGEST_KEY))
        else:
            await answer.finish(await self._noted(key, value, message, say))

    async def _noted(self, key: str, value: str, message: Message, say: Say) -> str:
        permanent, owner = self.desk.agent.layers.permanent, await self.desk.owner(place_of(message))
        try:
            await permanent.upsert(key, value, owner=owner, at=message.date)
        except FactsFull as error:
            return say("facts_full", reason=escaped(error.detail))
        return say("remembered", key=verbatim(key))

    async def new(self, update: Update, _: Context) -> None:
        """Begin a new thread; what waits in the one before is left undone."""
        place = place_of(asked_by(update))
        await self.desk.agent.leave(await self.desk.thread(place), owner=await self.desk.owner(place))
        await self.desk.records.new_epoch(place.lane, update.update_id)
        await self.desk.reply(update, "new_thread")

    async def private(self, update: Update, context: Context) -> None:
        """Answer without leaving a trace."""
        await self.converse(update, context)
