"""Turns of a client's conversation: finds its thread, compares the two, and answers the message."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import cached_property
from weakref import WeakValueDictionary

from bot.media.attachment import Attachment
from bot.media.media_reader import MediaReader, MediaRefused
from bot.serve.chat_request import BAD_REQUEST, ChatRequest, ClientExchange, Refused, exchanges, own_words
from bot.serve.client_services import ClientBudget, take_reminders
from bot.serve.thread_finder import MOST_TURNS, Match, ThreadFinder, follow_thread, match_thread
from bot.serve.turn_reply import BAD_GATEWAY, Completed, Said, TurnReply, asks, is_question
from graph.events.approval import ApprovalAnswer, clear_answer
from graph.events.turn_events import Event, Events, Finished, Resumed
from graph.runtime.agent import Agent
from graph.state.circumstances import Circumstances
from memory.models import EDIT_OF
from memory.provenance import Carrier, Part
from memory.text.text import clip

_MOST_CONTEXT = 20_000
"""Maximum characters of a system prompt, and of messages that only the client has."""


@dataclass(slots=True)
class Asked:
    """A client's request, and the state of its answer."""

    owner: str
    request: ChatRequest
    headers: Mapping[str, str]
    turn_id: str = field(default_factory=lambda: f"openai-{uuid.uuid4().hex}")
    """The turn that answers it."""
    note: str = ""
    """Shown below the answer."""
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the client has hung up."""

    @property
    def retried(self) -> bool:
        """True if OpenAI's client library sends it again by itself."""
        return self.headers.get("x-stainless-retry-count", "0") != "0"

    @property
    def chat_id(self) -> str:
        return self.request.chat_id(self.headers)


@dataclass(frozen=True)
class ClientConversation:
    """A client's conversation, as one request shows it."""

    asked: Asked
    words: str
    """The user's new message."""
    documents: Sequence[Part]
    history: Sequence[ClientExchange]
    """The messages before it, without answers to questions about tools."""
    last: str
    """The answer before it."""

    @classmethod
    def of(cls, asked: Asked) -> "ClientConversation":
        *earlier, message = asked.request.messages
        words, documents = own_words(message.text)
        every = exchanges(earlier)
        history = [
            one
            for number, one in enumerate(every)
            if not (number and is_question(every[number - 1].reply) and clear_answer(one.message))
        ]
        return cls(asked, words, documents, history, every[-1].reply if every else "")

    @cached_property
    def answer(self) -> ApprovalAnswer | None:
        """The answer to a question whether a tool may run; None if this message is none."""
        return clear_answer(self.words) if is_question(self.last) else None


@dataclass(frozen=True, slots=True)
class Conversations:
    """Answers the messages of conversations, one at a time in each thread."""

    agent: Agent
    media: MediaReader
    threads: ThreadFinder
    _queues: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def answer(self, asked: Asked) -> AsyncGenerator[Said, None]:
        """Yield the answer to a request, then its end.

        Raises:
            Refused: a file cannot be read, the model gave nothing, or the client was gone before its turn.
            GoatError: as `Agent.stream`.
        """
        talk = ClientConversation.of(asked)
        thread = await self.threads.find(
            asked.owner, asked.chat_id, talk.history, talk.words, retried=asked.retried
        )
        settings = self.agent.layers.settings
        told: list[str] = []
        async with self._queues.setdefault(thread, asyncio.Lock()):
            if asked.gone.is_set():
                raise Refused("Nothing was begun: send your message again.", 503, "stopped")
            events = await self._decision(talk, thread) or await self._turn(talk, thread)
            count = await self.agent.layers.tokens.ready()
            reply = TurnReply(count, asked.owner == settings.owner, asked.note)
            async with aclosing(reply.tell(events)) as answer:
                async for said in answer:
                    if isinstance(said, Completed) and not talk.history:
                        shown = "".join(told) if asked.request.stream else said.text
                        await self.threads.note(asked.owner, thread, talk.words, shown)
                    elif isinstance(said, str):
                        told.append(said)
                    yield said

    async def _decision(self, talk: ClientConversation, thread: str) -> Events | None:
        """Return the turn that a yes or no continues; None for any other message, which refuses the call.

        A yes counts only right after the question that it answers: a client may repeat a request by itself.
        """
        owner, answer = talk.asked.owner, talk.answer
        waiting = await self.agent.waiting(thread, owner=owner)
        if waiting is None:
            state = await self.agent.last_turn(thread) if answer else None
            return _stored(Finished(state)) if state else None
        approval = waiting.approvals[0]
        if answer is None or not asks(talk.last, approval):
            await self.agent.leave(thread, owner=owner)
            return None
        talk.asked.turn_id = waiting.turn_id
        return self.agent.decide(
            waiting.turn_id,
            owner=owner,
            thread=thread,
            approval_id=approval.id,
            allowed=answer is ApprovalAnswer.YES,
        )

    async def _turn(self, talk: ClientConversation, thread: str) -> Events:
        """Return the new message's turn; remove the turns that the client no longer shows."""
        asked = talk.asked
        files = [await self._read(*file, talk.words) for file in asked.request.messages[-1].files()]
        turns = await self.threads.turns(asked.owner, thread)
        if not talk.history and asked.request.may_leave_out(asked.headers):
            match = follow_thread(turns, talk.words)
        else:
            match = await asyncio.to_thread(match_thread, turns, talk.history[-MOST_TURNS:])
        await self._leave(asked.owner, thread, match)
        spoken = [file.text for file in files if not file.foreign]
        parts = [*_context(asked.request, match), *talk.documents, *(file for file in files if file.foreign)]
        tags = (f"{EDIT_OF}{match.replaced.turn_id}",) if match.replaced else ()
        words = "\n\n".join(text for text in (talk.words, *spoken) if text.strip())
        layers = self.agent.layers
        answer, note = await take_reminders(layers, talk.words, asked.turn_id, owner=asked.owner)
        over = answer is None and await self._used_up(asked)
        asked.note = "\n".join(filter(None, (note, asked.note)))
        events = self.agent.stream(
            words,
            owner=asked.owner,
            thread=thread,
            turn_id=asked.turn_id,
            about=Circumstances(parts=parts, tags=tags, answer="" if over else answer),
            fresh=True,
        )
        return _without_earlier(events, words)

    async def _used_up(self, asked: Asked) -> bool:
        """Count the message; return True if the day's budget is used up, so that memories are the answer."""
        if self.agent.layers.model.name:
            refusal = await ClientBudget(self.agent.layers, asked.owner).refusal(asked.turn_id)
            asked.note = f"{refusal} Your message is kept: answer it anew after midnight." if refusal else ""
        return bool(asked.note)

    async def _leave(self, owner: str, thread: str, match: Match) -> None:
        """Supersede the replaced turn; the others only leave the conversation and can be recalled."""
        if match.replaced is not None:
            await self.agent.removal.supersede(match.replaced.turn_id, owner=owner)
            await self.agent.layers.reminders.forget([match.replaced.turn_id], owner=owner)
        if match.left:
            layers = self.agent.layers
            await layers.conversations.remove(match.left, owner=owner, thread=thread)
            await layers.cache.drop(owner=owner)

    async def _read(self, file: Attachment, data: bytes, question: str) -> Part:
        async def fetch() -> bytes:
            return data

        try:
            return await self.media.read(file, fetch, question)
        except MediaRefused as error:
            status = BAD_GATEWAY if error.code == "unavailable" else BAD_REQUEST
            raise Refused(str(error), status, error.code, "messages") from None


async def _stored(event: Event) -> Events:
    yield event


async def _without_earlier(events: Events, message: str) -> Events:
    """Skip a turn that a crash interrupted and that is finished first; end with it if it has this message."""
    async with aclosing(events):
        async for event in events:
            if not isinstance(event, Resumed):
                yield event
            elif event.state["turn"].message == message:
                yield Finished(event.state)
                return


def _context(request: ChatRequest, match: Match) -> list[Part]:
    """Return the client's system prompt and the messages that the thread does not hold, as others' text."""
    held = "\n\n".join(f"user: {one.message}\nassistant: {one.reply}" for one in match.unknown)
    texts = {"system prompt of the client": request.system, "earlier in the client's conversation": held}
    return [
        Part(text=clip(text, _MOST_CONTEXT), carrier=Carrier.CONTEXT, source=source)
        for source, text in texts.items()
        if text.strip()
    ]
