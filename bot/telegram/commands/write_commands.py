"""Commands that change or export data: /remember, /new, /private, /retry, /export, /forget."""

import asyncio
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from telegram import Message, Update

from bot.exports.owner_export import Manifest, export_owner
from bot.printable import Say
from bot.reminder_desk import ReminderDesk
from bot.telegram.bot_context import BotContext, command_message, command_text
from bot.telegram.commands.forget_command import ForgetCommand
from bot.telegram.gate.gate import Handler, HandlerContext
from bot.telegram.outbox.message_format import Upload, preview
from bot.telegram.outbox.outbox import Answer
from bot.telegram.place import place_of
from bot.telegram.texts import escape, inline_code
from bot.telegram.turn_records import TurnRecord
from bot.telegram.turns.turn_handler import TurnHandler
from bot.telegram.turns.turn_request import TurnRequest
from graph.settings.settings import exports_folder
from memory.errors import FactsFull, MemoryTierError
from memory.models import Episode
from memory.permanent.permanent_records import LONGEST_KEY
from memory.reminders.reminder_request import read_requests
from memory.text.text import clean

LARGEST_UPLOAD = 50 * 1000 * 1000
"""Bytes; the Bot API's limit for uploads."""


@dataclass(frozen=True, slots=True)
class RetryCommand:
    context: BotContext
    turns: TurnHandler

    async def __call__(self, update: Update, _: HandlerContext) -> None:
        """Answer the last message anew; the former answer is superseded."""
        answer = await self.context.answer(update, command_message(update))
        if answer.sent:
            return
        try:
            await self._run(update, answer)
        except MemoryTierError:
            await answer.announce_delay(self.context.say(update)("memory_trouble"))
            raise

    async def _run(self, update: Update, answer: Answer) -> None:
        message, context = command_message(update), self.context
        owner = await context.owner(place_of(message))
        turn_id = await self._last_turn(update)
        episode = await context.episode(turn_id, owner) if turn_id else None
        if episode is None:
            await answer.finish(context.say(update)("why_none"))
            return
        earlier = TurnRecord(turn_id=turn_id, owner=owner)
        if await self._only_asks_for_reminders(episode):
            await answer.finish(episode.reply)
            return
        request = TurnRequest(episode.message, episode.parts, private=False, earlier=earlier, said_now="")
        await self.turns.run(update, [message], request, answer)

    async def _only_asks_for_reminders(self, episode: Episode) -> bool:
        """Return True if the message asks for reminders alone, which keep their times in a retry."""
        zone = await ReminderDesk(self.context.agent.layers).zone(episode.owner)
        requests = read_requests(episode.message, now=episode.at, zone=zone)
        return bool(requests) and requests[0].is_whole

    async def _last_turn(self, update: Update) -> str:
        """Return the id of the turn to run again, the same for each attempt of an update."""
        context, update_id = self.context, update.update_id
        if earlier := (await context.records.turn(update_id)).earlier:
            return earlier
        turn_id = await context.last_turn_id(place_of(command_message(update)))
        if (number := turn_id.removeprefix(context.turn_id(0).removesuffix("0"))).isdecimal():
            await context.records.note_retry(update_id, turn_id, int(number))
        return turn_id


@dataclass(frozen=True, slots=True)
class ExportCommand:
    context: BotContext

    async def __call__(self, update: Update, _: HandlerContext) -> None:
        """Send all data of the owner as `goat export` writes it; `goat import` reads it."""
        message, say = command_message(update), self.context.say(update)
        answer = await self.context.answer(update, message)
        if answer.sent:
            return
        if not await self.context.trusts(update):
            await answer.finish(say("access_only"))
            return
        owner = await self.context.owner(place_of(message))
        manifest, packed = await self._export(owner)
        if manifest.is_empty:
            await answer.finish(say("export_empty"))
        elif len(packed) > LARGEST_UPLOAD:
            await answer.finish(say("export_too_large"))
        else:
            facts = len(await self.context.agent.layers.permanent.facts(owner=owner))
            caption = preview(say("export_caption", turns=manifest.lines("turns"), facts=facts))
            name = f"goat-{datetime.now(UTC):%Y-%m-%d}.zip"
            await answer.finish(
                "", upload=Upload(packed, name, say("file_refused", name=inline_code(name)), caption)
            )

    async def _export(self, owner: str) -> tuple[Manifest, bytes]:
        """Export the owner; without vectors if that would be too large to send."""
        layers = self.context.agent.layers
        exports = exports_folder(layers.settings, owner)  # an erasure deletes it
        await asyncio.to_thread(exports.mkdir, mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=exports) as folder:
            path = Path(folder) / "whole.zip"
            manifest = await export_owner(layers, owner, path)
            if (await asyncio.to_thread(path.stat)).st_size > LARGEST_UPLOAD:
                path = Path(folder) / "small.zip"
                manifest = await export_owner(layers, owner, path, vectors=False)
            return manifest, await asyncio.to_thread(_start, path)


def _start(path: Path) -> bytes:
    """Read at most one byte more of a file than Telegram takes."""
    with path.open("rb") as file:
        return file.read(LARGEST_UPLOAD + 1)


@dataclass(frozen=True, slots=True)
class WriteCommands:
    """Store, export and delete an owner's data."""

    context: BotContext
    turns: TurnHandler

    def commands(self) -> dict[str, Handler]:
        return {
            "remember": self.remember,
            "new": self.new,
            "private": self.turns,
            "retry": RetryCommand(self.context, self.turns),
            "export": ExportCommand(self.context),
            "forget": ForgetCommand(self.context),
        }

    async def remember(self, update: Update, _: HandlerContext) -> None:
        message, say = command_message(update), self.context.say(update)
        answer = await self.context.answer(update, message)
        if answer.sent:
            return
        key, _colon, value = (part.strip() for part in clean(command_text(message)).partition(":"))
        if not (key and value):
            await answer.finish(say("remember_usage"))
        elif len(key) > LONGEST_KEY:
            await answer.finish(say("remember_long_key", most=LONGEST_KEY))
        else:
            await answer.finish(await self._store_fact(key, value, message, say))

    async def _store_fact(self, key: str, value: str, message: Message, say: Say) -> str:
        permanent, owner = self.context.agent.layers.permanent, await self.context.owner(place_of(message))
        try:
            await permanent.upsert(key, value, owner=owner, at=message.date)
        except FactsFull as error:
            return say("facts_full", reason=escape(error.detail))
        return say("remembered", key=inline_code(key))

    async def new(self, update: Update, _: HandlerContext) -> None:
        """Start a new thread and abandon what is pending in the current one."""
        place = place_of(command_message(update))
        await self.context.agent.leave(
            await self.context.thread(place), owner=await self.context.owner(place)
        )
        await self.context.records.new_epoch(place.lane, update.update_id)
        await self.context.reply(update, "new_thread")
