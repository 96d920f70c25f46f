"""Handler that runs a turn for a message, within the day's budget, and answers it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from telegram import Message, Update

from bot.media.media_reader import MediaRefused
from bot.presentation.usage_figures import used_text
from bot.printable import Say
from bot.telegram.bot_context import BotContext
from bot.telegram.gate.gate import HandlerContext
from bot.telegram.inbox.lanes import HOLDER
from bot.telegram.media.incoming import Incoming
from bot.telegram.outbox.outbox import Answer
from bot.telegram.place import Place, place_of
from bot.telegram.reminders import ReminderTurn, TurnExtras
from bot.telegram.turn_records import TurnRecord
from bot.telegram.turns.bursts import Bursts, dump_messages, merge_messages
from bot.telegram.turns.turn_presenter import TurnPresenter
from bot.telegram.turns.turn_request import Corrections, RequestReader, TurnRequest
from graph.delegation.notices import Address
from graph.state.circumstances import Circumstances
from memory.errors import MemoryTierError
from memory.models import EDIT_OF
from memory.text.text import clean

logger = logging.getLogger(__name__)


def _joined(*notes: str) -> str:
    return "\n\n".join(filter(None, notes))


@dataclass(frozen=True, slots=True)
class TurnHandler:
    """Answers new and edited messages."""

    context: BotContext

    async def __call__(self, update: Update, _: HandlerContext) -> None:
        """Answer the message and what belongs to it; a private message leaves no trace."""
        message = update.effective_message
        if not isinstance(message, Message):
            return
        if await self._is_answered(update):
            return
        messages = await Bursts(self.context).gather(update, message)
        incoming = merge_messages([self.context.read(one) for one in messages])
        if (claim := HOLDER.get()) is not None:
            claim.private = incoming.private
        if incoming.is_empty:
            incoming = replace(incoming, text=_bare_mention(message, incoming))
        answer = await self.context.answer(update, message)
        if answer.sent:
            return
        if not incoming.is_empty:
            await self._respond(update, messages, incoming, answer)
        elif message.text or message.caption:
            key = "private_usage" if incoming.private else "empty_message"
            await answer.finish(self.context.say(update)(key))

    async def _is_answered(self, update: Update) -> bool:
        """Return True for a new message that was answered together with an earlier one.

        Lanes drop such messages, but an earlier version left the rest of an album in its lane.
        """
        message, records = update.message, self.context.records
        if message is None:
            return False
        answered_by = await records.update_of_question(message.chat.id, message.message_id)
        if answered_by is None or answered_by == update.update_id:
            return False
        return (await records.turn(answered_by)).sent

    async def _respond(
        self, update: Update, messages: Sequence[Message], incoming: Incoming, answer: Answer
    ) -> None:
        say = self.context.say(update)
        try:
            request = await RequestReader(self.context).read(update, messages, incoming, answer)
            if request is not None:
                await self.run(update, messages, request, answer)
        except MediaRefused as error:
            logger.warning("A file was not read: %s", error)
            await answer.finish(refusal_text(error, self.context.settings.telegram_file_limit, say))
        except MemoryTierError:
            await answer.announce_delay(say("memory_trouble"))
            raise

    async def run(
        self, update: Update, messages: Sequence[Message], request: TurnRequest, answer: Answer
    ) -> None:
        """Run a turn and answer with its outcome; the earlier version of an edited message is superseded."""
        context, claim, place = self.context, HOLDER.get(), place_of(messages[0])
        owner, thread = await context.owner(place), await context.thread(place)
        turn_id, private = context.turn_id(update.update_id), request.private
        earlier = request.earlier or TurnRecord()
        replaced = earlier.turn_id
        if earlier.shown:
            await answer.take_over(earlier.shown)
        at = max(one.edit_date or one.date for one in messages)
        extras = await ReminderTurn(context, owner, at)(
            update, messages[0], request.text, request.said_now, earlier=replaced, private=private
        )
        if not private:
            if replaced:
                await self._supersede(update, place, earlier)
            await self._register(update, place, thread, owner)
        extras = await self._admit(extras, update, owner, private=private)
        about = Circumstances(
            at=at,
            parts=request.parts,
            tags=(f"{EDIT_OF}{replaced}",) if replaced else (),
            private=private,
            answer=extras.answer,
        )
        fresh = claim is not None and claim.first and not answer.begun
        events = context.agent.stream(
            request.text, owner=owner, thread=thread, turn_id=turn_id, about=about, fresh=fresh
        )
        presenter = TurnPresenter(context, update, messages[0], answer)
        ended = await presenter.present(events, turn_id)
        await self._note_questions(update, messages, owner, private=private)
        extras = await self._warn(extras, update, owner)
        await presenter.finish(ended, thread, extras, private=private)

    async def _admit(self, extras: TurnExtras, update: Update, owner: str, *, private: bool) -> TurnExtras:
        """Count a request to the model; above the budget, the memories themselves are the answer."""
        context, guard = self.context, self.context.agent.layers.guard
        if extras.answer is not None or not context.settings.model:
            return extras
        if await guard.admit(context.turn_id(update.update_id), owner=owner):
            return extras
        say = context.say(update)
        used = used_text(await guard.used(owner=owner), guard.budget, say)
        key = "budget_used_up_private" if private else "budget_used_up"
        return replace(extras, answer="", note=_joined(extras.note, say(key, used=used)))

    async def _warn(self, extras: TurnExtras, update: Update, owner: str) -> TurnExtras:
        """Add a note, once a day, that little of the budget is left."""
        guard, turn_id = self.context.agent.layers.guard, self.context.turn_id(update.update_id)
        if extras.answer is not None or not await guard.must_warn(turn_id, owner=owner):
            return extras
        say = self.context.say(update)
        used = used_text(await guard.used(owner=owner), guard.budget, say)
        return replace(extras, note=_joined(extras.note, say("budget_near", used=used)))

    async def _register(self, update: Update, place: Place, thread: str, owner: str) -> None:
        """Send notices of the thread's jobs to this chat; without a model there are no jobs."""
        context, user = self.context, update.effective_user
        if context.settings.model:
            language = (user.language_code if user else "") or ""
            address = Address(box=context.box, place=place.lane, language=language)
            notices = context.agent.layers.delegation.notices
            await notices.register(thread, address, owner=owner)

    async def _note_questions(
        self, update: Update, messages: Sequence[Message], owner: str, *, private: bool
    ) -> None:
        """Record which turn answers the messages; of a private turn, none of their words."""
        context, update_id = self.context, update.update_id
        if len(messages) > 1 and not private:  # before the questions, by which an edit finds it
            await context.records.note_burst(
                update_id, dump_messages(messages), turn_id=context.turn_id(update_id), owner=owner
            )
        for one in messages:
            await context.records.note_question(one.chat.id, one.message_id, update_id)

    async def _supersede(self, update: Update, place: Place, earlier: TurnRecord) -> None:
        context, user, update_id = self.context, update.effective_user, update.update_id
        await context.agent.removal.supersede(earlier.turn_id, owner=earlier.owner)
        if user is not None:
            later = context.turn_id(update_id)
            await Corrections(context).follow(
                place, user.id, earlier.turn_id, update_id=update_id, later=later
            )


def _bare_mention(message: Message, incoming: Incoming) -> str:
    """Return the text of a message that only mentions the bot in reply to a message; else an empty string."""
    return clean(message.text or "").strip() if incoming.quotes and not incoming.private else ""


def refusal_text(error: MediaRefused, megabytes: int, say: Say) -> str:
    """Return the text for a file that was not read."""
    match error.code:
        case "too_large":
            return say("too_large", megabytes=megabytes)
        case "unsupported":
            return say("unsupported_media")
        case code:
            return say(code)
