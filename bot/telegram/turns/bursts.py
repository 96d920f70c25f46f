"""Bursts: messages of one person that belong together and get one answer.

These are the rest of an album or of a text that the app split, forwards right after a comment, and what was
written while the turn before was running. The lane binds them to the first one, so that every attempt has the
same messages, and all of them leave the lane at once.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from telegram import Message, Update

from bot.telegram.bot_context import BotContext
from bot.telegram.gate.gate import is_for_bot, is_foreign, is_from_person, is_slash
from bot.telegram.inbox.lanes import HOLDER, Claim, UnreadableUpdate
from bot.telegram.media.incoming import Incoming
from bot.telegram.outbox.message_format import utf16_length

MOST_BEHIND = 20
"""Maximum number of waiting updates that may join a message."""
SPLIT_LENGTH = 4000
"""UTF-16 units; apps split a text at 4096, or at the last gap between words before."""
REST_SECONDS = 0.7
"""Pause for the rest of an album, of a split text or of several forwards."""
COMMENT_SECONDS = 0.25
"""Pause for a forward after a short text: apps send the comment first, and the forward in the same moment."""
_COMMENT_LENGTH = 300
_MOMENT = 3.0
"""Seconds within which an app sends what belongs together; Telegram's times are whole seconds."""
_THOUGHT = 5 * 60.0
"""Longest gap in seconds between messages that are answered together; after an outage, hours may wait."""


@dataclass(frozen=True, slots=True)
class WaitingMessage:
    """A message that waits in the lane."""

    raw: bytes
    update: Update
    message: Message


@dataclass(frozen=True, slots=True)
class Bursts:
    """Gathers what is answered together."""

    context: BotContext

    async def gather(self, update: Update, message: Message) -> list[Message]:
        """Return the messages to answer together, in order; those behind the first are bound to it.

        For an edited message, these are the messages of the turn that it replaces.
        """
        if update.edited_message is not None:
            return await self._of_edit(message)
        claim = HOLDER.get()
        if claim is None:
            return [message]
        bound, raws = await self.context.lanes.behind(claim, MOST_BEHIND)
        if bound is None:
            members = await self._choose(update, message, claim, raws)
            await self.context.lanes.bind(claim, [one.update.update_id for one in members])
        else:
            members = [one for one in self._read(raws) if one.update.update_id in bound]
        claim.bound = [one.raw for one in members]
        return [message, *(one.message for one in members)]

    async def _of_edit(self, edited: Message) -> list[Message]:
        context = self.context
        asked_by = await context.records.update_of_question(edited.chat.id, edited.message_id)
        dumped = (await context.records.turn(asked_by)).burst
        burst = [Message.de_json(one, context.bot) for one in json.loads(dumped)] if dumped else [edited]
        return [edited if one.message_id == edited.message_id else one for one in burst]

    async def _choose(
        self, update: Update, message: Message, claim: Claim, raws: Sequence[bytes]
    ) -> list[WaitingMessage]:
        """Choose what belongs to the first message, waiting while more may come."""
        members = await self._members(update, message, raws)
        while pause := pause_after(members[-1].message if members else message):
            await asyncio.sleep(pause)
            _, raws = await self.context.lanes.behind(claim, MOST_BEHIND)
            more = await self._members(update, message, raws)
            if len(more) == len(members):
                break
            members = more
        return members

    async def _members(self, update: Update, first: Message, raws: Sequence[bytes]) -> list[WaitingMessage]:
        """Return the messages that belong to the first, in order.

        A message that continues the one before it always does. Others do until one of the person's messages,
        or somebody else's to the bot, is to be answered separately.
        """
        members: list[WaitingMessage] = []
        last, alone = first, not self._stands_open(first)
        for one in self._read(raws):
            if not _same_person(one.update, update):
                alone = alone or is_for_bot(one.message, self.context.me)
            elif one.update.message is None or is_slash(one.message):
                break
            elif continues(last, one.message):
                alone = alone or not self._stands_open(one.message)
                last = one.message
                members.append(one)
            elif alone or not await self._joins(last, one):
                alone = True
            else:
                last = one.message
                members.append(one)
        return members

    def _read(self, raws: Sequence[bytes]) -> list[WaitingMessage]:
        """Parse the waiting updates; skip those that are no person's message."""
        found = []
        for raw in raws:
            try:
                update = self.context.parse(raw)
            except UnreadableUpdate:
                continue
            if update.effective_message is not None and is_from_person(update):
                found.append(WaitingMessage(raw, update, update.effective_message))
        return found

    async def _joins(self, last: Message, one: WaitingMessage) -> bool:
        """Return True if a message that continues nothing may join the last one; it counts for the rate."""
        user = one.update.effective_user
        near = (one.message.date - last.date).total_seconds() <= _THOUGHT
        if (
            user is None
            or not near
            or not is_for_bot(one.message, self.context.me)
            or not self._stands_open(one.message)
        ):
            return False
        sent = one.message.date.timestamp()
        return not await self.context.access.seconds_to_wait(user.id, one.update.update_id, sent=sent)

    def _stands_open(self, message: Message) -> bool:
        """Return True if other messages may join this one: not if it is private or has a file to refuse."""
        incoming = self.context.read(message)
        return not (incoming.private or incoming.attachments or incoming.is_empty)


def pause_after(message: Message) -> float:
    """Return how long to wait for what may continue a message, in seconds; 0 if nothing can."""
    if message.media_group_id or message.forward_origin or is_split(message):
        return REST_SECONDS
    text = message.text or ""
    fresh = time.time() - message.date.timestamp() <= _MOMENT
    comment = 0 < len(text) <= _COMMENT_LENGTH and not message.reply_to_message and not is_foreign(message)
    return COMMENT_SECONDS if fresh and comment else 0.0


def continues(last: Message, message: Message) -> bool:
    """Return True if a message continues the one before it, as apps send them in one moment."""
    if last.media_group_id is not None and last.media_group_id == message.media_group_id:
        return True
    if not 0 <= (message.date - last.date).total_seconds() <= _MOMENT:
        return False
    return message.forward_origin is not None or (
        is_split(last) and bool(message.text) and not is_foreign(message)
    )


def is_split(message: Message) -> bool:
    """Return True if a text is so long that the app may have split it."""
    return not is_foreign(message) and utf16_length(message.text or "") >= SPLIT_LENGTH


def _same_person(one: Update, other: Update) -> bool:
    users = one.effective_user, other.effective_user
    return None not in users and users[0] == users[1]


def merge_messages(parts: Sequence[Incoming]) -> Incoming:
    """Merge several messages into one; it is private if one of them is."""
    return Incoming(
        "\n".join(part.text for part in parts if part.text),
        tuple(dict.fromkeys(part for one in parts for part in one.parts)),
        tuple(file for part in parts for file in part.attachments),
        private=any(part.private for part in parts),
    )


def dump_messages(messages: Sequence[Message]) -> str:
    """Serialise messages, for later edits of one of them."""
    return json.dumps([message.to_dict() for message in messages])
