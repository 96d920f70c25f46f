"""The two decisions: whether anything is shown, and what."""

import pytest

from memory.recall.staged import staged_rule
from memory.text.marks import asks, is_unanswered, knows_nothing
from tests.unit.recall.test_gap import numbered


def rules(chances: list[float], called: float) -> list[tuple[bool, str]]:
    return [(one.kept, one.rule) for one in staged_rule(numbered(chances), called, threshold=0.5, fall=2.5)]


def test_nothing_is_shown_for_a_message_that_calls_for_nothing() -> None:
    assert rules([3.0, 2.9], -0.1) == [(False, "no_call"), (False, "no_call")]


def test_what_is_shown_is_near_the_best_and_among_the_first_three() -> None:
    assert rules([0.0, -2.0, -2.6, -1.0, -2.1], 0.1) == [
        (True, "call"),
        (True, "call"),
        (False, "weaker"),
        (True, "call"),
        (False, "further"),
    ]


def test_the_best_memory_has_the_probability_of_the_message_and_the_others_less() -> None:
    best, other = staged_rule({"best": -4.0, "other": -5.0}, 0.0, threshold=0.5, fall=2.5)

    assert best.probability == pytest.approx(0.5)
    assert other.probability == pytest.approx(0.2689, abs=1e-4)


def test_questions_asked_in_vain_get_the_places_that_other_memories_leave() -> None:
    chances = {"told": 0.0, "weak": -2.6, "asked": 3.0, "again": 2.9, "thrice": 2.8}

    found = staged_rule(chances, 0.1, threshold=0.5, fall=2.5, unanswered={"asked", "again", "thrice"})

    assert [(one.turn_id, one.kept, one.rule) for one in found] == [
        ("told", True, "call"),
        ("weak", False, "weaker"),
        ("asked", True, "call"),
        ("again", True, "call"),
        ("thrice", False, "further"),
    ]


def test_what_is_far_below_a_question_asked_in_vain_does_not_answer_it() -> None:
    found = staged_rule({"noise": -8.0, "asked": 3.0}, 0.1, threshold=0.5, fall=2.5, unanswered={"asked"})

    assert [(one.turn_id, one.kept) for one in found] == [("noise", False), ("asked", True)]


@pytest.mark.parametrize(
    ("message", "reply"),
    [
        ("when is Janine's birthday? I've a feeling", "I don't have Janine's birthday."),
        ("where's my passport", "You haven't told me where it is."),
        ("ce marcă e frigiderul?", "Nu mi-ai spus marca frigiderului."),
        ("unde am pus cheia", "Nu știu, nu mi-ai zis."),
        ("C'est quoi le code ?", "Je n'ai pas ce code, désolé."),
        ("¿cómo se llama la novia de Jon?", "No me has dicho su nombre."),
        ("Wo liegt der Schlüssel?", "Das hast du mir nicht gesagt."),
        ("hol van a kulcs?", "Nem mondtad."),
        ("how old am I?", ""),
    ],
)
def test_a_question_without_an_answer_is_open(message: str, reply: str) -> None:
    assert is_unanswered(message, reply)


@pytest.mark.parametrize(
    ("message", "reply"),
    [
        ("when is Janine's birthday?", "On 4 March, you said."),
        ("My mum's birthday is on 3 May.", ""),
        ("I lost the key", "I don't know where it could be, sorry."),
    ],
)
def test_an_answered_question_and_a_statement_are_not_open(message: str, reply: str) -> None:
    assert not is_unanswered(message, reply)


def test_a_statement_that_begins_like_one_is_no_question() -> None:
    assert not asks("Seasonal flu jab done today")
    assert not knows_nothing("Noted: the code is 4402.")
