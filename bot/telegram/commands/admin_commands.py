"""Admin commands: /allow, /deny and /listen."""

from dataclasses import dataclass

from telegram import Message, Update

from bot.telegram.access.access import Role
from bot.telegram.bot_context import BotContext, command_text
from bot.telegram.gate.gate import Handler, HandlerContext, command
from bot.telegram.place import place_of

_SWITCH = {"on": True, "off": False, "pornit": True, "oprit": False}
_LONGEST_ID = 16
"""Digits; Telegram's ids have at most 52 bits."""


@dataclass(frozen=True, slots=True)
class AdminCommands:
    """Allow and deny people and groups, and say where group talk is remembered."""

    context: BotContext

    def commands(self) -> dict[str, Handler]:
        return {"allow": self.allow, "deny": self.deny, "listen": self.listen}

    async def allow(self, update: Update, _: HandlerContext) -> None:
        """Allow the person given by id or reply, else this group."""
        message = await self._admin_message(update)
        if message is None:
            return
        access, (person, group) = self.context.access, self._subject(message)
        if person:
            new = await access.allow(person, update_id=update.update_id)
            await self.context.reply(update, "person_allowed" if new else "already_allowed", id=person)
        elif group:
            new = await access.allow_group(group, update_id=update.update_id)
            await self.context.reply(update, "group_allowed" if new else "already_allowed")
        else:
            await self.context.reply(update, "allow_usage")

    async def deny(self, update: Update, _: HandlerContext) -> None:
        """Deny the person given by id or reply, else this group."""
        message = await self._admin_message(update)
        if message is None:
            return
        access, (person, group) = self.context.access, self._subject(message)
        if person in access.admins:
            await self.context.reply(update, "cannot_deny_admin")
        elif person:
            there = await access.deny(person, update_id=update.update_id)
            await self.context.reply(update, "person_denied" if there else "not_allowed_anyway", id=person)
        elif group:
            there = await access.deny_group(group, update_id=update.update_id)
            await self.context.reply(update, "group_denied" if there else "not_allowed_anyway")
        else:
            await self.context.reply(update, "deny_usage")

    async def listen(self, update: Update, _: HandlerContext) -> None:
        """Switch the remembering of what people in this group say to each other on or off."""
        message = await self._admin_message(update)
        if message is None:
            return
        access, chat_id, given = self.context.access, message.chat.id, command_text(message).lower()
        if place_of(message).private or given not in _SWITCH:
            await self.context.reply(update, "listen_usage")
        elif not await access.group_allowed(chat_id):
            await self.context.reply(update, "group_not_allowed")
        elif _SWITCH[given]:
            await access.listen(chat_id, on=True, update_id=update.update_id)
            sees_all = self.context.me.can_read_all_group_messages
            await self.context.reply(update, "listen_on" if sees_all else "listen_on_blind")
        else:
            there = await access.listen(chat_id, on=False, update_id=update.update_id)
            await self.context.reply(update, "listen_off" if there else "listen_off_anyway")

    async def _admin_message(self, update: Update) -> Message | None:
        """Return the command's message if an admin sent it; tell anybody else that only admins may."""
        message, user = update.message, update.effective_user
        if message is None or user is None or not command(message, self.context.me):
            return None
        if await self.context.access.role(user.id) is Role.ADMIN:
            return message
        await self.context.reply(update, "admins_only")
        return None

    def _subject(self, message: Message) -> tuple[int, int]:
        """Return (person id, 0) or (0, group id); (0, 0) if neither is given."""
        if given := command_text(message):
            return (int(given) if given.isdecimal() and len(given) <= _LONGEST_ID else 0), 0
        place, replied = place_of(message), message.reply_to_message
        if place.private:
            return 0, 0
        if replied is None or replied.forum_topic_created or self._is_own(replied):
            return 0, place.chat_id
        user = replied.from_user
        return (user.id if user and not user.is_bot and not replied.sender_chat else 0), 0

    def _is_own(self, message: Message) -> bool:
        return message.from_user is not None and message.from_user.id == self.context.me.id
