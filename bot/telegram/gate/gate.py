"""The gate: what every update must pass before any other handler sees it."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from telegram import Message, MessageEntity, Update, User
from telegram.ext import ApplicationHandlerStop, CallbackContext

from bot.telegram.access.access import DAY, HOUR, MINUTE, Pairing, Role
from bot.telegram.bot_context import BotContext, command_text
from bot.telegram.place import Place, update_place
from graph.settings.telegram_settings import GroupPolicy

Context = CallbackContext[Any, Any, Any, Any]
Handler = Callable[[Update, Context], Coroutine[Any, Any, None]]
_FOR_ADMINS = {"/allow", "/deny"}
_PAIRING = {"/start", "/pair"}
_ENTITIES: list[str | None] = [MessageEntity.MENTION, MessageEntity.TEXT_MENTION]


@dataclass(frozen=True, slots=True)
class Gate:
    """Stop what comes from strangers, from groups that were not allowed, and too fast."""

    desk: BotContext

    async def __call__(self, update: Update, _: Context) -> None:
        """Raise `ApplicationHandlerStop` unless the update may pass; nothing passes when this fails."""
        if not await self._passes(update):
            raise ApplicationHandlerStop

    async def _passes(self, update: Update) -> bool:
        await self._follow(update.message)
        user, place = update.effective_user, update_place(update)
        if user is None or place is None or not is_from_person(update):
            return False
        return await self._may_pass(update, user, place) and not await self._is_too_fast(update, user)

    async def _follow(self, message: Message | None) -> None:
        """Let a group that was allowed stay so when Telegram gives it another id, which it says in both."""
        if message is not None and message.migrate_to_chat_id:
            await self.desk.access.migrate_group(message.chat.id, message.migrate_to_chat_id)
        elif message is not None and message.migrate_from_chat_id:
            await self.desk.access.migrate_group(message.migrate_from_chat_id, message.chat.id)

    async def _may_pass(self, update: Update, user: User, place: Place) -> bool:
        role = await self.desk.access.role(user.id)
        if place.private:
            return await self._may_pass_private(update, user, role)
        if self.desk.settings.telegram_groups is GroupPolicy.OFF:
            return False
        message = update.message or update.edited_message
        if message is None:
            return await self._is_in(user, role, place)
        return is_addressed(message, self.desk.me) and await self._may_pass_group(update, user, role, place)

    async def _may_pass_private(self, update: Update, user: User, role: Role) -> bool:
        if update.message is not None and (code := self._code(update.message)):
            await self._pair(update, user, code)
            return False
        if role is Role.STRANGER:
            await self._turn_away(update, user)
        return role is not Role.STRANGER

    async def _pair(self, update: Update, user: User, code: str) -> None:
        """Take a pairing code; the same update has the same outcome when it comes again."""
        access, update_id = self.desk.access, update.update_id
        outcome = await access.pair(user.id, code, update_id=update_id)
        if outcome is Pairing.PAIRED:
            is_admin = await access.role(user.id) is Role.ADMIN
            await self.desk.reply(update, "paired_admin" if is_admin else "paired")
        elif outcome is Pairing.WRONG:
            await self.desk.reply(update, "pair_wrong")
        elif await access.first_time("guessing", user.id, update_id, HOUR):
            await self.desk.reply(update, "pair_too_often")

    async def _turn_away(self, update: Update, user: User) -> None:
        """Tell a stranger, once a day, whom to ask."""
        if update.message is None and update.callback_query is None:
            return
        if not await self.desk.access.first_time("stranger", user.id, update.update_id, DAY):
            return
        if update.callback_query is not None:
            await self.desk.toast(update, self.desk.say(update)("admins_only"))
        else:
            await self.desk.reply(update, "stranger", id=user.id)

    async def _may_pass_group(self, update: Update, user: User, role: Role, place: Place) -> bool:
        access, message = self.desk.access, update.message
        if role is Role.ADMIN and message is not None and command(message, self.desk.me) in _FOR_ADMINS:
            return True
        if await self._is_in(user, role, place):
            return True
        if await access.group_allowed(place.chat_id):
            await self._turn_away(update, user)
        elif message and await access.first_time("group", place.chat_id, update.update_id, DAY):
            await self.desk.reply(update, "group_not_allowed")
        return False

    async def _is_in(self, user: User, role: Role, place: Place) -> bool:
        """Say whether somebody may talk in a group."""
        access = self.desk.access
        if not await access.group_allowed(place.chat_id):
            return False
        if role is not Role.STRANGER:
            return True
        everyone = self.desk.settings.telegram_groups is GroupPolicy.EVERYONE
        return everyone and not await access.is_denied(user.id)

    async def _is_too_fast(self, update: Update, user: User) -> bool:
        access, update_id = self.desk.access, update.update_id
        message = update.message or update.edited_message
        sent = (message.edit_date or message.date).timestamp() if message else None
        album = message.media_group_id if message else None
        seconds = await access.seconds_to_wait(user.id, album or update_id, sent=sent)
        if seconds and update.callback_query is not None:
            await self.desk.toast(update, self.desk.say(update)("too_fast", seconds=seconds))
        elif seconds and await access.first_time("fast", user.id, update_id, MINUTE):
            await self.desk.reply(update, "too_fast", seconds=seconds)
        return bool(seconds)

    def _code(self, message: Message) -> str:
        """Return the code that a message brings, as in `/start CODE`."""
        return command_text(message) if command(message, self.desk.me) in _PAIRING else ""


def is_from_person(update: Update) -> bool:
    """Say whether a person sent it in their own name, and it is of a kind that the bot deals with.

    Bots, channels, anonymous administrators and customers of a business account are no such persons.
    """
    user, message = update.effective_user, update.message or update.edited_message
    if user is None or user.is_bot:
        return False
    if message is not None:
        elsewhere = message.chat.type == message.chat.PRIVATE and message.chat.id != user.id
        return not (elsewhere or message.sender_chat or message.business_connection_id)
    if update.callback_query is not None:
        pressed = update.callback_query.message
        return not (isinstance(pressed, Message) and pressed.business_connection_id)
    return update.message_reaction is not None


def command(message: Message, me: User) -> str:
    """Return the command that a message gives the bot, such as "/allow"; empty for none.

    What somebody else wrote, as in a forwarded message or one by way of another bot, commands nothing.
    """
    name, _, bot = _first_word(message).lower().partition("@")
    return "" if _is_borrowed(message) or bot not in ("", _username(me)) else name


def is_addressed(message: Message, me: User) -> bool:
    """Say whether a message in a group is for the bot: commanded, mentioned, or replied to."""
    if command(message, me):
        return True
    if _first_word(message):
        return False
    return _is_reply(message, me) or (not _is_borrowed(message) and _mentions(message, me))


def _first_word(message: Message) -> str:
    """Return the command with which a message begins, as it stands there."""
    text = message.text or ""
    return text.split(maxsplit=1)[0] if text.startswith("/") else ""


def _is_borrowed(message: Message) -> bool:
    return message.forward_origin is not None or message.via_bot is not None


def _is_reply(message: Message, me: User) -> bool:
    replied = message.reply_to_message
    return replied is not None and replied.from_user is not None and replied.from_user.id == me.id


def _mentions(message: Message, me: User) -> bool:
    found = message.parse_entities(_ENTITIES) | message.parse_caption_entities(_ENTITIES)
    name = f"@{_username(me)}"
    return any(
        text.lower() == name or (entity.user is not None and entity.user.id == me.id)
        for entity, text in found.items()
    )


def _username(me: User) -> str:
    return (me.username or "").lower()
