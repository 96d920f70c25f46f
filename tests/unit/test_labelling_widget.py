"""The labelling widget without a browser: what a click keeps, and what is shown."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from ipywidgets import HTML, HTMLMath, Widget

from bot.labelling.past import PastTurn
from bot.labelling.session import LabellingSession
from bot.labelling.widget import LabellingWidget
from graph.context import TurnContext
from memory.episodic.labels import LabelLog
from memory.owner_files import OwnerFiles
from tests.past import past

OWNER = "ana"
HOSTILE = "<img src=x onerror=alert(1)> $\\href{javascript:alert(1)}{x}$ \x1b[2J\u202e"


@pytest.fixture
async def files(tmp_path: Path) -> AsyncIterator[OwnerFiles]:
    files = OwnerFiles(lambda: tmp_path)
    yield files
    await files.close()


def widget(files: OwnerFiles, *turns: PastTurn) -> LabellingWidget:
    return LabellingWidget(LabellingSession(LabelLog(files), OWNER, turns), TurnContext(owner=OWNER))


async def saved(widget: LabellingWidget) -> None:
    assert widget.saving is not None
    await asyncio.wrap_future(widget.saving)


async def test_a_click_is_kept_and_then_says_what_became_of_the_memory(files: OwnerFiles) -> None:
    shown = widget(files, past("t", {"a": 0.9}))
    assert "probability" not in shown.where.value + shown.told.value + shown.memory.value
    shown.relevant.click()
    assert shown.irrelevant.disabled
    await saved(shown)
    assert [(one.memory, one.relevant) for one in await LabelLog(files).all(owner=OWNER)] == [("a", True)]
    assert "probability 90%, shown" in shown.told.value
    assert "Everything is labelled" in shown.memory.value
    assert shown.relevant.disabled
    assert not shown.back.disabled


async def test_the_other_buttons(files: OwnerFiles) -> None:
    shown = widget(files, past("t", {"a": 0.9, "b": 0.8, "c": 0.7}), past("u", {"d": 0.9}))
    first = shown.message.value
    for button in (shown.irrelevant, shown.back):
        button.click()
        await saved(shown)
    assert "You said: it does not." in shown.where.value
    for button in (shown.relevant, shown.none, shown.skip):
        assert shown.message.value
        button.click()
        await saved(shown)
    labels = await LabelLog(files).all(owner=OWNER)
    assert sum(one.relevant for one in labels) == 1
    assert shown.message.value != first
    assert "1 skipped" in shown.counted.value


async def test_what_cannot_be_kept_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "a file"
    folder.write_text("")
    files = OwnerFiles(lambda: folder)
    shown = widget(files, past("t", {"a": 0.9}))
    shown.relevant.click()
    await saved(shown)
    assert "Not kept" in shown.told.value
    assert not shown.relevant.disabled
    await files.close()


async def test_hostile_texts_are_shown_as_text(files: OwnerFiles) -> None:
    turn = past("t", {"a": 0.9})
    candidate = replace(turn.offered[0], message=HOSTILE, reply=HOSTILE)
    shown = widget(files, replace(turn, message=HOSTILE, offered=(candidate,)))
    assert "<img src=x onerror=alert(1)>" in shown.message.value
    assert "\x1b" not in shown.message.value + shown.memory.value
    pieces = every(shown)
    assert len(pieces) > 10
    assert not [one for one in pieces if isinstance(one, HTML | HTMLMath)]
    labels = [one.value for one in pieces if type(one).__name__ == "Label"]
    assert not [text for text in labels if "<" in text or "$" in text]


async def test_without_turns_it_says_so(files: OwnerFiles) -> None:
    shown = widget(files)
    assert "Everything is labelled" in shown.memory.value
    assert shown.relevant.disabled


def every(widget: Widget) -> list[Widget]:
    inner = [one for child in getattr(widget, "children", ()) for one in every(child)]
    return [widget, *inner]
