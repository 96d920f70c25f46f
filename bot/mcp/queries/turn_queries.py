"""Tools over turns and threads. Those of other owners are reported as missing."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from langchain_core.messages import BaseMessage
from pydantic_core import to_jsonable_python

from bot.mcp.queries.query_arguments import DiagnoseTurn, GetTurn, ListThreads, ThreadState
from bot.mcp.queries.turn_answers import (
    DiagnosedDecision,
    Diagnosis,
    StateRead,
    ThreadRead,
    Threads,
    TurnRead,
)
from bot.mcp.read_tool import InvalidCall, ReadTool, read_tool
from bot.printable import snippet
from graph.explain.explanation import ExplainedMemory, explain_decisions
from graph.explain.reasons import measure, rule_words
from graph.runtime.agent import Agent
from memory.episodic.log.observation_log import ObservationLog
from memory.models import Episode
from memory.observation.observation import Observation
from memory.prompt.prompt import escape_fences
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


@dataclass(frozen=True, slots=True)
class TurnQueries:
    """Tools that read an owner's turns."""

    owner: str
    agent: Agent

    def tools(self) -> list[ReadTool]:
        """Return the tools."""
        return [
            read_tool("Read a turn", self.get_turn, GetTurn, TurnRead),
            read_tool("Diagnose a turn", self.diagnose_turn, DiagnoseTurn, Diagnosis),
            read_tool("List threads", self.list_threads, ListThreads, Threads),
            read_tool("State of a thread", self.thread_state, ThreadState, StateRead),
        ]

    async def get_turn(self, arguments: GetTurn) -> TurnRead:
        """Read one archived turn: the message and its reply."""
        found = await self.agent.layers.episodes.get([arguments.turn_id], owner=self.owner)
        if not found:
            raise InvalidCall(
                f"There is no turn {arguments.turn_id[:80]!r}; search_memory and list_threads name some."
            )
        return _turn(found[0])

    async def diagnose_turn(self, arguments: DiagnoseTurn) -> Diagnosis:
        """Explain what a turn remembered: the candidates, which were kept or cut, by which rule and value.

        Also shows the budget's shares, what was down or late, and how long each stage took.
        """
        observation = await self._observation(arguments.turn_id)
        ids = [judged.turn_id for judged in observation.decisions]
        episodes = await self.agent.layers.episodes.get(ids, owner=self.owner)
        texts = {episode.turn_id: episode for episode in episodes}
        return _diagnosis(observation, explain_decisions(observation.decisions, texts))

    async def list_threads(self, arguments: ListThreads) -> Threads:
        """List the conversations, the latest first, with the beginning of each one's latest message."""
        episodes = self.agent.layers.episodes
        latest = await episodes.recent(owner=self.owner, limit=_RECENT_TURNS)
        by_thread: dict[str, list[Episode]] = {}
        for episode in latest:
            by_thread.setdefault(episode.thread, []).append(episode)
        return Threads(
            threads=[_thread(turns) for turns in list(by_thread.values())[: arguments.limit]],
            all_threads=len(await episodes.threads(owner=self.owner)),
            looked_at=len(latest),
        )

    async def thread_state(self, arguments: ThreadState) -> StateRead:
        """Read the graph's state after a thread's latest turn, including its messages."""
        snapshot = await self.agent.graph.aget_state({"configurable": {"thread_id": arguments.thread}})
        turn = snapshot.values.get("turn")
        if turn is None or turn.owner != self.owner:
            raise InvalidCall(f"There is no thread {arguments.thread[:80]!r}; list_threads names them.")
        return StateRead(
            thread=arguments.thread,
            at=snapshot.created_at or "",
            next=list(snapshot.next),
            state=bounded(_without_others(snapshot.values, self.owner), escape_fences),
        )

    async def _observation(self, turn_id: str) -> Observation:
        log = ObservationLog(self.agent.layers.files)
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
        message=escape_fences(message),
        reply=escape_fences(reply),
        cut=(message, reply) != (episode.said, episode.reply),
        tags=[escape_fences(tag) for tag in episode.tags],
        times_shown=episode.access_count,
    )


def _diagnosis(observation: Observation, memories: Sequence[ExplainedMemory]) -> Diagnosis:
    names = Diagnosis.model_fields.keys() & {field.name for field in fields(Observation)}
    other = {
        "decisions": [_decision(memory) for memory in memories],
        "budget": observation.shares,
        "tools": observation.calls,
        "tool_rounds": observation.rounds,
    }
    return Diagnosis.model_validate({name: getattr(observation, name) for name in names} | other)


def _decision(memory: ExplainedMemory) -> DiagnosedDecision:
    decision = memory.decision
    return DiagnosedDecision(
        **{field.name: getattr(decision, field.name) for field in fields(decision)},
        excerpt=escape_fences(snippet(memory.text)) if memory.text else "",
        means=rule_words(decision),
        measured=measure(decision),
    )


def _thread(turns: list[Episode]) -> ThreadRead:
    """Summarise a thread from its turns, newest first."""
    newest = turns[0]
    return ThreadRead(
        thread=newest.thread,
        turns=len(turns),
        latest=newest.at,
        latest_turn_id=newest.turn_id,
        latest_message=escape_fences(snippet(newest.said or newest.reply)),
    )


def _without_others(values: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Drop other people's messages, which a thread holds when it turned them away."""
    messages = [message for message in values.get("messages", []) if _sender(message) in ("", owner)]
    return {**values, "messages": messages}


def _sender(message: BaseMessage) -> str:
    note = message.additional_kwargs.get("goat")
    return str(note.get("owner", "")) if isinstance(note, Mapping) else ""


def bounded(value: Any, quote: Callable[[str], str]) -> Any:
    """Return `value` as plain JSON values of about `MOST_CHARS` in all; `quote` is applied to each text."""
    plain = to_jsonable_python(value, fallback=str, serialize_unknown=True)
    cut: Any = None
    for longest, most in zip(_TEXTS, _ITEMS, strict=True):
        cut = _cut(plain, longest, most, _DEEPEST, quote)
        if len(json.dumps(cut, ensure_ascii=False)) <= MOST_CHARS:
            break
    return cut


def _cut(value: Any, longest: int, most: int, deep: int, quote: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return quote(clip(value, longest))
    if not isinstance(value, Mapping | list):
        return value
    if deep == 0:
        return "[... left out here ...]"
    if isinstance(value, Mapping):
        names = list(value)[:_NAMES]
        return {str(name): _cut(value[name], longest, most, deep - 1, quote) for name in names}
    cut = [_cut(one, longest, most, deep - 1, quote) for one in value[:most]]
    return [*cut, f"[... {len(value) - most} more are left out here ...]"] if len(value) > most else cut
