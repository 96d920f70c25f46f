"""What is recalled by its meaning, with the embedding model that is shipped."""

import pytest

from graph.app import open_agent
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from graph.state.circumstances import thread_id
from graph.state.recall import recalled_of
from memory.models import Outcome

OWNER = "ana"


@pytest.fixture
def agent(e5_agent: Agent) -> Agent:
    return e5_agent


def thread(name: str) -> str:
    return thread_id("test", OWNER, name)


async def test_a_fact_told_in_one_run_is_recalled_in_another_thread_of_the_next(settings: Settings) -> None:
    async with open_agent(settings) as agent:
        await agent.ask("My daughter Ioana is allergic to peanuts.", owner=OWNER, thread=thread("1"))
        await agent.ask("We repainted the garage door in dark green.", owner=OWNER, thread=thread("1"))
    async with open_agent(settings) as agent:
        await agent.layers.reconcile()  # as every front end does at its start
        state = await agent.ask(
            "What snack can I bake for the kids' birthday?", owner=OWNER, thread=thread("2")
        )
    assert "peanuts" in recalled_of(state)[0].message
    assert "peanuts" in state["prompt"][-1].text


async def test_small_talk_recalls_nothing(agent: Agent) -> None:
    for text in ("My car is a red Dacia from 2012.", "I work as a nurse at the county hospital."):
        await agent.ask(text, owner=OWNER, thread=thread("1"))
    for text in ("thanks!", "good morning", "ce mai faci?"):
        state = await agent.ask(text, owner=OWNER, thread=thread("2"))
        assert not state["allocation"].recalled, text


async def test_a_question_asked_often_in_other_threads_still_gets_its_memory(settings: Settings) -> None:
    asked = ("What is Ioana allergic to?", "Does Ioana have an allergy?", "What are Ioana's allergies?")
    async with open_agent(settings.model_copy(update={"model": ""})) as agent:
        await agent.ask("My daughter Ioana is allergic to peanuts.", owner=OWNER, thread=thread("told"))
        for place, text in enumerate(asked * 3):
            await agent.layers.episodes.index(owner=OWNER)
            state = await agent.ask(text, owner=OWNER, thread=thread(str(place)))
            assert "peanuts" in state["reply"].text, (place, text)


async def test_without_a_model_the_reply_is_the_memory_and_is_not_archived_again(
    settings: Settings,
) -> None:
    bare = settings.model_copy(update={"model": ""})
    async with open_agent(bare) as agent:
        await agent.ask("The spare key is under the third flower pot.", owner=OWNER, thread=thread("1"))
        for place in ("1", "2", "2"):  # said a line above, said elsewhere, asked a line above
            state = await agent.ask("Where is the spare key?", owner=OWNER, thread=thread(place))
            assert state["reply"].outcome is Outcome.RECALLED
            assert "third flower pot" in state["reply"].text
            assert "Where is" not in state["reply"].text  # a question that was asked is no answer
        state = await agent.ask("Which flower pot is the spare key under?", owner=OWNER, thread=thread("2"))
        assert "third flower pot" in state["reply"].text
        assert "Where is" not in state["reply"].text
        for episode in await agent.layers.episodes.recent(owner=OWNER, limit=5):
            assert episode.reply == ""
