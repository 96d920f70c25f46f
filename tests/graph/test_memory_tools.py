"""The agent's tools over its own memory, called as a turn calls them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from langchain_core.tools import ToolException

from graph.runtime.agent import Agent
from graph.state.turn_state import Turn
from graph.tools.caller import Caller
from graph.tools.memory_tools import FROM_OUTSIDE
from graph.tools.traits import traits_of
from memory.models import FOREIGN, Episode

pytestmark = pytest.mark.asyncio(loop_scope="session")

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
EARLIER = datetime(2026, 2, 1, 12, tzinfo=UTC)
TURN = Turn(turn_id="now", owner="ana", thread="1", message="do it", at=AT)


async def call(agent: Agent, name: str, **arguments: Any) -> str:
    tools = await agent.layers.toolbox.tools_for(TURN)
    return str(await tools[name].ainvoke(arguments, Caller(turn=TURN, key="now:0:0").config()))


async def noted(agent: Agent, key: str, value: str, at: datetime = EARLIER) -> None:
    await agent.layers.permanent.upsert(key, value, owner="ana", at=at)


async def test_a_time_outside_the_calendar_says_what_to_write(agent: Agent) -> None:
    with pytest.raises(ValueError, match="outside the calendar: write a date such as"):
        await call(agent, "search_memory", query="bread", after="0001-01-01T00:00+14:00")


@pytest.mark.parametrize("value", ["", "  ", "\0", "\0 \0"])
async def test_an_empty_value_is_no_fact(agent: Agent, value: str) -> None:
    with pytest.raises(ToolException, match="The value is empty"):
        await call(agent, "promote_memory", key="bread", value=value)
    assert not await agent.layers.permanent.facts(owner="ana")


@pytest.mark.parametrize("at", [EARLIER, AT], ids=["noted earlier", "noted in this turn"])
async def test_to_forget_a_fact_again_says_the_same(agent: Agent, at: datetime) -> None:
    await noted(agent, "bread", "rye", at)
    said = [await call(agent, "forget_fact", key=key) for key in ("bread", "bread", " BREAD")]
    assert said[:2] == ["Taken out: bread."] * 2
    assert said[2] == "Taken out: BREAD."
    assert not await agent.layers.permanent.facts(owner="ana")


async def test_a_fact_that_was_forgotten_earlier_is_none(agent: Agent) -> None:
    await noted(agent, "bread", "rye", datetime(2026, 1, 1, tzinfo=UTC))
    await agent.layers.permanent.forget("bread", owner="ana", at=EARLIER)
    await noted(agent, "city", "Cluj")
    with pytest.raises(ToolException, match=r"There is no fact 'bread'.*: city"):
        await call(agent, "forget_fact", key="bread")


async def test_what_was_read_outside_is_marked_where_it_is_found(agent: Agent) -> None:
    for number, tags in enumerate([(), (FOREIGN,)]):
        episode = Episode(
            turn_id=f"t{number}",
            owner="ana",
            thread="old",
            message=f"Ticket BAKE-{number} is about bread",
            reply="",
            at=EARLIER,
            tags=tags,
        )
        await agent.layers.episodes.append(episode)
    await agent.layers.episodes.index(owner="ana")
    said = await call(agent, "search_memory", query="the ticket about bread")
    marked = {line.partition("BAKE-")[2][0]: FROM_OUTSIDE in line for line in said.splitlines()[1:]}
    assert marked == {"0": False, "1": True}


async def test_the_status_names_every_part(agent: Agent) -> None:
    await noted(agent, "bread", "rye")
    lines = dict(line.split(": ", 1) for line in (await call(agent, "memory_status")).splitlines())
    assert lines["archive"] == "0 turns"
    assert lines["search"] == "by meaning and by words"
    assert lines["facts"].startswith("1, ")
    assert lines["conversations"] == "there"


async def test_only_what_delegated_work_found_is_text_from_outside(agent: Agent) -> None:
    offered = await agent.layers.toolbox.tools_for(TURN)
    own = {name: traits_of(tool) for name, tool in offered.items() if not traits_of(tool).isolated}
    assert {name for name, traits in own.items() if traits.foreign} == {"delegate_status"}
    changing = {name for name, traits in own.items() if traits.changes}
    assert changing == {
        "store_memory",
        "promote_memory",
        "forget_fact",
        "set_identity",
        "delegate",
        "delegate_stop",
    }
