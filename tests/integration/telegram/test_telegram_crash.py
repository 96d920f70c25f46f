"""Processes of the Telegram bot, and its Redis, are killed while people write: one answer each, in order."""

from pathlib import Path

import pytest

from tests.nursery import Nursery
from tests.telegram_soak.layouts import SMALL
from tests.telegram_soak.script import Plan
from tests.telegram_soak.trial import run_trial

PLAN = Plan(messages=20, chats=4, kills=4, rate=10.0, seed=3, freezes=0)


@pytest.mark.process
@pytest.mark.timeout(600)
async def test_each_message_is_answered_once_and_in_order_over_kills(
    nursery: Nursery, tmp_path: Path
) -> None:
    figures = await run_trial(nursery, SMALL, PLAN, tmp_path / "world")
    assert (figures.messages, figures.kills, figures.server_kills) == (PLAN.messages, PLAN.kills, 1)
    assert figures.edits
    assert figures.wrong == []
