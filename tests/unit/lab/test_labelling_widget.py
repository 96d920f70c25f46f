"""The labelling widget without a browser: what a click keeps, and what is shown."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from ipywidgets import HTML, HTMLMath, Label, Widget

from bot.lab.past.labelling_widget import BELOW, DONE, LEAST, SKIPPED, LabellingWidget
from bot.lab.past.labels import Labels
from bot.lab.past.past_turns import PastTurn
from bot.lab.past.session import LabellingSession
from bot.lab.widgets import Verbatim
from graph.settings.context import TurnContext
from memory.episodic.log.feedback_log import LabelLog
from memory.owners.owner_files import OwnerFiles
from tests.past import past

OWNER = "ana"
HOSTILE = "<img src=x onerror=alert(1)> $\\href{javascript:alert(1)}{x}$ \x1b[2J\u202e"


@pytest.fixture
async def files(tmp_path: Path) -> AsyncIterator[OwnerFiles]:
    files = OwnerFiles(tmp_path)
    yield files
    await files.close()


def widget(files: OwnerFiles, *turns: PastTurn) -> LabellingWidget:
    session = LabellingSession(Labels(LabelLog(files), OWNER), turns)
    return LabellingWidget(session, TurnContext(owner=OWNER), clock=map(float, count()).__next__)


async def saved(widget: LabellingWidget) -> None:
    assert widget.saving is not None
    await asyncio.wrap_future(widget.saving)


async def test_a_click_is_kept_and_then_says_what_became_of_the_memory(files: OwnerFiles) -> None:
    shown = widget(files, past("t", {"a": 0.9}))
    assert "probability" not in shown.where.text + shown.result.text + shown.memory.text
    shown.relevant.click()
    await saved(shown)
    assert [(one.memory, one.relevant) for one in await LabelLog(files).all(owner=OWNER)] == [("a", True)]
    assert "probability 90%, shown" in shown.result.text
    assert shown.memory.text == f"{DONE} {BELOW}"
    assert shown.relevant.disabled
    assert not shown.back.disabled


async def test_a_second_click_answers_nothing_that_nobody_has_read(files: OwnerFiles) -> None:
    """Neither while the first is being kept, nor before the next question has stood for a while."""
    now = [0.0]
    session = LabellingSession(Labels(LabelLog(files), OWNER), [past("t", {"a": 0.9, "b": 0.8})])
    shown = LabellingWidget(session, TurnContext(owner=OWNER), clock=lambda: now[0])
    now[0] += 2 * LEAST
    shown.relevant.click()
    shown.relevant.click()
    assert not shown.relevant.disabled, "a button that is disabled loses the keyboard"
    await saved(shown)
    shown.relevant.click()
    await saved(shown)
    assert len(await LabelLog(files).all(owner=OWNER)) == 1
    now[0] += 2 * LEAST
    shown.irrelevant.click()
    await saved(shown)
    assert len(await LabelLog(files).all(owner=OWNER)) == 2


async def test_the_other_buttons(files: OwnerFiles) -> None:
    shown = widget(files, past("t", {"a": 0.9, "b": 0.8, "c": 0.7}), past("u", {"d": 0.9}))
    first = shown.message.text
    for button in (shown.irrelevant, shown.back):
        button.click()
        await saved(shown)
    assert "You said: it does not." in shown.where.text
    for button in (shown.relevant, shown.none, shown.skip):
        assert shown.message.text
        button.click()
        await saved(shown)
    labels = await LabelLog(files).all(owner=OWNER)
    assert sum(one.relevant for one in labels) == 1
    assert shown.message.text != first
    assert "1 skipped" in shown.count.text
    assert shown.memory.text == f"{SKIPPED} {BELOW}"


async def test_what_cannot_be_kept_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "a file"
    folder.write_text("")
    files = OwnerFiles(folder)
    shown = widget(files, past("t", {"a": 0.9}))
    shown.relevant.click()
    await saved(shown)
    assert "Not saved" in shown.result.text
    assert not shown.relevant.disabled
    await files.close()


async def test_hostile_texts_are_shown_as_text(files: OwnerFiles) -> None:
    turn = past("t", {"a": 0.9})
    candidate = replace(turn.offered[0], message=HOSTILE, reply=HOSTILE)
    shown = widget(files, replace(turn, message=HOSTILE, offered=(candidate,)))
    pieces = every(shown)
    assert len(pieces) > 10
    assert not [one for one in pieces if isinstance(one, HTMLMath | Label)], "they know mathematics"
    assert all(isinstance(one, Verbatim) for one in pieces if isinstance(one, HTML))
    assert "<img src=x onerror=alert(1)>" in shown.message.text
    assert shown.memory.value.count("&lt;img src=x onerror=alert(1)&gt;") == 2
    assert all(one.value.count("<") == 2 for one in pieces if isinstance(one, Verbatim))
    assert not {"\x1b", "\u202e"} & set(shown.message.value + shown.memory.value)


def every(widget: Widget) -> list[Widget]:
    inner = [one for child in getattr(widget, "children", ()) for one in every(child)]
    return [widget, *inner]
