"""Search for a message of an answer that may or may not have been sent.

The Bot API cannot read a chat, but an edit of the buttons under a message returns it, and is refused in
different words for a missing message, for somebody else's, and for one that already has these buttons.

No call returns the buttons of a message that has others. Another answer of the chat with other buttons loses
them if it was sent within the search and is not recorded yet: its id is then among those that are looked at.
One whose reply was lost too gets its own back from its own search.
"""

from dataclasses import dataclass
from functools import partial
from itertools import cycle

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Message
from telegram.error import BadRequest

from bot.telegram.outbox.courier import Calls, Courier
from bot.telegram.outbox.message_format import fingerprint
from bot.telegram.turn_records import Sending, TurnRecords

GAP, SUPERGROUP_GAP = 20, 5
"""Missing ids in a row that end the search; ids that chats share are missing in all chats but one."""
_FOREIGN = "can't be edited"
_MARK = InlineKeyboardMarkup([[InlineKeyboardButton("·", callback_data="·")]])


@dataclass(frozen=True, slots=True)
class SentLookup:
    """Looks for a message of one answer."""

    calls: Calls
    courier: Courier
    records: TurnRecords

    async def find(self, sending: Sending, buttons: InlineKeyboardMarkup | None) -> int | None:
        """Return the id of the message, and give it these buttons; None if it was not sent."""
        message_id, missing = sending.after, 0
        while missing < (SUPERGROUP_GAP if self.calls.place.has_own_ids else GAP):
            message_id += 1
            found: Message | str = _FOREIGN
            before = None
            if await self.records.update_of_answer(self.calls.place.chat_id, message_id) is None:
                found, before = await self._read(message_id, buttons)
            exists = isinstance(found, Message) or _FOREIGN in found
            missing = 0 if exists else missing + 1  # also counts where the chat refuses every edit
            if isinstance(found, Message):
                same = fingerprint(found) == sending.content
                await self._set(message_id, buttons if same else before)
                if same:
                    return message_id
        return None

    async def _read(
        self, message_id: int, buttons: InlineKeyboardMarkup | None
    ) -> tuple[Message | str, InlineKeyboardMarkup | None]:
        """Return a message of the bot, or Telegram's refusal, and the buttons to put back if it is another.

        Setting the buttons that a message has is refused. It then gets a mark instead, for a moment.
        """
        before = None
        for tried in cycle((buttons, _MARK)):
            outcome = await self._set(message_id, tried)
            if isinstance(outcome, Message) or "not modified" not in outcome:
                return outcome, before
            before = tried if tried is not _MARK else before
        raise AssertionError("cycle() does not end")

    async def _set(self, message_id: int, buttons: InlineKeyboardMarkup | None) -> Message | str:
        """Set the buttons under a message; return it, or Telegram's reason for a refusal."""
        call = partial(self.calls.set_buttons, message_id, buttons)
        try:
            return await self.courier.deliver(self.calls.place.chat_id, call)
        except BadRequest as error:
            return error.message.lower()
