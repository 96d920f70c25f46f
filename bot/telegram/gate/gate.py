"""The gate: access checks and rate limit, run before any other handler."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from telegram import Message, MessageEntity, Update, User
from telegram.ext import ApplicationHandlerStop, CallbackContext

from bot.telegram.access.access import DAY, HOUR, Pairing, Role
from bot.telegram.bot_context import BotContext, command_text
from bot.telegram.gate.command_menu import ADMIN_COMMANDS, set_admin_menu
from bot.telegram.gate.group_talk import GroupTalk
from bot.telegram.inbox.lanes import NotDelivered
from bot.telegram.place import Place, place_of, update_place
from graph.settings.telegram_settings import GroupPolicy

HandlerContext = CallbackContext[Any, Any, Any, Any]
Handler = Callable[[Update, HandlerContext], Coroutine[Any, Any, None]]
_FOR_ADMINS = {f"/{name}" for name in ADMIN_COMMANDS}
_PAIRING = {"/start", "/pair"}
_ENTITIES: list[str | None] = [MessageEntity.MENTION, MessageEntity.TEXT_MENTION]


@dataclass(frozen=True, slots=True)
class Gate:
    """Stop updates from strangers, from groups that are not allowed, and above the rate limit."""

    context: BotContext

    async def __call__(self, update: Update, _: HandlerContext) -> None:
        """Raise `ApplicationHandlerStop` unless the update may pass. Fails closed."""
        if (message := update.message) is not None:  # both chats report a migration; the group stays allowed
            if message.migrate_to_chat_id:
                await self.context.access.migrate_group(message.chat.id, message.migrate_to_chat_id)
            elif message.migrate_from_chat_id:
                await self.context.access.migrate_group(message.migrate_from_chat_id, message.chat.id)
        user, place = update.effective_user, update_place(update)
        if user is None or place is None or not is_from_person(update):
            raise ApplicationHandlerStop
        if not await self._may_pass(update, user, place) or await self._is_too_fast(update, user):
            raise ApplicationHandlerStop

    async def _may_pass(self, update: Update, user: User, place: Place) -> bool:
        role = await self.context.access.role(user.id)
        if place.private:
            return await self._may_pass_private(update, user, role)
        if self.context.settings.telegram_groups is GroupPolicy.OFF:
            return False
        message = update.message or update.edited_message
        if message is None:
            return await self._has_group_access(user, role, place)
        if is_addressed(message, self.context.me) or await self._is_part_of_question(update):
            return await self._may_pass_group(update, user, role, place)
        if not is_slash(message):
            await GroupTalk(self.context).hear(update, message, user)
        return False

    async def _is_part_of_question(self, update: Update) -> bool:
        """Return True for an edit of a message of a burst, which need not mention the bot."""
        message, records = update.edited_message, self.context.records
        if message is None:
            return False
        update_id = await records.update_of_question(message.chat.id, message.message_id)
        return bool((await records.turn(update_id)).burst)

    async def _may_pass_private(self, update: Update, user: User, role: Role) -> bool:
        message = update.message
        code = command_text(message) if message is not None else ""
        if message is not None and code and command(message, self.context.me) in _PAIRING:
            await self._pair(update, user, code)
            return False
        if role is Role.STRANGER:
            await self._turn_away(update, user, "stranger")
        return role is not Role.STRANGER

    async def _pair(self, update: Update, user: User, code: str) -> None:
        """Check a pairing code and answer; repeating the update repeats the outcome."""
        access, update_id = self.context.access, update.update_id
        outcome = await access.pair(user.id, code, update_id=update_id)
        if outcome is Pairing.PAIRED:
            is_admin = await access.role(user.id) is Role.ADMIN
            await self.context.reply(update, "paired_admin" if is_admin else "paired")
            if is_admin:
                await set_admin_menu(self.context, user.id)
        elif outcome is Pairing.WRONG:
            await self.context.reply(update, "pair_wrong")
        elif await access.first_time("guessing", user.id, update_id, HOUR):
            await self.context.reply(update, "pair_too_often")

    async def _turn_away(self, update: Update, user: User, key: str) -> None:
        """Tell a stranger, once a day, how to get access."""
        if update.message is None and update.callback_query is None:
            return
        if not await self.context.access.first_time("stranger", user.id, update.update_id, DAY):
            return
        if update.callback_query is not None:
            await self.context.toast(update, self.context.say(update)("admins_only"))
        else:
            await self.context.reply(update, key, id=user.id)

    async def _may_pass_group(self, update: Update, user: User, role: Role, place: Place) -> bool:
        access, message = self.context.access, update.message
        if role is Role.ADMIN and message is not None and command(message, self.context.me) in _FOR_ADMINS:
            return True
        if await self._has_group_access(user, role, place):
            return True
        if await access.group_allowed(place.chat_id):
            await self._turn_away(update, user, "stranger_group")  # without the id: others read it
        elif message and await access.first_time("group", place.chat_id, update.update_id, DAY):
            await self.context.reply(update, "group_not_allowed")
        return False

    async def _has_group_access(self, user: User, role: Role, place: Place) -> bool:
        """Return True if a person may talk to the bot in a group."""
        access = self.context.access
        if not await access.group_allowed(place.chat_id):
            return False
        if role is not Role.STRANGER:
            return True
        everyone = self.context.settings.telegram_groups is GroupPolicy.EVERYONE
        return everyone and not await access.is_denied(user.id)

    async def _is_too_fast(self, update: Update, user: User) -> bool:
        """Return True for a stranger's update above the rate limit.

        Raises:
            NotDelivered: anybody else's is above it; it waits for its turn, and its lane with it.
        """
        message = update.message or update.edited_message
        if message is not None and command(message, self.context.me) == "/stop":
            return False
        context, sent = self.context, (message.edit_date or message.date).timestamp() if message else None
        what = (message and message.media_group_id) or update.update_id
        seconds = await context.access.seconds_to_wait(user.id, what, sent=sent)
        if not seconds:
            return False
        trusted = await context.trusts(update)
        if not trusted and update.callback_query is not None:
            await context.toast(update, context.say(update)("too_fast", seconds=seconds))
        elif message and await context.access.first_time("fast", user.id, update.update_id, HOUR):
            if trusted:
                await (await context.answer(update, message)).announce_delay(context.say(update)("too_many"))
            else:
                await context.reply(update, "too_fast", seconds=seconds)
        if trusted:
            raise NotDelivered("Somebody writes faster than `telegram_rate` allows.", seconds)
        return True


def is_from_person(update: Update) -> bool:
    """Return True if a person sent the update in their own name, and the bot handles its kind.

    False for bots, channels, anonymous admins and customers of a business account.
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
    """Return the command for this bot, such as "/allow"; empty for none.

    Forwarded messages and messages sent via another bot contain no commands.
    """
    name, _, bot = _first_word(message).lower().partition("@")
    return "" if is_foreign(message) or bot not in ("", (me.username or "").lower()) else name


def is_for_bot(message: Message, me: User) -> bool:
    """Return True if a message is for the bot, as all are in a private chat."""
    return place_of(message).private or is_addressed(message, me)


def is_addressed(message: Message, me: User) -> bool:
    """Return True if a group message is for the bot: a command, a mention or a reply."""
    if command(message, me):
        return True
    if _first_word(message):
        return False
    return _is_reply(message, me) or (not is_foreign(message) and _mentions(message, me))


def _first_word(message: Message) -> str:
    """Return the message's first word if it starts with a slash."""
    text = message.text or ""
    return text.split(maxsplit=1)[0] if text.startswith("/") else ""


def is_slash(message: Message) -> bool:
    """Return True if a message begins like a command, for this bot or another one."""
    return not is_foreign(message) and bool(_first_word(message))


def is_foreign(message: Message) -> bool:
    """Return True if a message holds the words of somebody else than its sender."""
    return message.forward_origin is not None or message.via_bot is not None


def _is_reply(message: Message, me: User) -> bool:
    replied = message.reply_to_message
    return replied is not None and replied.from_user is not None and replied.from_user.id == me.id


def _mentions(message: Message, me: User) -> bool:
    found = message.parse_entities(_ENTITIES) | message.parse_caption_entities(_ENTITIES)
    name = f"@{me.username or ''}".lower()
    return any(
        text.lower() == name or (entity.user is not None and entity.user.id == me.id)
        for entity, text in found.items()
    )
