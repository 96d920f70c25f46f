"""What /why says in a chat, and the picture beside it."""

import asyncio
import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st
from rich.console import Console
from telegramify_markdown import convert

from bot.pictures.painter import Painter
from bot.pictures.picture_values import LayerShare, Mark, Room, Scores
from bot.presentation import turn_screen as screen
from bot.printable import SNIPPET
from bot.telegram.commands.why_command import LONGEST, picture_words, why_picture, why_text
from bot.telegram.texts import Texts
from graph.explain.explanation import RULES, explain, explain_decisions, rule_words
from graph.observability.turn_recorder import rounded_decisions
from graph.state.turn_state import Allocation, FactSheet, Persona, Recall, State, TimeMeant, Turn
from memory.models import Candidate, Decision, DecisionRule, Evidence, SearchReport, SearchStatus
from tests.bare import BARE
from tests.tables import each

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TURN = Turn(turn_id="now", owner="ana", thread="1", message="what did I plant?", at=NOW)
ZONE = ZoneInfo("Europe/Bucharest")
ALLOCATION = Allocation(
    confidence=0.5,
    complexity=0.2,
    total=8000,
    fixed=300,
    l2_limit=1000,
    l2_used=200,
    l3_limit=1000,
    l3_used=90,
    conversation=(),
    recalled=(),
)
TEXTS = Texts.load(None)
HOSTILE = [
    "[x](http://evil)",
    "*bold* _it_ ||sp||",
    "`code` ``` fence",
    "@someone and http://evil.com #tag /start",
    "one\n\n# two\n> three",
    "\u202eevil \u2066x",
    "\\(\\frac{`a`}{b}\\)",
    "\\( \\alpha",
    "\\)",
]


def english(key: str, **values: Any) -> str:
    return TEXTS("en", key, **values)


def romanian(key: str, **values: Any) -> str:
    return TEXTS("ro", key, **values)


def candidate(number: int, text: str = "") -> Candidate:
    return replace(
        BARE,
        turn_id=str(number),
        at=NOW - timedelta(days=number),
        message=text or f"matter {number}",
        reply="",
        evidence=Evidence(lexical=1, coverage=0.5),
    )


def decision(
    number: int, probability: float, *, rule: str = DecisionRule.CALIBRATED, bar: float = 0.5
) -> Decision:
    return Decision(
        turn_id=str(number),
        kept=probability >= bar,
        rule=cast("DecisionRule", rule),
        score=probability,
        threshold=bar,
        probability=probability,
    )


def state(*decisions: Decision, texts: Sequence[str] = (), **recall: Any) -> State:
    said = [*texts, *[""] * len(decisions)]
    found = Recall(candidates=[candidate(int(d.turn_id), said[int(d.turn_id)]) for d in decisions], **recall)
    return {
        "messages": [],
        "turn": TURN,
        "recall": found,
        "decisions": decisions,
        "persona": Persona(text="a friend"),
        "fact_sheet": FactSheet(),
        "allocation": ALLOCATION,
    }


def of(*probabilities: float) -> State:
    return state(*(decision(number, p) for number, p in enumerate(probabilities)))


def why(given: State, link: Callable[[str], str | None] = lambda _: None) -> str:
    return why_text(explain(given), ZONE, english, link)


def shown(given: State, link: Callable[[str], str | None] = lambda _: None) -> str:
    text: str = convert(why(given, link))[0]
    return text


class TestText:
    def test_what_was_kept_and_what_was_cut_and_why(self) -> None:
        text = shown(of(0.9, 0.2))
        assert text.split("\n\n") == [
            "What I remembered for this answer\nI searched for: what did I plant? (0 ms)",
            "Used (1)\n1 · 2026-03-01 14:00 · 90%\nmatter 0\nhow likely it matters: 0.90 ≥ 0.50",
            "Found, but left out (1)\n2 · 2026-02-28 14:00 · 20%\nmatter 1\n"
            "how likely it matters: 0.20 < 0.50",
            "Room: 8000 tokens in all; memory 90, conversation 200, character and facts 300.",
        ]

    def test_it_speaks_the_language(self) -> None:
        text = why_text(explain(of(0.9, 0.2)), ZONE, romanian, lambda _: None)
        assert "**Folosite** (1)" in text
        assert "cât de probabil contează: 0.20 < 0.50" in text

    def test_a_turns_record_tells_the_same_as_its_state(self) -> None:
        given = of(0.9, 0.2, 0.7)
        given["decisions"] = [replace(given["decisions"][0], superseded_by="2"), *given["decisions"][1:]]
        recorded = rounded_decisions(given["decisions"], given["allocation"], given["recall"])
        turn, texts = explain(given), {each.turn_id: each for each in given["recall"].candidates}
        assert turn is not None
        assert explain_decisions(recorded, texts) == turn.memories
        assert rule_words(turn.memories[0].decision) == "probability, superseded"

    @each("rule", RULES)
    def test_every_rule_is_told(self, rule: str) -> None:
        decided = decision(0, 0.2, rule=rule.removesuffix("_cut"))
        assert english(f"rule_{rule}") in shown(state(replace(decided, kept=rule == "time")))

    def test_a_rule_without_a_text_is_told_by_its_name(self) -> None:
        assert "brand_new" in shown(state(decision(0, 0.2, rule="brand_new")))

    def test_the_budget_has_the_last_word(self) -> None:
        given = of(0.9, 0.8)
        late = replace(given["decisions"][0], kept=False, rule=DecisionRule.BUDGET)
        given["allocation"] = replace(ALLOCATION, over_budget=[late])
        text = shown(given)
        assert text.index("matter 1") < text.index("left out") < text.index("matter 0")
        assert "no room left" in text

    def test_a_date_leads_to_the_message(self) -> None:
        url = "https://t.me/c/1/2?a=(b)"
        text, entities = convert(why(of(0.9, 0.2), lambda turn_id: url if turn_id == "0" else None))
        links = [entity for entity in entities if entity.type == "text_link"]
        assert [entity.url for entity in links] == [url]
        assert text.encode("utf-16-le")[links[0].offset * 2 :].decode("utf-16-le").startswith("2026-03-01")

    @each("url", ["https://t.me/> [x](http://evil)", "https://t.me/\n\nx", "https://t.me/<`"])
    def test_an_odd_address_stays_an_address(self, url: str) -> None:
        entities = convert(why(of(0.9), lambda _: url))[1]
        (link,) = (entity for entity in entities if entity.type == "text_link")
        assert link.url is not None
        assert link.url.startswith("https://t.me/")

    def test_nothing_found(self) -> None:
        assert "Nothing in my memory is similar" in shown(of())

    def test_a_turn_that_did_not_get_so_far(self) -> None:
        assert "stopped before they were" in shown({"messages": [], "turn": TURN})

    def test_what_was_searched_and_what_went_wrong(self) -> None:
        reports = {
            "thematic": SearchReport(status=SearchStatus.OK, found=1, milliseconds=12.4),
            "temporal": SearchReport(
                status=SearchStatus.LATE, milliseconds=40, problem="The *search* in GOAT_X fails."
            ),
        }
        times = TimeMeant(start=NOW, end=NOW, text="last week")
        given = state(decision(0, 0.9), reports=reports, times=times, keys=["AB-1"], expanded="roses `it`")
        given["fact_sheet"] = FactSheet(problem="The facts are down.")
        text = shown(given)
        assert "I searched for: roses `it` (40 ms)" in text
        assert "The time that you mean: last week" in text
        assert "Exact names and numbers: AB-1" in text
        assert "⚠️ temporal: late. The *search* in GOAT_X fails." in text
        assert "⚠️ The facts are down." in text

    def test_only_the_best_of_what_was_cut_is_shown(self) -> None:
        text = shown(of(*[0.9] * 2, *[0.1] * 20))
        assert "Found, but left out (20)" in text
        assert "\n10 · " in text
        assert "\n11 · " not in text
        assert "more that I found: 12" in text

    def test_a_reply_stands_for_an_empty_message(self) -> None:
        given = of(0.9)
        only = replace(candidate(0), message="", reply="I planted it")
        given["recall"] = replace(given["recall"], candidates=[only])
        assert "\nI planted it\n" in shown(given)

    @each("text", HOSTILE)
    def test_hostile_memories_are_quoted(self, text: str) -> None:
        given = state(decision(0, 0.9), decision(1, 0.1), texts=[text, text], expanded=text, keys=[text])
        assert [entity.type for entity in convert(why(given))[1]] == [
            *["bold", "code", "code"],
            *["bold", "bold", "code", "italic"],
            *["bold", "bold", "code", "italic"],
            "italic",
        ]

    @given(
        st.lists(st.tuples(st.floats(0, 1), st.text("a😀`*[]()\\\n ", max_size=80)), max_size=40),
        st.booleans(),
    )
    def test_it_fits_into_a_message(self, found: list[tuple[float, str]], linked: bool) -> None:
        decisions = [decision(number, chance) for number, (chance, _) in enumerate(found)]
        given = state(*decisions, texts=[text for _, text in found], expanded="😀" * 99)
        text = shown(given, lambda _: "https://t.me/c/1234567890/12345678?thread=9" if linked else None)
        assert len(text.encode("utf-16-le")) // 2 <= LONGEST

    def test_what_does_not_fit_is_counted(self) -> None:
        given = state(*(decision(n, 0.9) for n in range(60)), texts=["😀" * 90] * 60)
        text = shown(given)
        numbers = [line for line in text.splitlines() if " · " in line]
        assert len(text.encode("utf-16-le")) // 2 > LONGEST - 400
        assert f"more that I found: {60 - len(numbers)}" in text


def on_screen(given: State, width: int = 80, encoding: str = "utf-8") -> list[str]:
    written = io.BytesIO()
    file = io.TextIOWrapper(written, encoding=encoding)
    Console(highlight=False, soft_wrap=True, width=width, file=file).print(screen.why(given, ZONE))
    file.flush()
    return written.getvalue().decode(encoding).splitlines()


class TestTerminal:
    def test_bars_and_budget(self) -> None:
        assert on_screen(state(decision(0, 0.9), decision(1, 0.2), texts=["x" * 99])) == [
            "",
            "bars: how likely each matters; │ threshold 50%",
            "kept  █████│███·  90%  Sun 2026-03-01 14:00  " + "x" * 34 + "…",
            "      no vector, 50% of the words, relevant 90%; probability: 0.90 ≥ 0.50",
            "cut   ▒▒···│····  20%  Sat 2026-02-28 14:00  matter 1",
            "      no vector, 50% of the words, relevant 20%; probability: 0.20 < 0.50",
            "budget 8000 tokens (confidence 0.5, complexity 0.20)",
            "███▓▓▒" + "·" * 74,
            "█ identity and facts  300",
            "▓ conversation        200 (at most 1000)",
            "▒ memory               90 (at most 1000)",
            "· free               7410",
        ]

    def test_a_terminal_without_unicode(self) -> None:
        assert "kept  #####|###.  90%  Sun 2026-03-01 14:00  ??? a" in on_screen(
            state(decision(0, 0.9), texts=["买牛奶 a"]), encoding="ascii"
        )

    @each("text", HOSTILE)
    def test_hostile_memories_do_not_steer_it(self, text: str) -> None:
        assert "\u202e" not in "".join(on_screen(state(decision(0, 0.9), texts=[f"{text}\x1b[2J"])))


def drawn(given: State, say: Callable[..., str] = english) -> tuple[Scores, Room]:
    turn = explain(given)
    assert turn is not None
    return why_picture(turn, ZONE, say)


class TestPicture:
    def test_the_rows_are_those_of_the_text(self) -> None:
        scores, _ = drawn(of(0.9, 0.2, 0.7))
        assert [(row.number, row.date, row.probability, row.kept) for row in scores.rows] == [
            (1, "2026-03-01 14:00", 0.9, True),
            (2, "2026-02-27 14:00", 0.7, True),
            (3, "2026-02-28 14:00", 0.2, False),
        ]

    def test_the_threshold_is_marked_where_it_is_a_probability(self) -> None:
        assert drawn(of(0.9))[0].mark == Mark(0.5, "threshold")
        assert drawn(of(0.9), romanian)[0].mark == Mark(0.5, "prag")
        assert drawn(state(decision(0, 0.9, rule=DecisionRule.NULL)))[0].mark is None
        assert drawn(state(decision(0, 0.9, bar=float("inf"))))[0].mark is None

    def test_a_mark_where_the_list_breaks_says_so(self) -> None:
        below = decision(1, 0.6, rule=DecisionRule.BREAK, bar=0.9)
        scores, _ = drawn(state(decision(0, 0.9, bar=0.9), below))
        assert scores.mark == Mark(0.9, "the list breaks at")
        assert [row.rule for row in scores.rows] == ["", "much less likely than those before it"]

    def test_a_rule_is_told_where_the_mark_does_not_show_it(self) -> None:
        idle = replace(decision(1, 0.8, rule=DecisionRule.SMALL_TALK), kept=False)
        other = decision(2, 0.3, rule="brand_new")
        assert [row.rule for row in drawn(state(decision(0, 0.9), idle, other))[0].rows] == [
            "",
            "small talk",
            "brand_new",
        ]
        by_null = drawn(state(decision(0, 0.9, rule=DecisionRule.NULL)))[0].rows
        assert [row.rule for row in by_null] == ["nearness, against unrelated talk: 0.90 > 0.50"]

    def test_each_bar_has_the_beginning_of_its_memory(self) -> None:
        (row,) = drawn(state(decision(0, 0.9), texts=["The key\nis under the mat. " * 9]))[0].rows
        assert row.snippet.startswith("The key is under the mat.")
        assert len(row.snippet) == SNIPPET

    def test_the_budget_is_beneath(self) -> None:
        assert drawn(of(0.9), romanian)[1] == Room(
            (
                LayerShare("caracter și lucruri notate", 300),
                LayerShare("conversație", 200, 1000),
                LayerShare("memorie", 90, 1000),
            ),
            8000,
        )

    def test_a_turn_that_did_not_get_so_far_has_none(self) -> None:
        assert explain({"messages": [], "turn": TURN}) is None

    async def test_pictures_are_drawn_side_by_side(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MPLCONFIGDIR", "")
        painter = Painter(tmp_path / "matplotlib")
        asked = (painter.turn(*drawn(of(0.9, 0.2)), picture_words(say)) for say in (english, romanian))
        one, other = await asyncio.gather(*asked)
        assert one is not None
        assert one.startswith(b"\x89PNG")
        assert one != other

    async def test_a_picture_without_matplotlib_is_left_out_and_says_what_adds_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path))
        monkeypatch.delitem(sys.modules, "bot.pictures.turn_picture", raising=False)
        monkeypatch.delitem(sys.modules, "bot.pictures.canvas", raising=False)
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        assert await Painter(tmp_path).turn(*drawn(of(0.9)), picture_words(english)) is None
        assert "`make pictures`" in caplog.text

    async def test_a_picture_that_cannot_be_drawn_is_left_out(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setenv("MPLCONFIGDIR", "")
        (tmp_path / "file").touch()
        painter = Painter(tmp_path / "file" / "matplotlib")
        assert await painter.turn(*drawn(of(0.9)), picture_words(english)) is None
        assert "was not drawn" in caplog.text
