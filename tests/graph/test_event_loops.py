"""The agent where there is no application around it, as in a notebook."""

import asyncio

from graph.app import open_agent
from graph.settings.settings import Settings
from graph.state.circumstances import thread_id

THREAD = thread_id("notebook", "ana")


def test_the_agent_opens_again_in_a_fresh_event_loop(settings: Settings) -> None:
    async def ask(text: str) -> list[str]:
        async with open_agent(settings) as agent:
            await agent.ask(text, owner="ana", thread=THREAD)
            state = await agent.ask(f"{text} Again.", owner="ana", thread=THREAD)
        return [past.message for past in state["conversation"].turns]

    assert asyncio.run(ask("One.")) == ["One."]
    assert asyncio.run(ask("Two.")) == ["One.", "One. Again.", "Two."]
