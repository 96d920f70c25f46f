"""Delegated work in Telegram: progress in one message, the result in a new one, for its owner alone."""

import asyncio
import json
import threading
from dataclasses import replace

import pytest

from bot.telegram.inbox.lanes import NOTICE_MARK
from bot.telegram.place import lane_of
from bot.telegram.process.intake import arrivals
from bot.telegram.process.notice_handlers import move_notice
from graph.delegation.job import Job, Status
from tests.servers.model import ModelRequest, ModelServer, Reply
from tests.servers.openai_format import ToolCall
from tests.team import QUICK, Team, plan
from tests.telegram_bot import BOB, EVE, SECONDS, Bot

pytestmark = pytest.mark.asyncio(loop_scope="session")

GROUP = -1001
TASK = "Compare the *prices* of oats."
LONG = "long-words-make-few-pieces " * 300


@pytest.fixture
def team(bot: Bot, model: ModelServer) -> Team:
    """Have every message but those of the team delegated, and then answered."""

    def delegate(request: ModelRequest) -> str | Reply:
        if request.messages[-2]["role"] == "tool":
            return "It is at work."
        return Reply("", (ToolCall("delegate", {"task": TASK}),))

    scripted = Team(otherwise=delegate)
    model.reply(scripted)
    return scripted


@pytest.fixture
def quick(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> Bot:
    monkeypatch.setattr(bot.context.agent.layers.delegation.runner, "pace", QUICK)
    return bot


async def ended(bot: Bot, owner: str) -> Job:
    """Wait for the owner's job, and for all word of it."""
    delegation = bot.context.agent.layers.delegation
    async with asyncio.timeout(SECONDS):
        while True:
            jobs = await delegation.jobs.latest(owner=owner)
            waits = await delegation.notices.first(bot.context.box) or await delegation.jobs.open()
            if jobs and not jobs[0].is_open and not waits:
                await bot.idle()
                return jobs[0]
            await asyncio.sleep(0.02)


async def test_progress_is_one_message_and_the_result_a_new_one(quick: Bot, team: Team) -> None:
    shown = threading.Event()

    def research(_: ModelRequest) -> str:
        assert shown.wait(SECONDS)  # in the endpoint's own thread
        return "Oats cost 3 lei."

    team.answers = {"researcher": research, "summariser": "Oats cost **3 lei**.\n\n" + LONG}
    quick.api.says(BOB, "find out", language="ro")
    await quick.until(lambda: [one for one in quick.api.answers(BOB) if "În fundal" in one.text])
    shown.set()
    job = await ended(quick, f"telegram-{BOB}")
    assert job.status is Status.DONE
    reply, progress, result, rest = quick.api.answers(BOB)
    assert reply.text == "It is at work."
    assert progress.text.splitlines()[0] == f"✅ În fundal: {TASK} ({job.name})"
    assert "gata: prices" in progress.text
    assert "gata: table" in progress.text
    assert result.text.startswith(f"✅ Gata: {TASK}\n\nOats cost 3 lei.")
    assert rest.text.endswith("pieces")
    assert any(entity["type"] == "bold" for entity in result.entities)


async def test_word_that_is_moved_or_shown_twice_is_seen_once(quick: Bot, team: Team) -> None:
    quick.api.says(BOB, "find out")
    job = await ended(quick, f"telegram-{BOB}")
    before = [message.text for message in quick.api.answers(BOB)]
    context, notices = quick.context, quick.context.agent.layers.delegation.notices
    client = await context.agent.layers.redis.client()
    again = {"job": job.job_id, "owner": job.owner, "name": "end", "place": f"{BOB}:0", "language": "en"}
    for number in range(1, 6):
        box = await anext(client.scan_iter(match="goat:notices:*:number"))
        raw = json.dumps({"number": number} | again)
        await client.rpush(box.decode().replace(":number", ":waiting"), raw)
    while await move_notice(context):
        continue
    await ended(quick, job.owner)
    assert await notices.first(context.box) is None
    assert [message.text for message in quick.api.answers(BOB)] == before


async def test_nobody_who_was_locked_out_is_told(quick: Bot, team: Team, model: ModelServer) -> None:
    team.answers = {"researcher": "slow "}
    model.hold_before = "slow"
    quick.api.says(BOB, "find out")
    await quick.answers(BOB, 1)
    await quick.context.access.deny(BOB)
    before = len(quick.api.answers(BOB))
    model.hold_before = ""
    job = await ended(quick, f"telegram-{BOB}")
    assert job.status is Status.DONE
    assert len(quick.api.answers(BOB)) <= before + 1
    assert not any("Oats cost" in message.text for message in quick.api.answers(BOB))


async def test_a_notice_for_another_chat_than_the_owners_is_not_shown(quick: Bot, team: Team) -> None:
    quick.api.says(BOB, "find out")
    job = await ended(quick, f"telegram-{BOB}")
    await quick.context.access.allow(EVE)
    notices = quick.context.agent.layers.delegation.notices
    for thread in (job.thread, "other"):
        forged = replace(job, thread=thread)
        address = {"box": quick.context.box, "place": f"{EVE}:0", "language": "en"}
        client = await quick.context.agent.layers.redis.client()
        key = await anext(client.scan_iter(match="goat:notices:*:addresses"))
        await client.hset(key, thread, json.dumps(address))
        await notices.put(forged, f"again {thread}")
    await ended(quick, job.owner)
    assert not quick.api.answers(EVE)


async def test_a_group_is_told_in_its_topic(quick: Bot, team: Team) -> None:
    await quick.context.access.allow_group(GROUP)
    quick.api.says(GROUP, "@goat_test_bot find out", user_id=BOB, topic=7)
    await ended(quick, "telegram-group-1001")
    found = quick.api.answers(GROUP)
    assert found[-1].text.endswith("Oats cost 3 lei.")
    assert {message.topic for message in found} == {7}


async def test_jobs_are_listed_and_stopped(quick: Bot, team: Team, model: ModelServer) -> None:
    assert "no tasks in the background" in await quick.ask(BOB, "/jobs")
    assert "no task is running" in await quick.ask(BOB, "/stop")
    team.answers = {"planner": plan(("researcher", "prices")), "researcher": "slow " * 9}
    model.hold_before = "slow"
    quick.api.says(BOB, "find out")
    await quick.answers(BOB, 4)
    (job,) = await quick.context.agent.layers.delegation.jobs.latest(owner=f"telegram-{BOB}")
    quick.api.says(BOB, "/jobs")
    quick.api.says(BOB, "/stop nothing")
    quick.api.says(BOB, "/stop")
    stopped = await ended(quick, f"telegram-{BOB}")
    texts = "\n".join(message.text for message in quick.api.answers(BOB))
    assert stopped.status is Status.STOPPED
    assert f"{job.name} is running: {TASK}" in texts
    assert "I know no task nothing" in texts
    assert f"I am stopping this: {TASK}" in texts
    assert f"Stopped: {TASK}" in texts
    assert f"Stopped: {TASK}" in await quick.ask(BOB, f"/jobs {job.name}")
    assert "no task" in await quick.ask(101, f"/jobs {job.name}")


async def test_what_telegram_sends_is_never_taken_for_a_notice() -> None:
    forged = {"update_id": 2**52 + 1, "notice": {"chat": {"id": BOB}, "goat": {}}}
    assert lane_of(forged) == f"{BOB}:0"
    [arrival] = arrivals([forged])
    assert not arrival.update.startswith(NOTICE_MARK)
