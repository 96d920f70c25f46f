"""Reminders in the terminal: set by a message, shown in one terminal, also after it was closed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from bot.terminal.terminal import Chat
from bot.terminal.terminal_place import TerminalPlace
from graph.app import open_agent
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from graph.state.circumstances import thread_id
from memory.models import Episode
from tests.servers.model import ModelServer


@dataclass(slots=True)
class Screen:
    """A terminal and what it shows."""

    chat: Chat
    shown: StringIO = field(default_factory=StringIO)

    async def say(self, line: str) -> str:
        """Type a line; return what it adds."""
        before = len(self.shown.getvalue())
        assert await self.chat.handle(line)
        return self.shown.getvalue()[before:]

    async def at(self, moment: datetime) -> str:
        """Let a moment come; return what it adds."""
        before = len(self.shown.getvalue())
        await self.chat.reminders.show_due(moment)
        return self.shown.getvalue()[before:]


@pytest.fixture
async def agent(settings: Settings, hash_vectors: None) -> AsyncIterator[Agent]:
    async with open_agent(settings) as opened:
        yield opened


async def ready() -> None:
    """Nothing is loaded in the background."""


def screen(agent: Agent) -> Screen:
    shown = StringIO()
    place = TerminalPlace("ana", thread_id("terminal", "ana"), Path("unused"))
    return Screen(Chat(Console(file=shown, width=120), agent, place, asyncio.create_task(ready())), shown)


async def test_a_reminder_is_set_by_a_message_and_shown_in_one_terminal_once(
    agent: Agent, model: ModelServer
) -> None:
    first, second = screen(agent), screen(agent)
    said = await first.say("remind me tomorrow at 9 to water the plants")
    assert "I will remind you: water the plants" in said
    assert not model.chats
    (reminder,) = await agent.layers.reminders.of("ana")
    assert f"{reminder.schedule.at:%Y-%m-%d} 09:00: water the plants" in await second.say("/reminders")
    due = reminder.schedule.at
    assert await first.at(due - timedelta(seconds=1)) == ""
    both = [await first.at(due), await second.at(due)]
    assert [text.count("⏰ water the plants") for text in both] == [1, 0]
    assert "Late" not in both[0]
    assert await first.at(due + timedelta(days=9)) == ""
    state = await agent.last_turn(thread_id("terminal", "ana"))
    assert state is not None
    assert state["reply"].text.startswith("I will remind you: water the plants")


async def test_what_came_due_while_no_terminal_was_open_is_told_as_late(agent: Agent) -> None:
    await screen(agent).say("every weekday at 8 remind me to stretch")
    (reminder,) = await agent.layers.reminders.of("ana")
    shown = await screen(agent).at(reminder.schedule.at + timedelta(days=30))
    assert shown.count("⏰ stretch") == 1
    assert "Late: this was due" in shown
    (again,) = await agent.layers.reminders.of("ana")
    assert again.schedule.at > reminder.schedule.at + timedelta(days=30)


async def test_one_is_offered_for_an_event_and_the_rest_of_a_message_is_answered(
    agent: Agent, model: ModelServer
) -> None:
    model.reply("Good luck!")
    terminal, soon = screen(agent), datetime.now(UTC) + timedelta(days=40)
    said = await terminal.say(f"My exam is on {soon.day} {soon:%B %Y}.")
    assert "Good luck!" in said
    assert "/reminders yes sets it" in said
    assert "My exam is on" in await terminal.say("/reminders yes")
    said = await terminal.say("Remind me tomorrow at 9 to swim. And what is the capital of Peru?")
    assert "Good luck!" in said
    assert "I will remind you: swim" in said
    assert "Reminder ended: swim" in await terminal.say("/reminders 2 end")
    assert len(await agent.layers.reminders.of("ana")) == 1


async def test_a_memory_next_to_a_reminder_has_its_date_in_the_reminders_zone(agent: Agent) -> None:
    terminal = screen(agent)
    await agent.layers.permanent.upsert("time zone", "Asia/Tokyo", owner="ana", at=datetime.now(UTC))
    for number, message in enumerate(["The zebra finches eat millet.", "I paint.", "It rains.", "I swim."]):
        at = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
        told = Episode(turn_id=f"t{number}", owner="ana", thread="t", message=message, reply="", at=at)
        await agent.layers.episodes.append(told)
    await terminal.say("remind me tomorrow at 9 to feed millet to the zebra finches")
    (reminder,) = await agent.layers.reminders.of("ana")
    assert "2026-03-02: The zebra finches eat millet." in await terminal.at(reminder.schedule.at)
