"""A thousand reminders over sixty kills of any process: each comes once, and none before its time."""

from pathlib import Path

import pytest

from tests.nursery import running_nursery
from tests.telegram_soak.due_reminders import ReminderPlan, run_reminder_trial
from tests.telegram_soak.layouts import ALONE, POLLING, WEBHOOK, Layout


@pytest.mark.soak
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("layout", [POLLING, WEBHOOK, ALONE], ids=lambda layout: layout.name)
async def test_each_reminder_comes_once_and_not_before_its_time(
    layout: Layout, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = ReminderPlan()
    with running_nursery() as nursery:
        figures = await run_reminder_trial(nursery, layout, plan, tmp_path / "world")
    with capsys.disabled():
        print(f"\n{figures}")  # noqa: T201 - what a soak is run for
    assert figures.kills > plan.kills * 3 // 4
    assert figures.wrong == []
