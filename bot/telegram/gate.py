"""The gate: what every update must pass before any other handler sees it."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from telegram import Message, MessageEntity, Update, User
from telegram.ext import ApplicationHandlerStop, CallbackContext

from bot.telegram.access import DAY, MINUTE, Pairing, Role
from bot.telegram.desk import Desk, command_text
from bot.telegram.place import Place, update_place
from graph.telegram_settings import GroupPolicy

Context = CallbackContext[Any, Any, Any, Any]
Handler = Callable[[Update, Context], Coroutine[Any, Any, None]]
_FOR_ADMINS = {"/allow", "/deny"}


@dataclass(frozen=True, slots=True)
class Gate:
    """Stop what comes from strangers, from groups that were not allowed, and too fast."""

    desk: Desk

    async def __call__(self, update: Update, _: Context) -> None:
        """Raise `ApplicationHandlerStop` unless the update may pass."""
        user, place = update.effective_user, update_place(update)
        if user is None or user.is_bot or place is None or not await self._may_pass(update, user, place):
            raise ApplicationHandlerStop
        if await self._is_too_fast(update, user):
            raise ApplicationHandlerStop

    async def _may_pass(self, update: Update, user: User, place: Place) -> bool:
        role = await self.desk.access.role(user.id)
        if place.private:
            return await self._may_pass_private(update, user, role)
        if update.message_reaction or update.callback_query:
            return await self._is_in(role, place)
        message = update.effective_message
        if not isinstance(message, Message) or not self._is_addressed(message):
            return False
        return await self._may_pass_group(update, user, role, place)

    async def _may_pass_private(self, update: Update, user: User, role: Role) -> bool:
        if role is not Role.STRANGER and not (update.message and _pairing_code(update.message)):
            return True
        message = update.message
        code = _pairing_code(message) if message else ""
        if code:
            await self._pair(update, user, code)
        elif role is Role.STRANGER:
            await self._turn_away(update, user)
        return False

    async def _pair(self, update: Update, user: User, code: str) -> None:
        """Take a pairing code; the same update has the same outcome when it comes again."""
        before = await self.desk.access.role(user.id)
        outcome = await self.desk.access.pair(user.id, code)
        if outcome is Pairing.PAIRED:
            role = await self.desk.access.role(user.id)
            await self.desk.reply(update, "paired_admin" if role is Role.ADMIN else "paired")
        elif before is not Role.STRANGER:
            await self.desk.reply(update, "paired")
        else:
            await self.desk.reply(update, "pair_wrong" if outcome is Pairing.WRONG else "pair_too_often")

    async def _turn_away(self, update: Update, user: User) -> None:
        """Tell a stranger, once a day, whom to ask."""
        if not await self.desk.access.first_time("stranger", user.id, update.update_id, DAY):
            return
        if update.callback_query is not None:
            await self.desk.toast(update, self.desk.say(update)("admins_only"))
        elif update.message is not None:
            await self.desk.reply(update, "stranger", id=user.id)

    async def _may_pass_group(self, update: Update, user: User, role: Role, place: Place) -> bool:
        message = update.effective_message
        administers = (
            isinstance(message, Message) and (message.text or "").split("@")[0].split(" ")[0] in _FOR_ADMINS
        )
        if role is Role.ADMIN and administers:
            return True
        if await self._is_in(role, place):
            return True
        if not await self.desk.access.group_allowed(place.chat_id):
            if await self.desk.access.first_time("group", place.chat_id, update.update_id, DAY):
                await self.desk.reply(update, "group_not_allowed")
            return False
        await self._turn_away(update, user)
        return False

    async def _is_in(self, role: Role, place: Place) -> bool:
        policy = self.desk.settings.telegram_groups
        if policy is GroupPolicy.OFF or not (
            place.private or await self.desk.access.group_allowed(place.chat_id)
        ):
            return place.private and role is not Role.STRANGER
        return role is not Role.STRANGER or policy is GroupPolicy.EVERYONE

    def _is_addressed(self, message: Message) -> bool:
        """Say whether a message in a group is for the bot: mentioned, replied to, or commanded."""
        reply = message.reply_to_message
        if reply is not None and reply.from_user is not None and reply.from_user.id == self.desk.me.id:
            return True
        name = f"@{self.desk.me.username}".lower()
        entities = message.parse_entities([MessageEntity.MENTION, MessageEntity.BOT_COMMAND])
        entities |= message.parse_caption_entities([MessageEntity.MENTION])
        texts = [text.lower() for text in entities.values()]
        return any(text == name or text.endswith(name) for text in texts) or (
            any(text.startswith("/") and "@" not in text for text in texts)
        )

    async def _is_too_fast(self, update: Update, user: User) -> bool:
        seconds = await self.desk.access.seconds_to_wait(user.id, update.update_id)
        if not seconds:
            return False
        if await self.desk.access.first_time("fast", user.id, update.update_id, MINUTE):
            await self.desk.reply(update, "too_fast", seconds=seconds)
        return True


def _pairing_code(message: Message) -> str:
    """Return the code that a message brings, as in `/start CODE`; a forwarded one brings none."""
    words = (message.text or "").split(maxsplit=1)
    if not words or message.forward_origin is not None or words[0].split("@")[0] not in {"/start", "/pair"}:
        return ""
    return command_text(message)
