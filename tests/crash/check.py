"""Checks of the stores against the workers' reports."""

import asyncio
import re
from collections import Counter

from langchain_core.runnables import RunnableConfig

from graph.runtime.agent import Agent
from memory.episodic.index.vector_state import collection_name
from tests.crash.script import LANES, Lane
from tests.crash.told import Findings, NumberedReplies, Told


async def check(agent: Agent, told: Told, replies: NumberedReplies) -> Findings:
    """Finish pending turns as any start does, and check every layer."""
    for state in await agent.resume():
        told.note_reply(state["turn"].turn_id, state["reply"].text)
    checker = Checker(agent, told, replies)
    for lane in LANES:
        if told.sent[lane]:
            await checker.repeat_the_last(lane)
            await checker.check_conversation(lane)
    for owner in sorted({lane.owner for lane in LANES if told.sent[lane]}):
        await checker.check_archive(owner)
    return told.findings


class Checker:
    """Checks one lane or owner at a time."""

    def __init__(self, agent: Agent, told: Told, replies: NumberedReplies) -> None:
        self._agent = agent
        self._told = told
        self._asked = replies.asked
        self._findings = told.findings

    async def repeat_the_last(self, lane: Lane) -> None:
        """Send the lane's last turn again, like a user who got no answer."""
        position = self._told.sent[lane] - 1
        turn_id = lane.turn_id(position)
        asked_before = len(self._asked.get(turn_id, []))
        state = await self._agent.ask(
            lane.message(position), owner=lane.owner, thread=lane.thread, turn_id=turn_id
        )
        self._told.note_reply(turn_id, state["reply"].text)
        if turn_id in self._told.begun and len(self._asked[turn_id]) > asked_before:
            self._findings.lost.append(f"{turn_id} was in a checkpoint, and is answered only when repeated")

    async def check_conversation(self, lane: Lane) -> None:
        """Check that L2 has every turn once, in order, and that none is pending."""
        window = await self._agent.layers.conversations.window(
            owner=lane.owner, thread=lane.thread, max_tokens=10**9
        )
        expected, ids = self._expected(lane), [turn.turn_id for turn in window]
        self._once("L2", expected, ids)
        if sorted(ids) == sorted(expected) and ids != expected:
            self._findings.other.append(f"L2 of {lane} is out of order: {ids}")
        for turn in window:
            self._compare("L2", turn.turn_id, turn.reply)
        config: RunnableConfig = {"configurable": {"thread_id": lane.thread}}
        if tasks := (await self._agent.graph.aget_state(config)).tasks:
            self._findings.other.append(f"{lane} is still pending at {[task.name for task in tasks]}")

    async def check_archive(self, owner: str) -> None:
        """Check that L3 has every turn of the owner once, with its vectors, and nobody else's."""
        archive = self._agent.layers.episodes
        await self._wait_for_vectors()
        episodes = await archive.recent(owner=owner, limit=10**6)
        self._once(
            f"L3 of {owner}",
            [turn_id for lane in LANES if lane.owner == owner for turn_id in self._expected(lane)],
            [episode.turn_id for episode in episodes],
        )
        for episode in episodes:
            self._compare("L3", episode.turn_id, episode.reply)
            if episode.thread != Lane.of(episode.turn_id)[0].thread:
                self._findings.other.append(f"{episode.turn_id} stands in thread {episode.thread}")
            hits = (await archive.search(episode.text, owner=owner, limit=3)).hits
            if episode.turn_id not in {hit.episode.turn_id for hit in hits}:
                self._findings.lost.append(f"{episode.turn_id} is not found by its own text")
        state = await archive._ledger.state(owner)
        vectors = await self._agent.layers.vectors.count(collection_name(owner, state))
        if not vectors == state.parts == len(episodes):
            counts = f"{vectors} vectors, {state.parts} noted, {len(episodes)} episodes"
            self._findings.other.append(f"{owner}: {counts}")

    async def _wait_for_vectors(self) -> None:
        """Wait for what a start and an answer begin in the background."""
        begun = [self._agent._reconciling, *self._agent.layers.episodes._background.here()]
        await asyncio.wait([task for task in begun if task is not None])

    def _expected(self, lane: Lane) -> list[str]:
        return [lane.turn_id(position) for position in range(self._told.sent[lane])]

    def _once(self, layer: str, expected: list[str], ids: list[str]) -> None:
        find = self._findings
        find.lost += [f"{turn_id} is not in {layer}" for turn_id in expected if turn_id not in ids]
        find.doubled += [f"{turn_id} is twice in {layer}" for turn_id, n in Counter(ids).items() if n > 1]
        find.other += [f"{turn_id} is in {layer}, unsent" for turn_id in ids if turn_id not in expected]

    def _compare(self, layer: str, turn_id: str, reply: str) -> None:
        """Check that the reply is the shown one, and the model's latest."""
        shown, asked = self._told.shown.get(turn_id, reply), self._asked.get(turn_id, [])
        if reply != shown:
            self._findings.other.append(f"{turn_id}: {layer} has {reply!r}, shown was {shown!r}")
        if [int(number) for number in re.findall(r"number (\d+)", reply)] != asked[-1:]:
            self._findings.doubled.append(f"{turn_id}: {layer} has {reply!r}, asked was {asked}")
