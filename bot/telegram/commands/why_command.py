"""/why, and the button of the same name: what an answer remembered, with a picture of the scores.

The text has the memories used and left out, each with the rule that decided.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from urllib.parse import quote

from telegram import Update

from bot.pictures.painter import Painter
from bot.pictures.picture_values import Room, Scores, Words
from bot.presentation.turn_screen import CUT_SHOWN, picture_of
from bot.printable import Say, snippet
from bot.telegram.bot_context import BotContext, command_message
from bot.telegram.commands.forget_command import ForgetCommand
from bot.telegram.gate.gate import HandlerContext
from bot.telegram.outbox.message_format import Upload, utf16_length
from bot.telegram.place import place_of
from bot.telegram.texts import inline_code
from graph.explain.explanation import (
    RULES,
    ExplainedMemory,
    Explanation,
    explain,
    explain_observed,
    measure,
    rule_of,
)
from memory.models import EDIT_OF, Decision

MOST_FORGETTABLE = 8
"""Buttons in a row, as many as Telegram shows side by side."""
LONGEST = 3500
"""UTF-16 units; leaves room below Telegram's limit of 4096."""
_LONGEST_PROBLEM = 150
_MOST_CALLS = 8
_PICTURE_WORDS = (
    *("scores", "threshold", "breaks", "kept", "cut", "nothing"),
    *("fixed", "conversation", "memory", "left", "used", "limit"),
)
_URL = re.compile(r"\(<[^>]*>\)")
_URL_SAFE = ":/?#[]@!$&'()*+,;=%~"


@dataclass(frozen=True, slots=True)
class WhyCommand:
    context: BotContext
    painter: Painter
    forget: ForgetCommand

    async def __call__(self, update: Update, _: HandlerContext) -> None:
        """Explain the last answer's recall: memories used and left out, and a picture of the scores."""
        message, context = command_message(update), self.context
        answer, place = await context.answer(update, message), place_of(message)
        turn_id = "" if answer.sent else await context.last_turn_id(place)
        if not turn_id or not await self.of_turn(update, turn_id, await context.owner(place)):
            await answer.finish(context.say(update)("why_none"))

    async def of_turn(self, update: Update, turn_id: str, owner: str) -> bool:
        """Explain an answer; return False if its record is gone."""
        thread = await self.context.thread(place_of(command_message(update)))
        state = await self.context.agent.last_turn(thread)
        if state is not None and state["turn"].turn_id == turn_id:
            await self._explain(update, explain(state), replaces=_replaces(state["turn"].tags))
            return True
        layers, episode = self.context.agent.layers, await self.context.episode(turn_id, owner)
        seen = await layers.observations.get(turn_id, owner=owner)
        if seen is None or episode is None:
            return False
        found = await layers.episodes.get([one.turn_id for one in seen.decisions], owner=owner)
        await self._explain(update, explain_observed(seen, episode, found), replaces=_replaces(episode.tags))
        return True

    async def _explain(self, update: Update, turn: Explanation | None, *, replaces: bool) -> None:
        message, context, say = command_message(update), self.context, self.context.say(update)
        zone = context.agent.layers.zone
        if turn is not None and turn.problems and not await context.sees_details(place_of(message)):
            turn = replace(turn, problems=[say("why_problem_plain")])
        links, picture = await self._links(turn), await self._picture(turn, zone, say)
        upload = Upload(picture, "why.png", say("picture_refused"), photo=True) if picture else None
        turn_ids = [memory.decision.turn_id for memory in (turn.memories if turn else ())][:MOST_FORGETTABLE]
        buttons = await self.forget.buttons(update, turn_ids)
        text = why_text(turn, zone, say, links.get)
        if replaces:
            text = f"{text}\n\n{say('why_replaces')}"
        await (await context.answer(update, message)).finish(text, buttons, upload)

    async def _picture(self, turn: Explanation | None, zone: tzinfo, say: Say) -> bytes | None:
        """Draw a turn's scores and budget; None if the turn found no memories."""
        if turn is None or not turn.memories:
            return None
        return await self.painter.turn(*why_picture(turn, zone, say), picture_words(say))

    async def _links(self, turn: Explanation | None) -> dict[str, str]:
        """Return links to the messages of the recalled turns, where they have one."""
        prefix, links = self.context.turn_id(0).removesuffix("0"), {}
        for turn_id in (memory.decision.turn_id for memory in (turn.memories if turn else ())):
            number = turn_id.removeprefix(prefix)
            if turn_id.startswith(prefix) and number.isdecimal():
                record = await self.context.records.turn(int(number))
                if record.link:
                    links[turn_id] = record.link
        return links


def _replaces(tags: Sequence[str]) -> bool:
    return any(tag.startswith(EDIT_OF) for tag in tags)


def why_text(turn: Explanation | None, zone: tzinfo, say: Say, link: Callable[[str], str | None]) -> str:
    """Return the explanation of a turn as Markdown.

    `link` returns the URL of a turn's message, or None.
    """
    if turn is None:
        return say("why_unfinished")
    rows = turn.memories
    head = [say("why_title"), *_searches(turn, say), *_problems(turn, say), *_tools(turn, say)]
    room = LONGEST - shown_length("\n".join([*head, _budget(turn, say)])) - _around(rows, say)
    middle = _sections(rows, say, lambda row: _entry(row, zone, say, link), room)
    return "\n\n".join(["\n".join(head), *middle, _budget(turn, say)])


def why_picture(turn: Explanation, zone: tzinfo, say: Say) -> tuple[Scores, Room]:
    """Return the values of a turn's picture, with the beginning of each memory at its bar."""
    return picture_of(
        turn,
        lambda at: when(at, zone),
        words=picture_words(say),
        rule=lambda decision: reason(decision, say, str),
        snippet=snippet,
    )


def picture_words(say: Say) -> Words:
    """Return the labels of the picture that goes with the text."""
    more, room = say("why_more", count="{count}"), say("picture_room", total="{total}")
    return Words(more=more, room=room, **{name: say(f"picture_{name}") for name in _PICTURE_WORDS})


def when(at: datetime, zone: tzinfo) -> str:
    """Format a time, the same way in all languages."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def shown_length(markdown: str) -> int:
    """Return an upper bound of the Markdown's length in Telegram: UTF-16 units, without URLs."""
    return utf16_length(_URL.sub("", markdown))


def _searches(turn: Explanation, say: Say) -> Iterator[str]:
    what = inline_code(snippet(turn.expanded or turn.message))
    at_once = max((report.milliseconds for report in turn.searches.values()), default=0.0)
    yield say("why_searched", what=what, ms=f"{at_once:.0f}")
    if turn.time:
        yield say("why_time", what=inline_code(snippet(turn.time)))
    if turn.keys:
        yield say("why_keys", what=inline_code(snippet(", ".join(turn.keys))))


def _problems(turn: Explanation, say: Say) -> list[str]:
    return [say("why_problem", problem=inline_code(text[:_LONGEST_PROBLEM])) for text in turn.problems]


def _tools(turn: Explanation, say: Say) -> Iterator[str]:
    for result in turn.results[:_MOST_CALLS]:
        what = inline_code(result.evidence[:_LONGEST_PROBLEM])
        yield say("why_called" if result.ok else "why_call_failed", what=what)
    if figures := turn.grounding.unsupported:
        what = inline_code(", ".join(figures)[:_LONGEST_PROBLEM])
        yield say("why_corrected" if turn.grounding.corrected else "why_unsupported", what=what)


def _budget(turn: Explanation, say: Say) -> str:
    a = turn.shares
    shares = say("why_budget", total=a.total, memory=a.l3_used, conversation=a.l2_used, fixed=a.fixed)
    return "\n".join([shares, *_window(turn, say)])


def _window(turn: Explanation, say: Say) -> Iterator[str]:
    """Say how the turn was fitted into the model's context window."""
    for key, values in turn.window:
        shown = {name: inline_code(v) if isinstance(v, str) else v for name, v in values.items()}
        yield say(f"window_{key}", **shown)


def _around(rows: Sequence[ExplainedMemory], say: Say) -> int:
    """Return the space that headings and blank lines may take."""
    count = len(rows)
    return shown_length("\n".join(say(key, count=count) for key in ("why_kept", "why_cut", "why_more"))) + 12


def _sections(
    rows: Sequence[ExplainedMemory], say: Say, entry: Callable[[ExplainedMemory], str], room: int
) -> list[str]:
    """Return the sections of used and cut memories that fit into `room`, and the number of the rest."""
    if not rows:
        return [say("why_nothing_found")]
    kept = [row for row in rows if row.decision.kept]
    cut = [row for row in rows if not row.decision.kept]
    fitting = _fitting([entry(row) for row in kept + cut[:CUT_SHOWN]], room)
    parts = {"why_kept": (fitting[: len(kept)], kept), "why_cut": (fitting[len(kept) :], cut)}
    texts = ["\n".join([say(key, count=len(of)), *shown]) for key, (shown, of) in parts.items() if shown]
    left = len(rows) - len(fitting)
    return [*texts, say("why_more", count=left)] if left else texts


def _fitting(entries: Sequence[str], room: int) -> list[str]:
    """Return the longest prefix of entries, one per line, that fits into `room`."""
    fitting = []
    for entry in entries:
        room -= shown_length(entry) + 1
        if room < 0:
            break
        fitting.append(entry)
    return fitting


def _entry(row: ExplainedMemory, zone: tzinfo, say: Say, link: Callable[[str], str | None]) -> str:
    date, url = when(row.at, zone) if row.at else "", link(row.decision.turn_id)
    dated = f"[{date}](<{quote(url, safe=_URL_SAFE)}>)" if url else date
    head = f"**{row.number}** · {dated} · {row.decision.probability:.0%}"
    words = inline_code(snippet(row.text))
    return "\n".join(line for line in (head, words, f"_{reason(row.decision, say)}_") if line)


def reason(decision: Decision, say: Say, quoted: Callable[[str], str] = inline_code) -> str:
    """Describe the deciding rule and its comparison; `quoted` renders an unknown rule's name."""
    rule = rule_of(decision)
    name = say(f"rule_{rule}") if rule in RULES else quoted(rule)
    return f"{name}: {held}" if (held := measure(decision)) else name
