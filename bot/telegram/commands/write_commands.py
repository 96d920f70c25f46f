"""Commands about what is kept: /remember, /new, /private, /export, and those of `forgetting`."""

import asyncio
import io
import json
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime

from telegram import Message, Update

from bot.telegram.bot_context import BotContext, Say, asked_by, command_text
from bot.telegram.commands.forget_command import FORGET, ForgetCommand
from bot.telegram.gate.gate import Context, Handler
from bot.telegram.outbox.message_format import preview
from bot.telegram.outbox.outbox import Upload
from bot.telegram.place import place_of
from bot.telegram.texts import escaped, verbatim
from bot.telegram.turns.turn_handler import TurnHandler
from memory.errors import FactsFull
from memory.models import Episode, Fact
from memory.permanent.store_rules import LONGEST_KEY
from memory.provenance import plain
from memory.text.text import clean

LARGEST_UPLOAD = 50 * 1000 * 1000
"""Bytes that a bot may send."""
__all__ = ["FORGET", "WriteCommands"]


@dataclass(frozen=True, slots=True)
class ExportCommand:
    """Hand over what is kept."""

    desk: BotContext

    async def __call__(self, update: Update, _: Context) -> None:
        """Send all that is kept of the owner, as a file that `goat import` reads once it is unpacked."""
        message, say = asked_by(update), self.desk.say(update)
        answer = await self.desk.answer(update, message)
        if answer.sent:
            return
        if not await self.desk.trusts(update):
            await answer.finish(say("admins_only"))
            return
        turns, facts = await self._contents(await self.desk.owner(place_of(message)))
        packed = await asyncio.to_thread(pack, turns, facts)
        if not turns and not facts:
            await answer.finish(say("export_empty"))
        elif len(packed) > LARGEST_UPLOAD:
            await answer.finish(say("export_too_large"))
        else:
            caption = preview(say("export_caption", turns=len(turns), facts=len(facts)))
            name = f"goat-{datetime.now(UTC):%Y-%m-%d}.zip"
            await answer.finish("", upload=Upload(packed, name, caption))

    async def _contents(self, owner: str) -> tuple[list[Episode], list[Fact]]:
        layers = self.desk.agent.layers
        turns = [episode async for episode in layers.episodes.all(owner=owner)]
        return turns, await layers.permanent.facts(owner=owner)


def pack(turns: list[Episode], facts: list[Fact]) -> bytes:
    """Return a ZIP of turns, a JSON object a line, and facts."""
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
    """Note, hand over and delete what is kept of an owner."""

    desk: BotContext
    converse: TurnHandler

    def commands(self) -> dict[str, Handler]:
        """Return what each command does."""
        return {
            "remember": self.remember,
            "new": self.new,
            "private": self.private,
            "export": ExportCommand(self.desk),
            "forget": ForgetCommand(self.desk),
        }

    async def decide(self, update: Update, _: Context) -> None:
        """Do what a button under a question of /forget says."""
        await ForgetCommand(self.desk).decide(update)

    async def remember(self, update: Update, _: Context) -> None:
        """Note a fact."""
        message, say = asked_by(update), self.desk.say(update)
        answer = await self.desk.answer(update, message)
        if answer.sent:
            return
        key, _colon, value = (part.strip() for part in clean(command_text(message)).partition(":"))
        if not (key and value):
            await answer.finish(say("remember_usage"))
        elif len(key) > LONGEST_KEY:
            await answer.finish(say("remember_long_key", most=LONGEST_KEY))
        else:
            await answer.finish(await self._noted(key, value, message, say))

    async def _noted(self, key: str, value: str, message: Message, say: Say) -> str:
        permanent, owner = self.desk.agent.layers.permanent, await self.desk.owner(place_of(message))
        try:
            await permanent.upsert(key, value, owner=owner, at=message.date)
        except FactsFull as error:
            return say("facts_full", reason=escaped(error.detail))
        return say("remembered", key=verbatim(key))

    async def new(self, update: Update, _: Context) -> None:
        """Begin a new thread; what waits in the one before is left undone."""
        place = place_of(asked_by(update))
        await self.desk.agent.leave(await self.desk.thread(place), owner=await self.desk.owner(place))
        await self.desk.records.new_epoch(place.lane, update.update_id)
        await self.desk.reply(update, "new_thread")

    async def private(self, update: Update, context: Context) -> None:
        """Answer without leaving a trace."""
        await self.converse(update, context)
