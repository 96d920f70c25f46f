"""A turn in a chat: shown while it runs, and then answered, or asked about."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from telegram import Message, Update

from bot.screen import attachments
from bot.telegram.answer import Answer, Upload
from bot.telegram.approving import Approving
from bot.telegram.desk import Desk
from bot.telegram.fetching import act
from bot.telegram.place import place_of
from bot.telegram.replying import reply_text
from bot.telegram.streaming import Streaming
from bot.telegram.texts import escaped
from graph.events import Calling, Event, Finished, Piece, Waiting
from graph.state import State

_PICTURES = {".png", ".jpg", ".jpeg", ".webp"}


@dataclass(frozen=True, slots=True)
class Turning:
    """The turn that an update begins, or lets go on."""

    desk: Desk
    update: Update
    message: Message
    answer: Answer

    async def shown(self, events: AsyncIterator[Event]) -> State | Waiting:
        """Show the reply while it is written; return the finished turn, or what it waits for."""
        ended: State | Waiting | None = None
        say = self.desk.say(self.update)
        async with Streaming(self.answer, partial(act, self.desk.bot, self.message)) as streaming:
            async for event in events:
                match event:
                    case Piece():
                        streaming.add(event.text)
                    case Calling():
                        streaming.note(say("tool_calling", tools=escaped(", ".join(event.tools))))
                    case Waiting():
                        ended = event
                    case Finished():
                        ended = event.state
        if ended is None:
            raise RuntimeError("The turn ended without a state.")
        return ended

    async def settle(self, ended: State | Waiting, thread: str, *, private: bool = False) -> None:
        """Put into the chat what the turn ended with."""
        if isinstance(ended, Waiting):
            await Approving(self.desk).ask(ended, thread, self.update, self.answer)
            return
        if not private:
            await self._note(ended)
        text = reply_text(ended, self.desk.say(self.update), private=private)
        await self.answer.finish(text, upload=await asyncio.to_thread(upload_of, ended))

    async def _note(self, state: State) -> None:
        decisions = [
            {
                "turn_id": decision.turn_id,
                "kept": decision.kept,
                "rule": decision.rule,
                "score": round(decision.score, 4),
                "threshold": round(decision.threshold, 4),
                "probability": round(decision.probability, 4),
            }
            for decision in state.get("decisions", ())
        ]
        place = place_of(self.message)
        await self.desk.records.describe(
            self.update.update_id,
            turn_id=state["turn"].turn_id,
            owner=state["turn"].owner,
            decisions=json.dumps(decisions),
            link="" if place.private else self.message.link or "",
        )


def upload_of(state: State) -> Upload | None:
    """Read the latest file that the turn's tools made; None when there is none, or not any more."""
    for path in reversed([Path(one) for one in attachments(state)]):
        try:
            return Upload(path.read_bytes(), path.name, photo=path.suffix.lower() in _PICTURES)
        except OSError:
            continue
    return None
