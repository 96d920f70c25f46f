"""What the marks of speech take a text for, and what only looks like it."""

import sys

from hypothesis import given, strategies as st

from memory.text import marks
from memory.text.marks import knows_nothing
from tests.tables import each


@each(
    "reply",
    [
        "I don't have Janine's birthday.", "No, I don't have that.", "Sorry, don't know that one.",
        "We still don't know.", "You haven't told me where it is.", "You still haven't mentioned it.",
        "Dana hasn't told me.", "You never told me.", "I was not told when.", "I can't tell who owns it.",
        "I'm not sure which one you mean.", "I've no date of birth for Nuala.",
        "Nu mi-ai spus marca frigiderului.", "Nu știu unde sunt ochelarii.", "Nu am data la care expiră.",
        "Nu am găsit data inspecției tehnice.", "N-am ziua Alexandrei notată.", "Nu am acces la calendar.",
        "Nu am numărul salvat.", "Habar n-am",
    ],
)  # fmt: skip
def test_a_reply_says_that_it_does_not_know(reply: str) -> None:
    assert knows_nothing(reply)


@each(
    "reply",
    [
        "No, she doesn't have one.",
        "Rex isn't given chicken: you said he is allergic.",
        "Your parents don't know about the party.",
        "They haven't told the landlord: you asked them not to.",
        "The vegans can't have honey.",
        "She never told her boss.",
        "He's not sure which day, you said.",
        "You can't tell the twins apart by their coats.",
        "Nu am uitat: ești alergic la penicilină.",
        "N-am schimbat nimic: e tot la 9.",
        "Nu am mai vorbit de atunci; ultima dată ai zis 450.",
        "Nu amâna: controlul e pe 3 mai.",
        "Nu ți-am zis degeaba: e sub ghiveci.",
    ],
)
def test_an_answer_that_denies_something_is_one(reply: str) -> None:
    assert not knows_nothing(reply)


@each(
    ("text", "expected"),
    [
        ("what's the paediatrician's name, a friend asks", "en"),
        ("pediatra e dr. Mocanu, la Lavanda, răspunde doar după 16", "ro"),
        ("ordonnance : et pas d'alcool avec, génial pour un chef", "fr"),
        ("¿qué días trabajo esta primavera en la mensajería?", "es"),
        ("ich habe am Montag einen Termin", "de"),
        ("mikor van a szülinapom, és hol?", "hu"),
        ("SB 14 NLU", ""),
        ("", ""),
    ],
)
def test_the_language_of_a_short_text_is_told_by_its_small_words(text: str, expected: str) -> None:
    assert marks.language(text) == expected


def test_no_words_of_people_are_kept() -> None:
    said = " ".join(["I", "told", "nobody", "else"])
    held = sys.getrefcount(said)
    for mark in (marks.asks, marks.in_first_person, marks.corrects, marks.changes, marks.knows_nothing):
        mark(said)
    assert sys.getrefcount(said) == held


@given(st.from_regex(marks._KNOWS_NOTHING).map(marks.folded))
def test_no_denial_is_passed_over_because_none_of_its_words_was_seen(text: str) -> None:
    assert any(one in f" {text}" for one in marks._DENIES) or not marks._KNOWS_NOTHING.search(text)
