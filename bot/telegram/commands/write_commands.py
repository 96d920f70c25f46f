"""Commands that change or export data: /remember, /new, /private, /export, /forget."""

import asyncio
import io
import json
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime

from telegram import Message, Update

from bot.telegram.bot_context import BotContext, Say, command_message, command_text
from bot.telegram.commands.forget_command import ForgetCommand
from bot.telegram.commands.retry_command import RetryCommand
from bot.telegram.gate.gate import Handler, HandlerContext
from bot.telegram.outbox.message_format import preview
from bot.telegram.outbox.outbox import Upload
from bot.telegram.place import place_of
from bot.telegram.texts import escape, inline_code
from bot.telegram.turns.turn_handler import TurnHandler
from memory.errors import FactsFull
from memory.models import Episode, Fact
from memory.permanent.store_rules import LONGEST_KEY
from memory.provenance import plain
from memory.text.text import clean

LARGEST_UPLOAD = 50 * 1000 * 1000
"""Bytes; the Bot API's limit for uploads."""


@dataclass(frozen=True, slots=True)
class ExportCommand:
    """The /export command."""

    context: BotContext

    async def __call__(self, update: Update, _: HandlerContext) -> None:
        """Send all data of the owner as a ZIP; `goat import` reads the unpacked files."""
        message, say = command_message(update), self.context.say(update)
        answer = await self.context.answer(update, message)
        if answer.sent:
            return
        if not await self.context.trusts(update):
            await answer.finish(say("access_only"))
            return
        turns, facts = await self._contents(await self.context.owner(place_of(message)))
        packed = await asyncio.to_thread(pack, turns, facts)
        if not turns and not facts:
            await answer.finish(say("export_empty"))
        elif len(packed) > LARGEST_UPLOAD:
            await answer.finish(say("export_too_large"))
        else:
            caption = preview(say("export_caption", turns=len(turns), facts=len(facts)))
            name = f"goat-{datetime.now(UTC):%Y-%m-%d}.zip"
            await answer.finish(
                "", upload=Upload(packed, name, say("file_refused", name=inline_code(name)), caption)
            )

    async def _contents(self, owner: str) -> tuple[list[Episode], list[Fact]]:
        layers = self.context.agent.layers
        turns = [episode async for episode in layers.episodes.all(owner=owner)]
        return turns, await layers.permanent.facts(owner=owner)


def pack(turns: list[Episode], facts: list[Fact]) -> bytes:
    """Return a ZIP with turns as JSON lines and facts as JSON."""
    lines = [
        json.dumps(
            {
                "turn_id": turn.turn_id,
                "thread": turn.thread,
                "at": turn.at.isoformat(),
                "message": turn.message,
                "reply": turn.reply,
                "tags": list(turn.tags),
                "speaker": turn.speaker.value,
                "parts": plain(turn.parts),
            },
            ensure_ascii=False,
        )
        for turn in turns
    ]
    noted = [{"key": fact.key, "value": fact.value, "at": fact.at.isoformat()} for fact in facts]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("turns.jsonl", "\n".join(lines))
        archive.writestr("facts.json", json.dumps(noted, ensure_ascii=False, indent=1))
    return packed.getvalue()


@dataclass(frozen=True, slots=True)
class WriteCommands:
    """Store, export and delete an owner's data."""

    context: BotContext
    turns: TurnHandler

    def commands(self) -> dict[str, Handler]:
        """Map command names to handlers."""
        return {
            "remember": self.remember,
            "new": self.new,
            "private": self.private,
            "retry": RetryCommand(self.context, self.turns),
            "export": ExportCommand(self.context),
            "forget": ForgetCommand(self.context),
        }

    async def remember(self, update: Update, _: HandlerContext) -> None:
        """Store a fact."""
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

    async def private(self, update: Update, handler_context: HandlerContext) -> None:
        """Answer without leaving a trace."""
        await self.turns(update, handler_context)
