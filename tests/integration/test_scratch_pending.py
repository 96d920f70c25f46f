from tests.integration.test_studio import *

async def test_pending(client: LangGraphClient, agent: Agent) -> None:
    from datetime import UTC, datetime
    from graph.turn import user_message
    thread = thread_id("terminal", "jana", "1")
    config = {"configurable": {"thread_id": thread}}
    message = user_message("I moved to Cluj.", turn_id="t1", owner="jana", at=datetime.now(UTC))
    await agent.graph.ainvoke({"messages": [message]}, config, context=agent.layers.settings().turn_context("jana"), interrupt_before=["archive"], durability="sync")
    print((await agent.graph.aget_state(config)).next)
    there = await (await Chat.begin(client, thread)).say("Where do I live?")
    print(conversation(there), await agent.layers.episodes.count(owner="jana"))
    assert conversation(there) == ["I moved to Cluj."]
    assert await agent.layers.episodes.count(owner="jana") == 2
