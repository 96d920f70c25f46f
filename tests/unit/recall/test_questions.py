"""Which messages only ask, and tell nothing that could be remembered as an answer."""

import pytest

from memory.recall.statements import only_asks


@pytest.mark.parametrize(
    "text",
    [
        "Where is my bicycle?", "where is my bicycle", "Hi! Where did I put my bike? And the pump?",
        "Unde mi-am lăsat bicicleta?", "unde e bicicleta mea", "De ce a plecat Ana ?!",
        "自転車はどこですか？", "«Where is it?»",
    ],
)  # fmt: skip
def test_a_question_is_one(text: str) -> None:
    assert only_asks(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "My bicycle stands in the cellar.", "The bike is in the cellar, right?",
        "Bicicleta e în pivniță, nu?", "I parked on level B2. Will I find it again?",
        "What is needed is a new chain.", "Ce am mâncat ieri a fost bun.",
        "When I was young I lived in Iași.", "My number is 3.5, what of it\nThe code is 4711.",
    ],
)  # fmt: skip
def test_what_tells_something_is_no_question(text: str) -> None:
    assert not only_asks(text)
