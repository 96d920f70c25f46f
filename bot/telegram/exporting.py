"""/export: all that is kept of an owner, as a file."""

import asyncio
import io
import json
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime

from telegram import Update

from bot.telegram.answer import Upload
from bot.telegram.desk import Desk, asked_by
from bot.telegram.formatting import preview
from bot.telegram.gate import Context
from bot.telegram.place import place_of
from memory.models import Episode, Fact
from memory.provenance import plain

LARGEST_UPLOAD = 50 * 1000 * 1000
"""Bytes that a bot may send."""


@dataclass(frozen=True, slots=True)
class Exporting:
    """Hand over what is kept."""

    desk: Desk

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
