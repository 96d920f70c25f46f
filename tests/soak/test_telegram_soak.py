"""A thousand messages over kills of every process and faults of Telegram: one answer each, in order."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nursery import Nursery, running_nursery
from tests.telegram_soak.__main__ import SLOW_PLAN
from tests.telegram_soak.layouts import ALONE, CONCURRENT, POLLING, SERVERS, STOCK, WEBHOOK, Layout
from tests.telegram_soak.script import Plan
from tests.telegram_soak.slow import measure
from tests.telegram_soak.trial import run_trial

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1500)]
PLAN = Plan()
MOST_TIMES = 1.5
"""How many times as long the others may wait beside a slow chat."""


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with running_nursery() as running:
        yield running


@pytest.mark.parametrize("layout", [POLLING, WEBHOOK, ALONE, SERVERS], ids=lambda layout: layout.name)
async def test_each_message_is_answered_once_and_in_order(
    nursery: Nursery, layout: Layout, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = await run_trial(nursery, layout, PLAN, tmp_path / "world")
    with capsys.disabled():
        print(f"\n{figures}")  # noqa: T201 - what a soak is run for
    assert figures.messages == PLAN.messages
    assert figures.kills > PLAN.kills // 2
    assert figures.wrong == []


@pytest.mark.parametrize("layout", [STOCK, CONCURRENT], ids=lambda layout: layout.name)
async def test_the_same_is_seen_to_go_wrong_with_a_stock_bot(
    nursery: Nursery, layout: Layout, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = await run_trial(nursery, layout, PLAN, tmp_path / "world")
    with capsys.disabled():
        print(f"\n{figures}")  # noqa: T201 - what a soak is run for
    assert figures.lost
    assert figures.disordered or layout is not CONCURRENT


async def test_a_slow_chat_does_not_hold_up_the_others(
    nursery: Nursery, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paces = await measure(nursery, SLOW_PLAN, tmp_path / "worlds")
    with capsys.disabled():
        print(f"\n{paces}")  # noqa: T201 - what a soak is run for
    assert paces.ratio <= MOST_TIMES
