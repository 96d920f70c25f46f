"""Commands of those who run the bot: /allow and /deny."""

from dataclasses import dataclass

from telegram import Message, Update

from bot.telegram.access.access import Role
from bot.telegram.bot_context import BotContext, command_text
from bot.telegram.gate.gate import Context, Handler, command
from bot.telegram.place import place_of

_LONGEST_ID = 16
"""Digits; Telegram's ids have at most 52 bits."""


@dataclass(frozen=True, slots=True)
class AdminCommands:
    """Let people and groups talk to the bot, or not."""

    desk: BotContext

    def commands(self) -> dict[str, Handler]:
        """Return what each command does."""
        return {"allow": self.allow, "deny": self.deny}

    async def allow(self, update: Update, _: Context) -> None:
        """Let in the person whose id is given or who is replied to, or else this group."""
        message = await self._ordered(update)
        if message is None:
            return
        access, (person, group) = self.desk.access, self._whom(message)
        if person:
            new = await access.allow(person, update_id=update.update_id)
            await self._say(update, "person_allowed" if new else "already_allowed", person)
        elif group:
            new = await access.allow_group(group, update_id=update.update_id)
            await self.desk.reply(update, "group_allowed" if new else "already_allowed")
        else:
            await self.desk.reply(update, "allow_usage")

    async def deny(self, update: Update, _: Context) -> None:
        """Shut out the person whose id is given or who is replied to, or else this group."""
        message = await self._ordered(update)
        if message is None:
            return
        access, (person, group) = self.desk.access, self._whom(message)
        if person in access.admins:
            await self.desk.reply(update, "cannot_deny_admin")
        elif person:
            there = await access.deny(person, update_id=update.update_id)
            await self._say(update, "person_denied" if there else "not_allowed_anyway", person)
        elif group:
            there = await access.deny_group(group, update_id=update.update_id)
            await self.desk.reply(update, "group_denied" if there else "not_allowed_anyway")
        else:
            await self.desk.reply(update, "deny_usage")

    async def _ordered(self, update: Update) -> Message | None:
        """Return the message of somebody who runs the bot, and who wrote it; tell others that they do not."""
        message, user = update.message, update.effective_user
        if message is None or user is None or not command(message, self.desk.me):
            return None
        if await self.desk.access.role(user.id) is Role.ADMIN:
            return message
        await self.desk.reply(update, "admins_only")
        return None

    async def _say(self, update: Update, key: str, person: int) -> None:
        values = {"id": person} if key.startswith("person") else {}
        await self.desk.reply(update, key, **values)

    def _whom(self, message: Message) -> tuple[int, int]:
        """Return the id of the person that is meant, or else that of the group; 0 where there is none."""
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
        return message.from_user is not None and message.from_user.id == self.desk.me.id
