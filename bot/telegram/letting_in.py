"""Commands of those who run the bot: /allow and /deny."""

from dataclasses import dataclass

from telegram import Message, Update

from bot.telegram.access import Role
from bot.telegram.desk import Desk, command_text
from bot.telegram.gate import Context, Handler
from bot.telegram.place import place_of


@dataclass(frozen=True, slots=True)
class LettingIn:
    """Let people and groups talk to the bot, or not."""

    desk: Desk

    def commands(self) -> dict[str, Handler]:
        """Return what each command does."""
        return {"allow": self.allow, "deny": self.deny}

    async def allow(self, update: Update, _: Context) -> None:
        """Let in the person whose id is given or who is replied to, or else this group."""
        if not await self._is_admin(update):
            return
        person, group = _whom(update)
        access = self.desk.access
        if person:
            new = await access.allow(person)
            await self._say(update, "person_allowed" if new else "already_allowed", person)
        elif group:
            new = await access.allow_group(group)
            await self.desk.reply(update, "group_allowed" if new else "already_allowed")
        else:
            await self.desk.reply(update, "allow_usage")

    async def deny(self, update: Update, _: Context) -> None:
        """Shut out the person whose id is given or who is replied to, or else this group."""
        if not await self._is_admin(update):
            return
        person, group = _whom(update)
        access = self.desk.access
        if person in access.admins:
            await self.desk.reply(update, "cannot_deny_admin")
        elif person:
            there = await access.deny(person)
            await self._say(update, "person_denied" if there else "not_allowed_anyway", person)
        elif group:
            there = await access.deny_group(group)
            await self.desk.reply(update, "group_denied" if there else "not_allowed_anyway")
        else:
            await self.desk.reply(update, "deny_usage")

    async def _is_admin(self, update: Update) -> bool:
        user = update.effective_user
        if user is not None and await self.desk.access.role(user.id) is Role.ADMIN:
            return True
        await self.desk.reply(update, "admins_only")
        return False

    async def _say(self, update: Update, key: str, person: int) -> None:
        values = {"id": person} if key.startswith("person") else {}
        await self.desk.reply(update, key, **values)


def _whom(update: Update) -> tuple[int, int]:
    """Return the id of the person that is meant, or else that of the group; 0 where there is none."""
    message = update.effective_message
    if not isinstance(message, Message):
        return 0, 0
    given, replied = command_text(message), message.reply_to_message
    if given:
        return (int(given) if given.isdecimal() else 0), 0
    if replied is not None and replied.from_user is not None and not replied.from_user.is_bot:
        return replied.from_user.id, 0
    place = place_of(message)
    return 0, 0 if place.private else place.chat_id
