"""Processes of the Telegram bot, and its Redis, are killed while people write: one answer each, in order."""

from pathlib import Path

from tests.telegram_soak.layouts import SMALL
from tests.telegram_soak.nursery import running_nursery
from tests.telegram_soak.script import Plan
from tests.telegram_soak.trial import run_trial

PLAN = Plan(messages=20, chats=4, kills=4, rate=10.0, seed=3, freezes=0)


async def test_each_message_is_answered_once_and_in_order_over_kills(tmp_path: Path) -> None:
    with running_nursery() as nursery:
        figures = await run_trial(nursery, SMALL, PLAN, tmp_path / "world")
    assert (figures.messages, figures.kills, figures.redis_kills) == (PLAN.messages, PLAN.kills, 1)
    assert figures.edits
    assert figures.wrong == []
