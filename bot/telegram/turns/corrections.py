"""Corrections of wrong answers: the person's next message replaces the turn.

* `correction:LANE:USER`   the wrong turn that waits for a person's correction
* `correction-by:UPDATE`   a press that asked for one, so that it does so once
"""

import json
from dataclasses import asdict, dataclass, replace

from telegram import Message, Update

from bot.telegram.bot_context import BotContext
from bot.telegram.place import Place, place_of
from bot.telegram.turn_records import TurnRecord
from memory.models import Episode
from memory.working.redis_connection import run_script, translate_errors

_OPEN_SECONDS = 60 * 60
_EXPECT = """
if redis.call('SET', KEYS[2], 1, 'NX', 'EX', ARGV[2]) then
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
end
return 1
"""
"""KEYS: the wrong turn, the press. ARGV: the turn, seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongTurn:
    """A turn that waits for its correction."""

    update_id: int
    turn_id: str
    owner: str
    after: int
    """Id of the message that asks for it: what was sent before is no correction."""


@dataclass(frozen=True, slots=True)
class Corrections:
    """Expects corrections, and finds what a message corrects."""

    context: BotContext

    async def expect(self, place: Place, user_id: int, wrong: WrongTurn, press: int) -> None:
        """Take the person's next message as the correction; once for each press (an update's id)."""
        names = [self._key(place, user_id), self.context.keys("correction-by", press)]
        value = json.dumps(asdict(wrong))
        await run_script(self.context.lanes.client, _EXPECT, names, value, _OPEN_SECONDS)

    @translate_errors()
    async def drop(self, place: Place, user_id: int) -> bool:
        """Expect no correction any more; return False if none was."""
        return bool(await (await self.context.lanes.client()).delete(self._key(place, user_id)))

    @translate_errors()
    async def follow(self, place: Place, user_id: int, turn_id: str, *, update_id: int, later: str) -> None:
        """Expect the correction of a turn for `later`, the turn of an edit or a `/retry` that replaces it."""
        wrong = await self._expected(place, user_id)
        if wrong is not None and wrong.turn_id == turn_id:
            value = json.dumps(asdict(replace(wrong, update_id=update_id, turn_id=later)))
            await (await self.context.lanes.client()).set(
                self._key(place, user_id), value, xx=True, keepttl=True
            )

    async def of_message(self, update: Update, message: Message) -> Episode | None:
        """Return the wrong turn that a new message corrects, the same at each attempt; None for none."""
        user, place = update.effective_user, place_of(message)
        if user is None:
            return None
        owner, record = await self.context.owner(place), await self.context.records.turn(update.update_id)
        turn_id = record.corrects
        if not turn_id:
            wrong = await self._expected(place, user.id)
            if wrong is None or wrong.owner != owner or message.message_id <= wrong.after:
                return None
            turn_id = wrong.turn_id
            await self.context.records.note_correction(update.update_id, turn_id, of=wrong.update_id)
        await self.drop(place, user.id)
        return await self.context.episode(turn_id, owner)

    async def of_edit(self, update: Update, message: Message) -> Episode | None:
        """Return the wrong turn that an edited message corrects; None if it is no correction."""
        records = self.context.records
        update_id = await records.update_of_question(message.chat.id, message.message_id)
        record = await records.turn(update_id) if update_id is not None else TurnRecord()
        if update_id is None or not record.corrects:
            return None
        if update_id != update.update_id:
            await records.note_correction(update.update_id, record.corrects, of=update_id)
        return await self.context.episode(record.corrects, await self.context.owner(place_of(message)))

    @translate_errors()
    async def _expected(self, place: Place, user_id: int) -> WrongTurn | None:
        found = await (await self.context.lanes.client()).get(self._key(place, user_id))
        return None if found is None else WrongTurn(**json.loads(found))

    def _key(self, place: Place, user_id: int) -> str:
        return self.context.keys("correction", place.lane, user_id)


def corrected(wrong: Episode, text: str) -> str:
    """Return the words of a corrected turn: what was asked, and what is right."""
    return "\n\n".join(filter(None, (wrong.message, text)))
