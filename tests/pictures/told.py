"""An invented conversation and its last turn, from the real agent, without a model."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.pictures.picture_values import Room, Scores
from bot.presentation.turn_screen import picture_of
from bot.printable import snippet
from graph.app import open_agent
from graph.explain.explanation import explain
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from graph.state.circumstances import Circumstances, thread_id
from memory.models import Episode

OWNER = "ana"
LAST = datetime(2026, 3, 1, 12, tzinfo=UTC)
SAID = (
    ("My daughter Ioana is allergic to peanuts.", "I will keep that in mind."),
    ("Ioana's birthday party is on the 14th, eleven children are coming.", "That is a full house."),
    ("The car needs new winter tyres before November.", "Shall I look up prices?"),
    ("We repainted the garage door in dark green.", "That suits the hedge."),
    ("My mother's walnut cake takes six eggs and no flour.", "It sounds moist."),
    ("The boiler makes a knocking noise in the mornings.", "It may be air in the pipes."),
    ("thanks!", "You are welcome."),
)
BEFORE = (
    "The week is full: two deadlines, the dentist on Tuesday, and the school concert on Friday evening.",
    "I have flour, sugar, butter, eggs and a bag of hazelnuts in the kitchen, and two hours on Saturday.",
)
ASKED = "What can I bake for Ioana's birthday that she can eat?"


async def archive_talk(agent: Agent, owner: str) -> None:
    """Archive what was said, three days apart."""
    episodes = [
        Episode(
            turn_id=f"told-{number}",
            owner=owner,
            thread=thread_id("pictures", owner),
            message=message,
            reply=reply,
            at=LAST - timedelta(days=3 * number, hours=number),
        )
        for number, (message, reply) in enumerate(SAID, start=1)
    ]
    await agent.layers.episodes.append_many(episodes)
    await agent.layers.episodes.index(owner=owner)


async def turn_of_a_conversation(folder: Path) -> tuple[Scores, Room]:
    """Tell an agent the conversation, ask, and return the picture's content."""
    async with open_agent(Settings(data_folder=folder, timezone="UTC")) as agent:
        await agent.layers.warm_up(OWNER)
        await archive_talk(agent, OWNER)
        asked = thread_id("pictures", OWNER, "asked")
        for minute, message in enumerate((*BEFORE, ASKED)):
            about = Circumstances(at=LAST + timedelta(minutes=minute))
            state = await agent.ask(message, owner=OWNER, thread=asked, about=about)
    turn = explain(state)
    if turn is None:
        raise RuntimeError("The turn did not get as far as its budget.")
    return picture_of(turn, lambda at: f"{at:%Y-%m-%d %H:%M}", snippet=snippet)
