"""Dependencies of the bot's handlers."""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from telegram import Bot, InlineKeyboardMarkup, Message, Update, User
from telegram.error import BadRequest, TelegramError

from bot.media.media_reader import MediaReader
from bot.printable import Say
from bot.telegram.access.access import Access, Role
from bot.telegram.inbox.lanes import Lanes, UnreadableUpdate
from bot.telegram.media.incoming import Incoming, read_message
from bot.telegram.outbox.courier import Courier, Undeliverable
from bot.telegram.outbox.message_format import preview
from bot.telegram.outbox.outbox import Answer, Outbox
from bot.telegram.place import Place, place_of
from bot.telegram.texts import Texts
from bot.telegram.turn_records import BotKeys, TurnRecords
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from graph.settings.telegram_settings import GroupPolicy
from graph.state.circumstances import thread_id
from memory.models import Episode
from memory.working.redis_connection import translate_errors

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BotContext:
    """The agent and the bot's services, given to every handler."""

    agent: Agent
    settings: Settings
    me: User
    bot: Bot
    keys: BotKeys
    lanes: Lanes
    records: TurnRecords
    access: Access
    courier: Courier
    outbox: Outbox
    texts: Texts
    media: MediaReader
    failures: dict[int, Exception] = field(default_factory=dict)
    """Exceptions raised by handlers, by update id."""
    began: float = field(default_factory=time.monotonic)

    def parse(self, raw: bytes) -> Update:
        """Parse a stored update.

        Raises:
            UnreadableUpdate: it is not an update as Telegram sends them.
        """
        try:
            return Update.de_json(json.loads(raw), self.bot)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            reason = f"not an update as Telegram makes them: {type(error).__name__}: {error}"
            raise UnreadableUpdate(reason) from error

    def say(self, update: Update) -> Say:
        """Return a function that renders texts in the sender's language."""
        user = update.effective_user
        return partial(self.texts, user.language_code if user else None)

    async def owner(self, place: Place) -> str:
        """Return the owner of a chat's memory; a group keeps its owner when its id changes."""
        if place.private and place.chat_id == self.settings.telegram_me:
            return self.settings.owner
        if place.private:
            return f"telegram-{place.chat_id}"
        return f"telegram-group-{abs(await self.access.first_id(place.chat_id))}"

    async def owner_of(self, update: Update) -> str:
        """Return the owner of the memory of an update's chat."""
        return await self.owner(place_of(command_message(update)))

    async def thread(self, place: Place) -> str:
        """Return the chat's current thread."""
        epoch = await self.records.epoch(place.lane)
        return thread_id("telegram", str(self.me.id), place.lane, str(epoch))

    def turn_id(self, update_id: int) -> str:
        """Return the id of the turn that an update starts."""
        return f"telegram-{self.me.id}-{update_id}"

    @property
    def box(self) -> str:
        """Name the box of this bot's notices and reminders."""
        return f"telegram:{self.me.id}"

    async def last_turn_id(self, place: Place) -> str:
        """Return the id of the chat's last turn; empty without one.

        Forgetting a turn deletes its thread's checkpoints; the conversation then still has the last turn.
        """
        thread, owner = await self.thread(place), await self.owner(place)
        state = await self.agent.last_turn(thread)
        if state is not None:
            return state["turn"].turn_id
        conversations = self.agent.layers.conversations
        turns = await conversations.window(owner=owner, thread=thread, max_tokens=0)
        return turns[-1].turn_id if turns else ""

    async def episode(self, turn_id: str, owner: str) -> Episode | None:
        """Return an archived turn of an owner."""
        found = await self.agent.layers.episodes.get([turn_id], owner=owner)
        return found[0] if found else None

    def read(self, message: Message) -> Incoming:
        return read_message(message, self.me.id, self.me.username or "")

    async def answer(self, update: Update, message: Message) -> Answer:
        """Open the answer to a message."""
        return await self.outbox.answer(place_of(message), update.update_id, message.message_id)

    async def reply(self, update: Update, key: str, /, **values: object) -> None:
        """Answer the update's message with one of the bot's texts."""
        await self.send(update, self.say(update)(key, **values))

    async def send(self, update: Update, markdown: str, buttons: InlineKeyboardMarkup | None = None) -> None:
        """Answer the update's message, if it has one."""
        if update.effective_message is not None:
            await (await self.answer(update, update.effective_message)).finish(markdown, buttons)

    async def close(self, message: Message, text: str) -> None:
        """Replace an answered question and its buttons by its outcome; a refusal by Telegram is logged."""
        piece = preview(text)
        edit = partial(self.bot.edit_message_text, piece.text, message.chat.id, message.message_id)
        try:
            await self.courier.deliver(message.chat.id, partial(edit, entities=piece.entities))
        except (BadRequest, Undeliverable) as error:
            logger.info("A question was not closed: %s", error)

    @translate_errors()
    async def store(self, *names: str | int, value: Mapping[str, Any], seconds: int) -> None:
        """Store a value under the key of these names for a time."""
        await (await self.lanes.client()).set(self.keys(*names), json.dumps(value), ex=seconds)

    @translate_errors()
    async def stored(self, *names: str | int) -> dict[str, Any] | None:
        """Return the value stored under the key of these names; None if it is gone."""
        found = await (await self.lanes.client()).get(self.keys(*names))
        return None if found is None else cast("dict[str, Any]", json.loads(found))

    async def trusts(self, update: Update) -> bool:
        """Return True if the sender may export and delete data; in an open group, only allowed people may."""
        user = update.effective_user
        return user is not None and await self.access.role(user.id) is not Role.STRANGER

    async def may_send(self, place: Place) -> bool:
        """Return True if the bot may write to a chat by itself."""
        if place.private:
            return await self.access.role(place.chat_id) is not Role.STRANGER
        is_on = self.settings.telegram_groups is not GroupPolicy.OFF
        return is_on and await self.access.group_allowed(place.chat_id)

    async def sees_details(self, place: Place) -> bool:
        """Return True for the private chat of an admin: nobody else sees names of hosts and settings."""
        is_owner = place.chat_id == self.settings.telegram_me
        return place.private and (is_owner or await self.access.role(place.chat_id) is Role.ADMIN)

    async def toast(self, update: Update, text: str, *, alert: bool = False) -> None:
        """Answer a button press, in a window if `alert`; one too old to be answered is ignored."""
        query = update.callback_query
        if query is not None:
            try:
                await self.bot.answer_callback_query(query.id, text[:200], show_alert=alert and bool(text))
            except TelegramError:
                return


def command_message(update: Update) -> Message:
    if update.effective_message is None:
        raise TypeError("a command has a message")
    return update.effective_message


def command_text(message: Message) -> str:
    """Return the text after a command."""
    parts = (message.text or "").split(maxsplit=1)
    return parts[1].strip() if len(parts) > 1 else ""
