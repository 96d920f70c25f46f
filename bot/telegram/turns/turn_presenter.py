"""A turn in a chat: shown while it runs, and then answered, or asked about."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from telegram import Bot, Message, Update
from telegram.constants import ChatAction
from telegram.error import TelegramError

from bot.telegram.bot_context import BotContext, Say
from bot.telegram.outbox.message_format import with_closed_code
from bot.telegram.outbox.message_markdown import blank, storable
from bot.telegram.outbox.outbox import Answer, Upload
from bot.telegram.place import place_of
from bot.telegram.texts import escaped
from bot.telegram.turns.approval_buttons import ApprovalButtons
from graph.events.turn_events import Event, Finished, Piece, ToolsRequested, Waiting
from graph.model.tool_rounds import attachments
from graph.state.turn_state import State
from memory.models import Outcome
from nodes.respond import EMPTY_ANSWER

_ACTING_SECONDS = 4.5
"""Telegram shows for five seconds that somebody types."""
_DRAFT_SECONDS = 15.0
"""A draft goes away after thirty."""
_STOP_SECONDS = 0.3
_ACT_SECONDS = 5.0
_PICTURES = {".png", ".jpg", ".jpeg", ".webp"}


class ReplyPreview:
    """Shows what is written so far, for the time of the block; never in the way of what comes after it."""

    def __init__(self, answer: Answer, act: Callable[[], Awaitable[None]]) -> None:
        self._answer = answer
        self._act = act
        self._pieces: list[str] = []
        self._notice = False
        self._more = asyncio.Event()
        self._stopping = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._showing = asyncio.create_task(self._show())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop at once, except for a frame that is about to be through."""
        self._stopping.set()
        self._more.set()
        await asyncio.wait({self._showing}, timeout=_STOP_SECONDS)
        self._showing.cancel()
        await asyncio.wait({self._showing})
        if not self._showing.cancelled():
            self._showing.result()

    def add(self, text: str) -> None:
        """Take some more of the reply."""
        if self._notice:
            self._pieces, self._notice = [], False
        self._pieces.append(text)
        self._more.set()

    def note(self, text: str) -> None:
        """Show what is being done, in the place of what was written; the next words take its own."""
        self._pieces, self._notice = [text], True
        self._more.set()

    async def _show(self) -> None:
        await self._before_the_first_word()
        while not self._stopping.is_set():
            self._more.clear()
            await self._answer.frame("".join(self._pieces))
            await self._due()

    async def _before_the_first_word(self) -> None:
        while not self._more.is_set():
            acting = asyncio.ensure_future(self._act())
            await self._within(_ACTING_SECONDS)
            acting.cancel()

    async def _due(self) -> None:
        """Wait until there is more to show, and a frame may be shown again."""
        await self._within(_DRAFT_SECONDS)
        try:
            async with asyncio.timeout(self._answer.until_frame()):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _within(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._more.wait()
        except TimeoutError:
            return


@dataclass(frozen=True, slots=True)
class TurnPresenter:
    """The turn that an update begins, or lets go on."""

    desk: BotContext
    update: Update
    message: Message
    answer: Answer

    async def shown(self, events: AsyncIterator[Event]) -> State | Waiting:
        """Show the reply while it is written; return the finished turn, or what it waits for."""
        ended: State | Waiting | None = None
        say = self.desk.say(self.update)
        async with ReplyPreview(self.answer, partial(act, self.desk.bot, self.message)) as streaming:
            async for event in events:
                match event:
                    case Piece():
                        streaming.add(event.text)
                    case ToolsRequested():
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
            await ApprovalButtons(self.desk).ask(ended, thread, self.update, self.answer)
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


def reply_text(state: State, say: Say, *, private: bool) -> str:
    """Return the reply with what is to be said about it, or why there is nothing to be seen."""
    reply = state["reply"]
    if reply.outcome is Outcome.FAILED or blank(storable(reply.text)):
        problem = escaped(reply.problem or EMPTY_ANSWER)
        return say("private_failed") if private else say("model_trouble", problem=problem)
    parts = [reply.text]
    if reply.problem:
        parts.append(f"_{escaped(f'({reply.problem})')}_")
    if private:
        parts.append(say("private_done"))
    return "\n\n".join([with_closed_code(parts[0]), *parts[1:]]) if len(parts) > 1 else reply.text


async def act(bot: Bot, message: Message) -> None:
    """Show that the bot is at work; what fails is of no account."""
    place = place_of(message)
    with contextlib.suppress(TelegramError):
        await bot.send_chat_action(
            place.chat_id,
            ChatAction.TYPING,
            message_thread_id=place.topic or None,
            read_timeout=_ACT_SECONDS,
        )
