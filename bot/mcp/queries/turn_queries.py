"""Tools over turns and threads; those of other owners are not there."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from langchain_core.messages import BaseMessage
from pydantic_core import to_jsonable_python

from bot.mcp.queries.query_arguments import DiagnoseTurn, GetTurn, ListThreads, ThreadState
from bot.mcp.queries.turn_answers import Diagnosed, Diagnosis, StateRead, ThreadRead, Threads, TurnRead
from bot.mcp.read_tool import ReadTool, Refused, read_tool
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
_LOOKED_AT = 500
MOST_CHARS = 60_000
_TEXTS = (4000, 1000, 250, 60)
"""Longest texts, tried in turn until the whole fits."""
_ITEMS = (100, 50, 20, 5)
"""Longest lists, beside them."""
_NAMES = 100
"""Of an object."""
_DEEPEST = 12


@dataclass(frozen=True, slots=True)
class TurnQueries:
    """Read what became of an owner's turns."""

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

    async def get_turn(self, asked: GetTurn) -> TurnRead:
        """Read one turn of the archive: the message and its reply."""
        found = await self.agent.layers.episodes.get([asked.turn_id], owner=self.owner)
        if not found:
            raise Refused(
                f"There is no turn {asked.turn_id[:80]!r}; search_memory and list_threads name some."
            )
        return _turn(found[0])

    async def diagnose_turn(self, asked: DiagnoseTurn) -> Diagnosis:
        """Tell why a turn remembered what it did: what was found, kept and cut, by which rule and number.

        Also how the budget was shared, what was down or late, and how long each stage took.
        """
        observation = await self._observation(asked.turn_id)
        ids = [judged.turn_id for judged in observation.decisions]
        episodes = await self.agent.layers.episodes.get(ids, owner=self.owner)
        texts = {episode.turn_id: episode for episode in episodes}
        return _diagnosis(observation, explain_decisions(observation.decisions, texts))

    async def list_threads(self, asked: ListThreads) -> Threads:
        """List the conversations, the latest first, with how each one's latest turn begins."""
        episodes = self.agent.layers.episodes
        latest = await episodes.recent(owner=self.owner, limit=_LOOKED_AT)
        by_thread: dict[str, list[Episode]] = {}
        for episode in latest:
            by_thread.setdefault(episode.thread, []).append(episode)
        return Threads(
            threads=[_thread(turns) for turns in list(by_thread.values())[: asked.limit]],
            all_threads=len(await episodes.threads(owner=self.owner)),
            looked_at=len(latest),
        )

    async def thread_state(self, asked: ThreadState) -> StateRead:
        """Read the state that a thread's latest turn left, as the graph's nodes wrote it, messages too."""
        snapshot = await self.agent.graph.aget_state({"configurable": {"thread_id": asked.thread}})
        turn = snapshot.values.get("turn")
        if turn is None or turn.owner != self.owner:
            raise Refused(f"There is no thread {asked.thread[:80]!r}; list_threads names them.")
        return StateRead(
            thread=asked.thread,
            at=snapshot.created_at or "",
            next=list(snapshot.next),
            state=bounded(_own(snapshot.values, self.owner), escape_fences),
        )

    async def _observation(self, turn_id: str) -> Observation:
        log = ObservationLog(self.agent.layers.files)
        if turn_id:
            found = await log.get(turn_id, owner=self.owner)
        else:
            found = next(iter(await log.recent(owner=self.owner, limit=1)), None)
        if found is None:
            which = f"turn {turn_id[:80]!r}" if turn_id else "any turn"
            raise Refused(f"There is no observation of {which}. Private and imported turns have none.")
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
        "decisions": [_diagnosed(memory) for memory in memories],
        "budget": observation.shares,
        "tools": observation.calls,
        "tool_rounds": observation.rounds,
    }
    return Diagnosis.model_validate({name: getattr(observation, name) for name in names} | other)


def _diagnosed(memory: ExplainedMemory) -> Diagnosed:
    decision = memory.decision
    return Diagnosed(
        **{field.name: getattr(decision, field.name) for field in fields(decision)},
        excerpt=escape_fences(snippet(memory.text)) if memory.text else "",
        means=rule_words(decision),
        measured=measure(decision),
    )


def _thread(turns: list[Episode]) -> ThreadRead:
    """Tell of a thread's turns, newest first."""
    newest = turns[0]
    return ThreadRead(
        thread=newest.thread,
        turns=len(turns),
        latest=newest.at,
        latest_turn_id=newest.turn_id,
        latest_message=escape_fences(snippet(newest.said or newest.reply)),
    )


def _own(values: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Leave out messages of somebody else: they stand in a thread from which they were turned away."""
    messages = [message for message in values.get("messages", []) if _sender(message) in ("", owner)]
    return {**values, "messages": messages}


def _sender(message: BaseMessage) -> str:
    note = message.additional_kwargs.get("goat")
    return str(note.get("owner", "")) if isinstance(note, Mapping) else ""


def bounded(value: Any, said: Callable[[str], str]) -> Any:
    """Return `value` as plain JSON values of about `MOST_CHARS` together; texts pass through `said`."""
    plain = to_jsonable_python(value, fallback=str, serialize_unknown=True)
    shown: Any = None
    for longest, most in zip(_TEXTS, _ITEMS, strict=True):
        shown = _cut(plain, longest, most, _DEEPEST, said)
        if len(json.dumps(shown, ensure_ascii=False)) <= MOST_CHARS:
            break
    return shown


def _cut(value: Any, longest: int, most: int, deep: int, said: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return said(clip(value, longest))
    if not isinstance(value, Mapping | list):
        return value
    if deep == 0:
        return "[... left out here ...]"
    if isinstance(value, Mapping):
        names = list(value)[:_NAMES]
        return {str(name): _cut(value[name], longest, most, deep - 1, said) for name in names}
    cut = [_cut(one, longest, most, deep - 1, said) for one in value[:most]]
    return [*cut, f"[... {len(value) - most} more are left out here ...]"] if len(value) > most else cut
