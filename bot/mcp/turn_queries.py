"""Tools over turns and threads. Those of other owners are reported as missing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Annotated, Any

from langchain_core.messages import BaseMessage
from pydantic import ConfigDict, Field
from pydantic_core import to_jsonable_python

from bot.mcp.read_tool import DATA_NOTE, InvalidCall, QuotingAnswer, ReadTool, ToolAnswer, text
from bot.printable import snippet
from graph.explain.explanation import ExplainedMemory, explain_decisions, measure, rule_words
from graph.runtime.agent import Agent
from memory.models import Episode
from memory.observation.observation import Judged, Observation
from memory.text.text import clip

_LONGEST = 20_000
_RECENT_TURNS = 500
MOST_CHARS = 60_000
_TEXTS = (4000, 1000, 250, 60)
"""Maximum lengths of texts, tried in turn until the answer fits."""
_ITEMS = (100, 50, 20, 5)
"""Maximum lengths of lists, one for each of `_TEXTS`."""
_NAMES = 100
"""Maximum number of an object's keys."""
_DEEPEST = 12


class TurnRead(QuotingAnswer):
    turn_id: str
    thread: str
    at: datetime
    message: str
    reply: str
    cut: bool
    """Message or reply is too long, and its middle is left out."""
    tags: Sequence[str]
    times_shown: int
    """How often the model was shown it as a memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosedDecision(Judged):
    """The decision on a candidate, and its reason; a kept one was shown to the model."""

    __pydantic_config__ = ConfigDict(use_attribute_docstrings=True)

    excerpt: str
    """The turn's beginning; empty when it is no longer archived."""
    means: str
    """The rule in words."""
    measured: str
    """The measured value and its threshold; empty when the rule measures nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis(Observation):
    """A turn in numbers: its candidates, which were kept or cut by which rule, and its costs."""

    decisions: Sequence[DiagnosedDecision]
    note: str = DATA_NOTE


class ThreadRead(ToolAnswer):
    thread: str
    turns: int
    """Number of its turns among the latest ones that were read."""
    latest: datetime
    latest_turn_id: str
    latest_message: str
    """Its beginning."""


class Threads(QuotingAnswer):
    threads: list[ThreadRead]
    all_threads: int
    """Number of the owner's threads; only those with a turn among the latest that were read are listed."""
    looked_at: int
    """Number of latest turns that were read."""


class StateRead(QuotingAnswer):
    """The latest state of a thread."""

    thread: str
    at: str
    """Time of its checkpoint."""
    next: Sequence[str]
    """Pending nodes of the turn; empty when it is done."""
    state: Mapping[str, Any]
    """The state's keys, as in Studio; long texts and lists are cut."""


@dataclass(frozen=True, slots=True)
class TurnQueries:
    """Tools that read an owner's turns."""

    owner: str
    agent: Agent

    def tools(self) -> list[ReadTool]:
        return [
            ReadTool("Read a turn", self.get_turn),
            ReadTool("Diagnose a turn", self.diagnose_turn),
            ReadTool("List threads", self.list_threads),
            ReadTool("State of a thread", self.thread_state),
        ]

    async def get_turn(
        self, turn_id: Annotated[str, text("Id from `search_memory` or `list_threads`.", 300, 1)]
    ) -> TurnRead:
        """Read one archived turn: the message and its reply."""
        found = await self.agent.layers.episodes.get([turn_id], owner=self.owner)
        if not found:
            raise InvalidCall(f"There is no turn {turn_id[:80]!r}; search_memory and list_threads name some.")
        return _turn(found[0])

    async def diagnose_turn(
        self, turn_id: Annotated[str, text("Id as for `get_turn`; empty: the latest observed one.", 300)] = ""
    ) -> Diagnosis:
        """Explain what a turn remembered: the candidates, which were kept or cut, by which rule and value.

        Also shows the budget's shares, what was down or late, and how long each stage took.
        """
        seen = await self._observation(turn_id)
        ids = [judged.turn_id for judged in seen.decisions]
        episodes = await self.agent.layers.episodes.get(ids, owner=self.owner)
        memories = explain_decisions(seen.decisions, {episode.turn_id: episode for episode in episodes})
        return Diagnosis(**_values(seen) | {"decisions": [_decision(memory) for memory in memories]})

    async def list_threads(
        self, limit: Annotated[int, Field(ge=1, le=200, description="Maximum number of threads.")] = 20
    ) -> Threads:
        """List the conversations, the latest first, with the beginning of each one's latest message."""
        episodes = self.agent.layers.episodes
        latest = await episodes.recent(owner=self.owner, limit=_RECENT_TURNS)
        by_thread: dict[str, list[Episode]] = {}
        for episode in latest:
            by_thread.setdefault(episode.thread, []).append(episode)
        return Threads(
            threads=[_thread(turns) for turns in list(by_thread.values())[:limit]],
            all_threads=len(await episodes.threads(owner=self.owner)),
            looked_at=len(latest),
        )

    async def thread_state(
        self, thread: Annotated[str, text("Id from `list_threads`.", 300, 1)]
    ) -> StateRead:
        """Read the graph's state after a thread's latest turn, including its messages."""
        snapshot = await self.agent.graph.aget_state({"configurable": {"thread_id": thread}})
        turn = snapshot.values.get("turn")
        if turn is None or turn.owner != self.owner:
            raise InvalidCall(f"There is no thread {thread[:80]!r}; list_threads names them.")
        return StateRead(
            thread=thread,
            at=snapshot.created_at or "",
            next=snapshot.next,
            state=bounded(_without_others(snapshot.values, self.owner)),
        )

    async def _observation(self, turn_id: str) -> Observation:
        log = self.agent.layers.observations
        if turn_id:
            found = await log.get(turn_id, owner=self.owner)
        else:
            found = next(iter(await log.recent(owner=self.owner, limit=1)), None)
        if found is None:
            which = f"turn {turn_id[:80]!r}" if turn_id else "any turn"
            raise InvalidCall(f"There is no observation of {which}. Private and imported turns have none.")
        return found


def _turn(episode: Episode) -> TurnRead:
    message, reply = clip(episode.said, _LONGEST), clip(episode.reply, _LONGEST)
    return TurnRead(
        turn_id=episode.turn_id,
        thread=episode.thread,
        at=episode.at,
        message=message,
        reply=reply,
        cut=(message, reply) != (episode.said, episode.reply),
        tags=episode.tags,
        times_shown=episode.access_count,
    )


def _decision(memory: ExplainedMemory) -> DiagnosedDecision:
    decision = memory.decision
    return DiagnosedDecision(
        **_values(decision),
        excerpt=snippet(memory.text),
        means=rule_words(decision),
        measured=measure(decision),
    )


def _values(record: Judged | Observation) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields(record)}


def _thread(turns: list[Episode]) -> ThreadRead:
    """Summarise a thread from its turns, newest first."""
    newest = turns[0]
    return ThreadRead(
        thread=newest.thread,
        turns=len(turns),
        latest=newest.at,
        latest_turn_id=newest.turn_id,
        latest_message=snippet(newest.said or newest.reply),
    )


def _without_others(values: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Drop other owners' messages, which stay in a thread that refused them."""
    messages = [message for message in values.get("messages", []) if _sender(message) in ("", owner)]
    return {**values, "messages": messages}


def _sender(message: BaseMessage) -> str:
    note = message.additional_kwargs.get("goat")
    return str(note.get("owner", "")) if isinstance(note, Mapping) else ""


def bounded(value: Any) -> Any:
    """Return `value` as plain JSON values of about `MOST_CHARS` in all."""
    plain = to_jsonable_python(value, fallback=str, serialize_unknown=True)
    cut: Any = None
    for longest, most in zip(_TEXTS, _ITEMS, strict=True):
        cut = _cut(plain, longest, most, _DEEPEST)
        if len(json.dumps(cut, ensure_ascii=False)) <= MOST_CHARS:
            break
    return cut


def _cut(value: Any, longest: int, most: int, deep: int) -> Any:
    if isinstance(value, str):
        return clip(value, longest)
    if not isinstance(value, Mapping | list):
        return value
    if deep == 0:
        return "[... left out here ...]"
    if isinstance(value, Mapping):
        return {str(name): _cut(value[name], longest, most, deep - 1) for name in list(value)[:_NAMES]}
    cut = [_cut(one, longest, most, deep - 1) for one in value[:most]]
    return [*cut, f"[... {len(value) - most} more are left out here ...]"] if len(value) > most else cut
