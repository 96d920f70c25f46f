"""What a message asks of the archive, and which memories say the same or were of use."""

import gc
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given, strategies as st

from memory.recall.mechanisms import (
    BEFORE,
    BEFORE_CHARS,
    QUERY_CHARS,
    ArchiveQuery,
    Keys,
    Times,
    expand,
    is_fragment,
    read_query,
    warm_up,
)
from memory.recall.statements import find_repeated, is_contained, is_used, same, same_subject
from memory.text.text import LazyPattern
from tests.tables import each

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
BEFORE_THAT = ["My sister Maria moved to Cluj.", "Does she like it there?"]

FRAGMENTS = [
    "and what about her?", "and her?", "yes", "no", "ok", "why?", "what about Tuesday?",
    "how about the other one?", "that one", "Which one?", "the same", "?", "👍", "da, aia", "da", "nu",
    "de ce?", "și ea?", "si el?", "dar cealaltă?", "pe care?", "tot acolo", "cum așa?", "ASTA",
]  # fmt: skip
WHOLE = [
    "Where did I park the car?",
    "What is my daughter allergic to?",
    "My bank moved its branch to Unirii square last winter.",
    "Remind me when the passport expires",
    "roof repair invoice",
    "Unde mi-am lăsat mașina?",
    "La ce e alergică fetița mea?",
    "Când expiră pașaportul?",
    "parola de la wifi",
]


class TestExpansion:
    @each("message", FRAGMENTS)
    def test_a_fragment_is_searched_with_what_came_before_it(self, message: str) -> None:
        assert is_fragment(message)
        assert expand(message, BEFORE_THAT) == "\n".join([*BEFORE_THAT, message])

    @each("message", WHOLE)
    def test_a_whole_question_is_searched_by_itself(self, message: str) -> None:
        assert not is_fragment(message)
        assert expand(message, BEFORE_THAT) == message

    def test_the_latest_are_taken_along_and_bounded(self) -> None:
        before = [f"{n} {'x' * 1000}" for n in range(5)]
        lines = expand("and that?", before).split("\n")
        assert lines == [line[:BEFORE_CHARS] for line in before[-BEFORE:]] + ["and that?"]


def understood(message: str, before: list[str] | None = None) -> ArchiveQuery:
    return read_query(message, before=before or [], now=NOW, zone=UTC)


class TestQuery:
    @each(
        "message",
        [
            "what did we talk about yesterday?", "What did I tell you yesterday?", "yesterday?",
            "Summarize what we discussed last week", "do you remember what we said on Monday?",
            "ce am vorbit ieri?", "Despre ce am discutat săptămâna trecută?", "ce ți-am zis ieri", "ieri?",
        ],
    )  # fmt: skip
    def test_a_time_and_no_matter(self, message: str) -> None:
        found = understood(message).sought(Times)
        assert found is not None
        assert found.alone

    @each(
        "message",
        [
            "what did we say about the roof last week?",
            "What did Maria tell me yesterday?",
            "what did I buy on Monday?",
            "ce am zis despre acoperiș ieri?",
            "Unde am fost săptămâna trecută la munte?",
        ],
    )
    def test_a_time_and_a_matter(self, message: str) -> None:
        found = understood(message).sought(Times)
        assert found is not None
        assert not found.alone

    def test_yesterday_is_a_day_of_the_zone(self) -> None:
        found = understood("what did we talk about yesterday?").sought(Times)
        assert found is not None
        assert (found.start, found.end) == (
            datetime(2026, 3, 3, tzinfo=UTC),
            datetime(2026, 3, 4, tzinfo=UTC),
        )

    def test_keys_are_those_of_the_message_itself(self) -> None:
        found = understood("and that, in GOAT-42?", ["see GOAT-7"])
        assert found.sought(Keys) == Keys(("GOAT-42",))
        assert found.text == "see GOAT-7\nand that, in GOAT-42?"

    def test_what_is_searched_for_is_bounded_and_ends_with_the_message(self) -> None:
        message = "word " * 10_000
        assert understood(message).text == message[:QUERY_CHARS]
        assert understood("and her?", ["x" * 9000] * 9).text.endswith("\nand her?")

    def test_no_message_waits_for_expressions_to_be_compiled(self) -> None:
        lazy = [one for one in gc.get_objects() if type(one) is LazyPattern]
        for one in lazy:
            vars(one).pop("compiled", None)
        warm_up()
        warm = [one for one in lazy if "compiled" in vars(one)]
        for message in (
            "what did we say about it on Monday?",
            "ce am zis luni?",
            "qu'est-ce que j'ai dit le lundi ?",
            "was habe ich am Montag gesagt, und wo bin ich am Freitag gewesen?",
            "what was it on 12.05.2023?",
        ):
            understood(message)
        assert [one.source for one in lazy if "compiled" in vars(one) and one not in warm] == []

    @given(st.text(max_size=300), st.lists(st.text(max_size=100), max_size=3))
    def test_any_message_can_be_understood(self, message: str, before: list[str]) -> None:
        found = understood(message, before)
        assert len(found.text) <= QUERY_CHARS
        assert found.text.endswith(message[-QUERY_CHARS:])


class TestUsage:
    MEMORY = "The spare key is under the third flower pot. Noted."

    @each(
        ("reply", "used"),
        [
            ("It is under the third flower pot.", True),
            ("Look at the flower pot!", True),
            ("In a pot, I believe.", True),
            ("I do not know.", False),
            ("", False),
        ],
    )
    def test_a_word_of_a_memory_is_use(self, reply: str, used: bool) -> None:
        assert is_used(self.MEMORY, reply=reply, message="Where is my spare key?") is used

    def test_words_that_the_message_said_are_no_use(self) -> None:
        reply = "You asked about the spare key of the third door."
        assert not is_used(self.MEMORY, reply=reply, message="Where is the spare key of the third door?")

    def test_a_memory_that_was_answered_in_another_language_is_used(self) -> None:
        memory = "Cheia de rezervă este sub ghiveciul mare din spatele casei, lângă magazie."
        assert is_used(memory, reply="It is under the big flower pot behind the house.", message="unde e?")
        assert not is_used(memory, reply="I don't know where you have put it, sorry.", message="unde e?")
        assert not is_used(memory, reply="Nu mi-ai spus nimic despre vacanța asta.", message="unde e?")

    def test_all_of_a_short_memory_is_use(self) -> None:
        assert is_used("Miso", reply="Her name is Miso.", message="What is my pet called?")
        assert not is_used("Miso", reply="I do not know.", message="What is my pet called?")

    def test_a_memory_that_says_nothing_new_is_not_held_against_it(self) -> None:
        assert is_used("my cat?", reply="Hello!", message="my cat")


@dataclass(frozen=True)
class Line:
    said: str
    at: datetime
    reply: str = ""


def lines(*told: tuple[str, int]) -> list[Line]:
    return [Line(message, NOW + timedelta(days=day)) for message, day in told]


class TestDuplicates:
    ROOF = "The roof of the barn leaks above the hay ladder since October"

    @each(
        ("one", "other", "expected"),
        [
            ("abcdefghij", "abcdefghij", True),
            ("abcdefghijklmnopqrst", "abcdefghijklmnopq", True),  # 17 of 20
            ("abcdefghijklmnopqrst", "abcdefghijklmnop", False),  # 16 of 20
            ("", "", False),
            ("a", "", False),
        ],
    )
    def test_nearly_all_words_are_the_same(self, one: str, other: str, expected: bool) -> None:
        assert same(frozenset(one), frozenset(other)) is expected
        assert same(frozenset(other), frozenset(one)) is expected

    @each(
        ("text", "others", "expected"),
        [("abcdefghij", "abcdefghixyz", True), ("abcdefghij", "abcdefgh", False), ("", "abc", False)],
    )
    def test_nine_of_ten_words_are_contained(self, text: str, others: str, expected: bool) -> None:
        assert is_contained(frozenset(text), frozenset(others)) is expected

    @each(
        ("one", "other", "expected"),
        [("abcd", "abxyzuvw", True), ("abcd", "axyzuvw", False), ("", "abc", False)],
    )
    def test_half_of_the_shorter_is_the_same_matter(self, one: str, other: str, expected: bool) -> None:
        assert same_subject(frozenset(one), frozenset(other)) is expected
        assert same_subject(frozenset(other), frozenset(one)) is expected

    def test_the_latest_of_equals_stands(self) -> None:
        told = lines((self.ROOF, 1), (self.ROOF.lower() + "!", 3), (self.ROOF, 2), ("the cellar floods", 9))
        assert find_repeated(told) == {0, 2}

    def test_of_equals_in_time_the_first_stands(self) -> None:
        assert find_repeated(lines((self.ROOF, 1), (self.ROOF, 1), (self.ROOF, 1))) == {1, 2}

    def test_a_question_never_supersedes_what_tells_the_same(self) -> None:
        assert find_repeated(lines(("The roof leaks.", 1), ("Does the roof leak?", 2))) == {1}

    def test_what_has_no_words_supersedes_nothing(self) -> None:
        assert find_repeated(lines(("?", 1), ("?", 2), ("", 3))) == set()
