"""Handler that runs a turn for a message, within the day's budget, and answers it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from telegram import Message, Update

from bot.media.media_reader import MediaRefused
from bot.presentation.usage_figures import used_text
from bot.telegram.bot_context import BotContext, Say
from bot.telegram.gate.gate import HandlerContext
from bot.telegram.inbox.lanes import HOLDER
from bot.telegram.media.incoming import Incoming
from bot.telegram.outbox.outbox import Answer
from bot.telegram.place import place_of
from bot.telegram.reminders.reminder_turn import ReminderTurn, TurnExtras, sent_at
from bot.telegram.turn_records import TurnRecord
from bot.telegram.turns.bursts import dump_messages, merge_messages
from bot.telegram.turns.corrections import Corrections
from bot.telegram.turns.turn_presenter import TurnPresenter
from bot.telegram.turns.turn_request import RequestReader, TurnRequest
from graph.delegation.notices import Address
from graph.state.circumstances import Circumstances
from memory.errors import MemoryTierError
from memory.models import EDIT_OF
from memory.text.text import clean

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TurnBudget:
    """The budget of the owner of a turn."""

    context: BotContext
    owner: str
    turn_id: str

    async def before(self, extras: TurnExtras, say: Say, *, private: bool) -> TurnExtras:
        """Count a request to the model; above the budget, the memories themselves are the answer."""
        if extras.answer is not None or not self.context.settings.model:
            return extras
        guard = self.context.guard
        if await guard.admit(self.turn_id, owner=self.owner):
            return extras
        used = used_text(await guard.used(owner=self.owner), guard.budget, say)
        key = "budget_used_up_private" if private else "budget_used_up"
        return replace(extras, answer="", note=_joined(extras.note, say(key, used=used)))

    async def after(self, extras: TurnExtras, say: Say) -> TurnExtras:
        """Say once a day that little is left."""
        guard = self.context.guard
        if extras.answer is not None or not await guard.must_warn(self.turn_id, owner=self.owner):
            return extras
        used = used_text(await guard.used(owner=self.owner), guard.budget, say)
        return replace(extras, note=_joined(extras.note, say("budget_near", used=used)))


def _joined(*notes: str) -> str:
    return "\n\n".join(filter(None, notes))


@dataclass(frozen=True, slots=True)
class TurnHandler:
    """Answers new and edited messages."""

    context: BotContext

    @property
    def _reader(self) -> RequestReader:
        return RequestReader(self.context)

    async def __call__(self, update: Update, _: HandlerContext) -> None:
        """Answer the message and what belongs to it; a private message leaves no trace."""
        message = update.effective_message
        if not isinstance(message, Message):
            return
        if await self._is_answered(update):
            return
        messages = await self._reader.messages(update, message)
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
        """Return True for a new message that was answered with one before it.

        The lane drops those, but the former version left the rest of an album in its lane.
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
            request = await self._reader.read(update, messages, incoming, answer)
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
        context, message = self.context, messages[0]
        if request.earlier is not None:
            await answer.take_over(request.earlier.shown)
        claim = HOLDER.get()
        thread = await context.thread(place_of(message))
        earlier = request.earlier.turn_id if request.earlier else ""
        extras = await ReminderTurn(context)(
            update, messages, request.text, request.said_now, earlier=earlier, private=request.private
        )
        if not request.private:
            await self._supersede(update, message, request.earlier)
            await self._register(update, message, thread)
        say, budget = context.say(update), await self._budget(update, message)
        extras = await budget.before(extras, say, private=request.private)
        events = context.agent.stream(
            request.text,
            owner=await context.owner(place_of(message)),
            thread=thread,
            turn_id=context.turn_id(update.update_id),
            about=_circumstances(messages, request, extras.answer),
            fresh=claim is not None and claim.first and not answer.begun,
        )
        presenter = TurnPresenter(context, update, message, answer)
        ended = await presenter.present(events, context.turn_id(update.update_id))
        await self._note_questions(update, messages, request)
        extras = await budget.after(extras, say)
        await presenter.finish(ended, thread, extras, private=request.private)

    async def _register(self, update: Update, message: Message, thread: str) -> None:
        """Send notices of the thread's jobs to this chat; without a model there are no jobs."""
        context, user, place = self.context, update.effective_user, place_of(message)
        if context.settings.model:
            language = (user.language_code if user else "") or ""
            address = Address(box=context.box, place=place.lane, language=language)
            notices = context.agent.layers.delegation.notices
            await notices.register(thread, address, owner=await context.owner(place))

    async def _budget(self, update: Update, message: Message) -> TurnBudget:
        owner = await self.context.owner(place_of(message))
        return TurnBudget(self.context, owner, self.context.turn_id(update.update_id))

    async def _note_questions(
        self, update: Update, messages: Sequence[Message], request: TurnRequest
    ) -> None:
        """Record which turn answers the messages; of a private turn, none of their words."""
        context, update_id = self.context, update.update_id
        if len(messages) > 1 and not request.private:  # first: an edit that is tried again finds it by them
            owner = await context.owner(place_of(messages[0]))
            await context.records.note_burst(
                update_id, dump_messages(messages), turn_id=context.turn_id(update_id), owner=owner
            )
        for one in messages:
            await context.records.note_question(one.chat.id, one.message_id, update_id)

    async def _supersede(self, update: Update, message: Message, earlier: TurnRecord | None) -> None:
        if earlier is None or not earlier.turn_id:
            return
        context, user, update_id = self.context, update.effective_user, update.update_id
        await context.agent.supersede(earlier.turn_id, owner=earlier.owner)
        if user is not None:
            later = context.turn_id(update_id)
            await Corrections(context).follow(
                place_of(message), user.id, earlier.turn_id, update_id=update_id, later=later
            )


def _circumstances(messages: Sequence[Message], request: TurnRequest, answer: str | None) -> Circumstances:
    earlier = request.earlier
    tags = (f"{EDIT_OF}{earlier.turn_id}",) if earlier is not None and earlier.turn_id else ()
    private = request.private
    return Circumstances(at=sent_at(messages), parts=request.parts, tags=tags, private=private, answer=answer)


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
