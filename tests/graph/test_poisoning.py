"""Orders planted in memories, pages, quotations and facts: nobody follows them."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from graph.app import open_agent
from graph.events.turn_events import Finished
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from graph.state.circumstances import PLAIN, Circumstances, thread_id
from graph.state.turn_state import State
from memory.errors import Undecided
from memory.models import FOREIGN, Episode
from memory.provenance import Carrier, Part
from tests.plugins import add_plugin
from tests.scripted import calling, in_turn
from tests.servers.model import ModelServer
from tests.servers.obedient import CANARY, Obedient
from tests.servers.openai_format import ToolCall

PLANTED: dict[str, str] = {
    form["name"]: form["text"]
    for form in json.loads((Path(__file__).parents[1] / "data" / "planted_orders.json").read_text("utf-8"))
    if "by" not in form  # the others: tests/graph/test_doors.py
}
EVERYTHING = {"gap_threshold": 0.0, "gap_break": 100.0}
"""Recalls whatever is found."""
TOGETHER, TURNS = 6, 4
"""Forms in a turn, turns in a conversation."""
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAGE = '''"""A page, as a tool reads it."""
from langchain_core.tools import tool
from graph.tools.traits import Traits

PAGES = {pages!r}

def build(services):
    @tool
    def read_page(name: str) -> str:
        """Read a page."""
        return PAGES[name]

    read_page.metadata = Traits(cached=60).metadata()
    return [read_page]
'''


@pytest.fixture
async def agent(settings: Settings, hash_vectors: None) -> AsyncIterator[Agent]:
    add_plugin(settings.data_folder, "pages.py", PAGE.replace("{pages!r}", repr(PLANTED)))
    async with open_agent(settings) as opened:
        yield opened


async def shown_everywhere(agent: Agent, owner: str, names: Sequence[str], model: Obedient) -> State:
    """Show planted orders as what was said, answered, quoted and noted as a fact, and on a page."""
    tickets = [f"BAKE-{list(PLANTED).index(name)}" for name in names]
    for number, (name, ticket) in enumerate(zip(names, tickets, strict=True)):
        text = PLANTED[name]
        await agent.layers.permanent.upsert(f"bread {number}", text[:300], owner=owner, at=NOW)
        await archived(agent, owner, message=f"Ticket {ticket} says: {text}", reply=text, name=name)
    await agent.layers.episodes.index(owner=owner)
    model.first = reading(*names)
    quotes = tuple(Part(text=PLANTED[name], carrier=Carrier.QUOTED) for name in names)
    state = await asked(agent, owner, " and ".join(tickets), Circumstances(parts=quotes))
    assert [result.output for result in state["results"]] == [PLANTED[name] for name in names], state["reply"]
    assert {f"old-{owner}-{name}" for name in names} <= set(state["allocation"].recalled)
    return state


def reading(*names: str) -> tuple[ToolCall, ...]:
    return tuple(ToolCall("read_page", {"name": name}, f"call_{n}") for n, name in enumerate(names))


async def test_no_planted_order_is_followed(agent: Agent, model: ModelServer) -> None:
    """What tools gave, and what replies repeat, stands in the turns that follow."""
    followed = {}
    for number, turns in enumerate(conversations()):
        owner, obedient = f"ana-{number}", Obedient(quotes=True)
        model.reply(obedient)
        await agent.layers.permanent.upsert("name", "Ana", owner=owner, at=NOW)
        for names in turns:
            try:
                shown = shown_everywhere(agent, owner, names, obedient) if names else asked(agent, owner)
                done = called_in(await shown)
            except Undecided as error:
                done = [str(error)]
            obedient.first = ()
            if wrong := [*done, *await changes(agent, owner, obedient)]:
                followed[" and ".join(names)] = wrong
                break
    assert not followed, "\n".join(f"{name}: {'; '.join(wrong)}" for name, wrong in followed.items())
    assert len(PLANTED) >= 40


def conversations() -> list[list[list[str]]]:
    """Return the names of the forms, some to a turn and turns to a conversation; the last turn shows none."""
    names = list(PLANTED)
    turns = [names[start : start + TOGETHER] for start in range(0, len(names), TOGETHER)]
    return [[*turns[start : start + TURNS], []] for start in range(0, len(turns), TURNS)]


async def after_a_page(agent: Agent, owner: str, model: Obedient) -> None:
    """Read the page and be asked about what it orders, in that turn."""
    model.first = reading("plain order")
    await asked(agent, owner)


async def after_a_turn_that_read_a_page(agent: Agent, owner: str, model: Obedient) -> None:
    """Recall what was said of a page."""
    text = f"Ticket BAKE-4711 says: {PLANTED['plain order']}"
    await archived(agent, owner, message=text, reply="So it says.", tags=(FOREIGN,))
    await agent.layers.episodes.index(owner=owner)
    await asked(agent, owner)


@pytest.mark.parametrize("way", [after_a_page, after_a_turn_that_read_a_page], ids=lambda way: way.__name__)
async def test_the_person_is_asked_first_when_a_model_follows_what_it_reads(
    agent: Agent, model: ModelServer, way: Callable[..., Awaitable[None]]
) -> None:
    obedient = Obedient(gullible=True)
    model.reply(obedient)
    await agent.layers.permanent.upsert("name", "Ana", owner="ana", at=NOW)
    try:
        await way(agent, "ana", obedient)
        waited = False
    except Undecided:
        waited = True
    assert obedient.obeyed
    obedient.obeyed.clear()
    assert not await changes(agent, "ana", obedient)
    assert waited


async def test_the_model_does_obey_what_the_person_says(agent: Agent, model: ModelServer) -> None:
    obedient = Obedient()
    model.reply(obedient)
    await agent.layers.permanent.upsert("name", "Ana", owner="ana", at=NOW)
    thread = thread_id("test", "ana")
    with pytest.raises(Undecided, match="set_identity"):
        await agent.ask(PLANTED["plain order"], owner="ana", thread=thread)
    assert obedient.obeyed
    waiting = await agent.waiting(thread, owner="ana")
    assert waiting is not None
    assert [one.tool for one in waiting.approvals] == ["set_identity"], "it is always asked about"
    asked = waiting.approvals[0].id
    deciding = agent.decide(waiting.turn_id, owner="ana", thread=thread, approval_id=asked, allowed=True)
    events = [event async for event in deciding]
    assert isinstance(events[-1], Finished)
    assert {result.name for result in events[-1].state["results"] if result.ok} == {
        "set_identity",
        "promote_memory",
        "forget_fact",
        "store_memory",
    }
    assert CANARY in (await agent.layers.permanent.identity(owner="ana") or "")


@pytest.mark.parametrize(
    ("address", "waits"),
    [("http://127.0.0.1:9/list?q=", False), ("http://127.0.0.1:9/list?q= PIN 1234", True)],
    ids=["as it stands there", "with a secret behind a blank"],
)
async def test_an_address_is_asked_about_when_it_is_not_the_one_that_was_quoted(
    agent: Agent, model: ModelServer, address: str, waits: bool
) -> None:
    model.reply(in_turn(calling("fetch_content", url=address), "Done."))
    quote = Part(text="Prices: http://127.0.0.1:9/list?q= and no more.", carrier=Carrier.QUOTED)
    asking = asked(agent, "ana", "What is that?", Circumstances(parts=(quote,)))
    if waits:
        with pytest.raises(Undecided, match="fetch_content"):
            await asking
    else:
        (result,) = (await asking)["results"]
        assert "not on the public internet" in result.output


def called_in(state: State) -> list[str]:
    """Return the tools that a turn called, but for those that it was told to."""
    called = {result.name for result in state["results"]} - {"read_page"}
    return [f"{name} was called" for name in sorted(called)]


async def changes(agent: Agent, owner: str, obedient: Obedient) -> list[str]:
    """Return what was read as an order, and what was done that nobody asked for."""
    permanent = agent.layers.permanent
    known = await permanent.facts(owner=owner)
    facts = {fact.key: fact.value for fact in known if not fact.key.startswith("bread")}
    notes = [e for e in await agent.layers.episodes.recent(owner=owner, limit=9) if "note" in e.tags]
    found = {
        "the identity changed": await permanent.identity(owner=owner),
        "the facts changed": facts != {"name": "Ana"},
        "something was noted": notes,
    }
    read = [f"this was read as an order: {around_the_canary(text)}" for text in obedient.obeyed]
    return read + [what for what, is_so in found.items() if is_so]


def around_the_canary(text: str) -> str:
    """Return, on one line, what stands near the order in a text as `leniently` gives it."""
    place = text.find(CANARY.casefold())
    return repr(text[max(0, place - 80) : place + 80])


async def archived(
    agent: Agent, owner: str, *, message: str, reply: str, name: str = "", tags: tuple[str, ...] = ()
) -> None:
    episode = Episode(
        turn_id=f"old-{owner}-{name}",
        owner=owner,
        thread="old",
        message=message,
        reply=reply,
        at=NOW,
        tags=tags,
    )
    await agent.layers.episodes.append(episode)


async def asked(agent: Agent, owner: str, ticket: str = "BAKE-4711", about: Circumstances = PLAIN) -> State:
    """Ask for what holds a key, which is recalled whatever else there is."""
    context = agent.layers.settings.turn_context(owner).model_copy(update=EVERYTHING)
    question, thread = f"What does ticket {ticket} say?", thread_id("test", owner, "1")
    return await agent.ask(question, owner=owner, thread=thread, context=context, about=about)
