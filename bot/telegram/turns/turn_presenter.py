"""Presentation of a turn in a chat: the reply while it is written, then the answer or a question."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Message, Update
from telegram.constants import ChatAction
from telegram.error import TelegramError

from bot.printable import Say
from bot.telegram.bot_context import BotContext
from bot.telegram.outbox.message_format import Upload, with_closed_code
from bot.telegram.outbox.message_markdown import blank, storable
from bot.telegram.outbox.outbox import Answer
from bot.telegram.place import place_of
from bot.telegram.reminders import NO_EXTRAS, TurnExtras
from bot.telegram.texts import escape, inline_code
from bot.telegram.turns.approval_buttons import ApprovalButtons
from graph.events.turn_events import Events, Finished, Piece, ToolsRequested, Waiting
from graph.model.model_call import STOPPED
from graph.model.tool_rounds import attachments
from graph.state.turn_state import State
from memory.concurrency.tasks import end
from memory.errors import TierUnavailable
from memory.models import Outcome
from nodes.respond import EMPTY_ANSWER

_ACTING_SECONDS = 4.5
"""Telegram shows the typing status for five seconds."""
_DRAFT_SECONDS = 15.0
"""Telegram removes a draft after thirty seconds."""
_STOP_SECONDS = 0.3
_LOOK_SECONDS = 0.3
"""Seconds between checks for /stop."""
_ACT_SECONDS = 5.0
_PICTURES = {".png", ".jpg", ".jpeg", ".webp"}
logger = logging.getLogger(__name__)
PRESSED = "answer"
"""Prefix of the buttons' data."""


class AnswerButton(StrEnum):
    """A button, by its data after `PRESSED`."""

    WHY = "why"
    WRONG = "wrong"
    FORGET = "forget"
    NOTHING = "nothing"
    """Under the question for a correction: the person has none."""

    def drawn(self, say: Say) -> InlineKeyboardButton:
        """Return it as the Bot API takes it."""
        return InlineKeyboardButton(say(f"answer_{self.value}"), callback_data=f"{PRESSED}:{self.value}")


def answer_buttons(say: Say) -> InlineKeyboardMarkup:
    """Return the row under an answer."""
    row = [AnswerButton.WHY, AnswerButton.WRONG, AnswerButton.FORGET]
    return InlineKeyboardMarkup([[button.drawn(say) for button in row]])


class ReplyPreview:
    """Shows the unfinished reply for the duration of the block, without delaying the final one."""

    def __init__(self, answer: Answer, act: Callable[[], Awaitable[None]]) -> None:
        self._answer = answer
        self._act = act
        self._pieces: list[str] = []
        self._notice = False
        self._changed = asyncio.Event()
        self._stopped = asyncio.Event()

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._show())

    async def __aexit__(self, *_: object) -> None:
        """Stop at once, except for a frame that is nearly sent."""
        self._stopped.set()
        self._changed.set()
        await asyncio.wait({self._task}, timeout=_STOP_SECONDS)
        self._task.cancel()
        await asyncio.wait({self._task})
        if not self._task.cancelled():
            self._task.result()

    def add(self, text: str) -> None:
        if self._notice:
            self._pieces, self._notice = [], False
        self._pieces.append(text)
        self._changed.set()

    def show_status(self, text: str) -> None:
        """Show a status instead of the reply until more of it is written."""
        self._pieces, self._notice = [text], True
        self._changed.set()

    async def _show(self) -> None:
        while not self._stopped.is_set():
            drafts = self._answer.has_drafts
            if drafts and self._pieces:
                self._changed.clear()
                await self._answer.frame("".join(self._pieces))
                await _wait(self._changed, _DRAFT_SECONDS)
                await _wait(self._stopped, self._answer.until_frame())
            else:
                acting = asyncio.ensure_future(self._act())
                await _wait(self._changed if drafts else self._stopped, _ACTING_SECONDS)
                acting.cancel()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


@dataclass(frozen=True, slots=True)
class TurnPresenter:
    context: BotContext
    update: Update
    message: Message
    answer: Answer

    async def present(self, events: Events, turn_id: str) -> State | Waiting:
        """Show the reply while it is written; return the finished turn, or the approvals it waits for."""
        outcome: State | Waiting | None = None
        say, lane = self.context.say(self.update), place_of(self.message).lane
        preview = ReplyPreview(self.answer, partial(act, self.context.bot, self.message))
        watch = asyncio.create_task(self._obey_stop(lane, turn_id))
        try:
            async with contextlib.aclosing(events), preview:
                async for event in events:
                    match event:
                        case Piece():
                            preview.add(event.text)
                        case ToolsRequested():
                            preview.show_status(say("tool_calling", tools=escape(", ".join(event.tools))))
                        case Waiting():
                            outcome = event
                        case Finished():
                            outcome = event.state
        finally:
            await end(watch)
            with contextlib.suppress(TierUnavailable):
                await self.context.records.drop_running(lane)
        if outcome is None:
            raise RuntimeError("The turn ended without a state.")
        return outcome

    async def _obey_stop(self, lane: str, turn_id: str) -> None:
        """Stop the turn after /stop, which another process may receive."""
        while True:
            try:
                if await self.context.records.note_running(lane, turn_id):
                    self.context.agent.stop(turn_id)
            except TierUnavailable as error:
                logger.info("A turn cannot be stopped for now: %s", error)
            await asyncio.sleep(_LOOK_SECONDS)

    async def finish(
        self,
        outcome: State | Waiting,
        thread: str,
        extras: TurnExtras = NO_EXTRAS,
        *,
        private: bool = False,
    ) -> None:
        """Send the answer with its extras, or the question that the turn waits for."""
        if isinstance(outcome, Waiting):
            await ApprovalButtons(self.context).ask(outcome, thread, self.update, self.answer)
            return
        if not private:
            await self._record(outcome)
        say, detailed = self.context.say(self.update), await self.context.sees_details(place_of(self.message))
        text = reply_text(outcome, say, private=private, detailed=detailed)
        text = f"{with_closed_code(text)}\n\n{extras.note}" if extras.note else text
        shown = self.context.settings.telegram_buttons and not private
        own = answer_buttons(say) if shown and outcome["reply"].outcome is not Outcome.FAILED else None
        rows = [row for buttons in (extras.buttons, own) if buttons for row in buttons.inline_keyboard]
        upload = await asyncio.to_thread(latest_upload, outcome, say)
        await self.answer.finish(text, InlineKeyboardMarkup(rows) if rows else None, upload)

    async def _record(self, state: State) -> None:
        decisions = [
            {
                "turn_id": decision.turn_id,
                "kept": decision.kept,
                "rule": decision.rule,
                **{name: round(getattr(decision, name), 4) for name in ("score", "threshold", "probability")},
            }
            for decision in state.get("decisions", ())
        ]
        place, user = place_of(self.message), self.update.effective_user
        await self.context.records.describe(
            self.update.update_id,
            turn_id=state["turn"].turn_id,
            owner=state["turn"].owner,
            decisions=json.dumps(decisions),
            link="" if place.private else self.message.link or "",
            asker=user.id if user else 0,
        )


def latest_upload(state: State, say: Say) -> Upload | None:
    """Read the latest file made by the turn's tools; None if there is none, or it is gone."""
    for path in reversed([Path(one) for one in attachments(state)]):
        try:
            refused = say("file_refused", name=inline_code(path.name))
            return Upload(path.read_bytes(), path.name, refused, photo=path.suffix.lower() in _PICTURES)
        except OSError:
            continue
    return None


def reply_text(state: State, say: Say, *, private: bool, detailed: bool) -> str:
    """Return the reply with its notes, or the reason why there is none; `detailed` as an admin sees it."""
    reply = state["reply"]
    problem = reply.problem or EMPTY_ANSWER
    # The problem of an empty answer names no host and no setting.
    technical = not detailed and problem != EMPTY_ANSWER
    stopped = say("stopped") if problem == STOPPED else ""
    if reply.outcome is Outcome.FAILED or blank(storable(reply.text)):
        shown = say("model_away") if technical else escape(problem)
        return stopped or (say("private_failed") if private else say("model_trouble", problem=shown))
    parts = [reply.text]
    if reply.problem:
        broken_off = say("reply_broken_off") if technical else escape(problem)
        parts.append(f"_({stopped or broken_off})_")
    if private:
        parts.append(say("private_done"))
    return "\n\n".join([with_closed_code(parts[0]), *parts[1:]]) if len(parts) > 1 else reply.text


async def act(bot: Bot, message: Message) -> None:
    """Show the typing status; failures are ignored."""
    place = place_of(message)
    with contextlib.suppress(TelegramError):
        await bot.send_chat_action(
            place.chat_id, ChatAction.TYPING, message_thread_id=place.topic or None, read_timeout=_ACT_SECONDS
        )
