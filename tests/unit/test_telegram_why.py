"""What /why says in a chat, and the picture beside it."""

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from telegramify_markdown import convert

from bot import screen
from bot.decisions import RULES, judged
from bot.telegram.picture import ROWS_SHOWN, WIDTH, scores_picture, threshold_of
from bot.telegram.texts import Texts
from bot.telegram.why import LONGEST, why_text
from graph.state import Allocation, FactSheet, Persona, Recall, State, TimeMeant, Turn
from memory.models import Candidate, Decision, Evidence, Mechanism, SearchReport

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
    return Candidate(
        turn_id=str(number),
        thread="1",
        at=NOW - timedelta(days=number),
        message=text or f"matter {number}",
        reply="",
        whole=True,
        mechanism=Mechanism.THEMATIC,
        rank=1,
        score=0.5,
        evidence=Evidence(lexical=1, coverage=0.5),
    )


def decision(number: int, probability: float, *, rule: str = "calibrated", bar: float = 0.5) -> Decision:
    return Decision(
        turn_id=str(number),
        kept=probability >= bar,
        rule=rule,
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
    return why_text(given, ZONE, english, link)


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
        text = why_text(of(0.9, 0.2), ZONE, romanian, lambda _: None)
        assert "**Folosite** (1)" in text
        assert "cât de probabil contează: 0.20 < 0.50" in text

    @pytest.mark.parametrize("rule", RULES)
    def test_every_rule_is_told(self, rule: str) -> None:
        decided = decision(0, 0.2, rule=rule.removesuffix("_cut"))
        assert english(f"rule_{rule}") in shown(state(replace(decided, kept=rule == "time")))

    def test_a_rule_without_a_text_is_told_by_its_name(self) -> None:
        assert "brand_new" in shown(state(decision(0, 0.2, rule="brand_new")))

    def test_the_budget_has_the_last_word(self) -> None:
        given = of(0.9, 0.8)
        late = replace(given["decisions"][0], kept=False, rule="budget")
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

    @pytest.mark.parametrize(
        "url", ["https://t.me/> [x](http://evil)", "https://t.me/\n\nx", "https://t.me/<`"]
    )
    def test_an_odd_address_stays_an_address(self, url: str) -> None:
        entities = convert(why(of(0.9), lambda _: url))[1]
        (link,) = (entity for entity in entities if entity.type == "text_link")
        assert link.url is not None
        assert link.url.startswith("https://t.me/")

    def test_nothing_found(self) -> None:
        assert "Nothing in my memory came near" in shown(of())

    def test_a_turn_that_did_not_get_so_far(self) -> None:
        assert "did not get as far" in shown({"messages": [], "turn": TURN})

    def test_what_was_searched_and_what_went_wrong(self) -> None:
        reports = {
            "thematic": SearchReport(status="ok", found=1, milliseconds=12.4),
            "temporal": SearchReport(status="late", milliseconds=40, problem="The *search* in GOAT_X fails."),
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

    @pytest.mark.parametrize("text", HOSTILE)
    def test_hostile_memories_are_quoted(self, text: str) -> None:
        given = state(decision(0, 0.9), decision(1, 0.1), texts=[text, text], expanded=text, keys=[text])
        assert [entity.type for entity in convert(why(given))[1]] == [
            *["bold", "code", "code"],
            *["bold", "bold", "code", "italic"],
            *["bold", "bold", "code", "italic"],
            "italic",
        ]

    def test_memories_do_not_work_together(self) -> None:
        given = state(*(decision(n, 0.9) for n in range(len(HOSTILE))), texts=HOSTILE)
        text, entities = convert(why(given))
        quoted = [entity for entity in entities if entity.type == "code"]
        assert len(quoted) == len(HOSTILE) + 1
        assert {entity.type for entity in entities} == {"bold", "code", "italic"}
        assert "\u202e" not in text
        assert "\u2066" not in text

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

    def test_the_terminal_and_the_chat_tell_the_same(self) -> None:
        given = of(0.9, 0.2, 0.7)
        assert [row.candidate.message for row in judged(given)] == ["matter 0", "matter 2", "matter 1"]
        assert screen.why(given, ZONE)


def picture(given: State) -> Image.Image:
    png = scores_picture(given, ZONE)
    assert png is not None
    assert png.startswith(b"\x89PNG")
    return Image.open(io.BytesIO(png)).convert("RGB")


def coloured(image: Image.Image, red: int, green: int, blue: int) -> int:
    """Count the pixels about of a colour."""
    pixels = image.tobytes()
    wanted = (red, green, blue)
    triples = zip(pixels[::3], pixels[1::3], pixels[2::3], strict=True)
    return sum(all(abs(a - b) < 8 for a, b in zip(t, wanted, strict=True)) for t in triples)


GREEN, GREY, MARK = (0x3F, 0xB9, 0x50), (0x7D, 0x87, 0x93), (0xFF, 0xC9, 0x4D)


class TestPicture:
    @pytest.mark.parametrize("count", [1, 2, 30, ROWS_SHOWN, ROWS_SHOWN + 20])
    def test_a_row_each_up_to_a_height_that_telegram_takes(self, count: int) -> None:
        image = picture(of(*(1 - n / count for n in range(count))))
        assert image.width == WIDTH
        assert image.height >= 46 * min(count, ROWS_SHOWN)
        assert image.height < 46 * (ROWS_SHOWN + 4)

    def test_kept_is_green_and_cut_is_grey(self) -> None:
        kept, cut = picture(of(1.0, 0.9)), picture(of(0.4, 0.3))
        assert coloured(kept, *GREEN) > 10_000
        assert coloured(kept, *GREY) < 1_000
        assert coloured(cut, *GREY) > 5_000
        assert coloured(cut, *GREEN) == 0

    def test_a_bar_is_as_long_as_it_is_probable(self) -> None:
        whole, half = coloured(picture(of(1.0)), *GREEN), coloured(picture(of(0.5)), *GREEN)
        assert 0.45 < half / whole < 0.55
        assert coloured(picture(state(decision(0, 0.0, bar=0.0))), *GREEN) < 200

    def test_the_threshold_is_marked_where_it_is_a_probability(self) -> None:
        by_null = decision(0, 0.9, rule="null")
        assert coloured(picture(of(0.9)), *MARK) > 100
        assert coloured(picture(state(by_null)), *MARK) == 0
        assert threshold_of(judged(of(0.9))) == 0.5
        assert threshold_of(judged(state(by_null))) is None
        assert threshold_of(judged(state(decision(0, 0.9, bar=float("inf"))))) is None

    def test_the_place_where_the_list_was_cut_is_marked(self) -> None:
        one = coloured(picture(state(decision(0, 0.9, rule="key"), decision(1, 0.8, rule="key"))), *MARK)
        two = coloured(picture(state(decision(0, 0.9, rule="key"), decision(1, 0.2, rule="key"))), *MARK)
        assert one == 0
        assert two > 500

    def test_nothing_found_is_no_picture(self) -> None:
        assert scores_picture(of(), ZONE) is None
        assert scores_picture({"messages": [], "turn": TURN}, ZONE) is None

    @given(st.lists(st.floats(-0.5, 1.5), min_size=1, max_size=5))
    def test_any_probability_is_drawn(self, chances: list[float]) -> None:
        assert picture(of(*chances)).width == WIDTH
