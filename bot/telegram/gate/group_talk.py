"""Group talk: what people in a group say to each other, archived where an admin switched that on."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from telegram import Message, Update, User

from bot.telegram.bot_context import BotContext
from bot.telegram.inbox.lanes import NotDelivered
from bot.telegram.media.incoming import Incoming, plain_name
from bot.telegram.place import place_of
from bot.telegram.turn_records import TurnRecord
from memory.models import EDIT_OF, Episode
from memory.provenance import Carrier, Part


@dataclass(frozen=True, slots=True)
class GroupTalk:
    """Archives messages that are not for the bot; it answers none of them."""

    context: BotContext

    async def hear(self, update: Update, message: Message, user: User) -> None:
        """Archive a message as its writer's words; an edit supersedes the earlier version. Safe to repeat.

        Raises:
            NotDelivered: the person writes faster than the rate limit; the message waits for its turn.
        """
        chat_id, access = message.chat.id, self.context.access
        if not await access.listens(chat_id) or not await access.group_allowed(chat_id):
            return
        parts = tuple(overheard(self.context.read(message), user))
        if not parts or await access.is_denied(user.id):
            return
        if await self._is_too_fast(update, message, user):
            return
        earlier = await self._earlier(message, update.update_id)
        await self._archive(update, message, parts, earlier)
        await self._record(update, message, user)

    async def _is_too_fast(self, update: Update, message: Message, user: User) -> bool:
        """Return True for a stranger's talk above the rate limit, which counts talk apart from questions.

        Raises:
            NotDelivered: anybody else's is above it; it waits for its turn, and the group's lane with it.
        """
        sent, what = message.edit_date or message.date, message.media_group_id or update.update_id
        seconds = await self.context.access.seconds_to_wait(f"talk:{user.id}", what, sent=sent.timestamp())
        if seconds and await self.context.trusts(update):
            raise NotDelivered("Somebody in a group writes faster than `telegram_rate` allows.", seconds)
        return bool(seconds)

    async def _earlier(self, message: Message, update_id: int) -> TurnRecord:
        """Return the turn of the earlier version of an edited message; an empty one without any."""
        records = self.context.records
        before = await records.update_of_question(message.chat.id, message.message_id)
        return await records.latest_turn(before) if before not in {None, update_id} else TurnRecord()

    async def _archive(
        self, update: Update, message: Message, parts: tuple[Part, ...], earlier: TurnRecord
    ) -> None:
        context, place = self.context, place_of(message)
        owner, layers = await context.owner(place), context.agent.layers
        if earlier.turn_id:
            await context.agent.removal.supersede(earlier.turn_id, owner=earlier.owner)
        episode = Episode(
            turn_id=context.turn_id(update.update_id),
            owner=owner,
            thread=await context.thread(place),
            message="",
            reply="",
            parts=parts,
            at=message.edit_date or message.date,
            tags=(f"{EDIT_OF}{earlier.turn_id}",) if earlier.turn_id else (),
        )
        await layers.episodes.append(episode)
        await layers.cache.drop(owner=owner)
        layers.episodes.index_soon(owner=owner)

    async def _record(self, update: Update, message: Message, user: User) -> None:
        """Record where the message is, for edits, /forget in reply, and links."""
        context, update_id = self.context, update.update_id
        await context.records.describe(
            update_id,
            turn_id=context.turn_id(update_id),
            owner=await context.owner(place_of(message)),
            decisions="",
            link=message.link or "",
            asker=user.id,
        )
        await context.records.note_question(message.chat.id, message.message_id, update_id)


def overheard(incoming: Incoming, user: User) -> Iterator[Part]:
    """Yield a message's own and forwarded words, each with who said it; nothing of a private one."""
    if incoming.private:
        return
    name = plain_name(user.full_name) or "somebody"
    if incoming.text.strip():
        yield Part(text=incoming.text, carrier=Carrier.GROUP, source=name)
    for part in incoming.parts:
        if part.carrier is not Carrier.QUOTED:
            yield replace(part, source=", ".join(filter(None, (part.source, f"sent by {name}"))))
