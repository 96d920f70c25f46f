"""Which memories a later one puts out of date, and which only look alike."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from memory.models import Candidate
from memory.provenance import Carrier, Part
from memory.recall.statements import find_outdated, supersedes
from tests.bare import BARE

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def memory(
    message: str, reply: str = "", *, hours: float = 0, thread: str = "a", edit_of: str = ""
) -> Candidate:
    return replace(
        BARE,
        turn_id=message,
        thread=thread,
        at=NOON + timedelta(hours=hours),
        message=message,
        reply=reply,
        score=1.0,
        edit_of=edit_of,
    )


DOSE = memory("The doctor put me on amlodipine 5 mg, mornings.", "Noted: amlodipine 5 mg.")


@pytest.mark.parametrize(
    "newer",
    [
        memory("sorry, I meant the evenings", "Corrected.", hours=0.1),
        memory("amlodipine is 10 mg now, still mornings", "Updated.", hours=900, thread="b"),
        memory("de acum amlodipine 10 dimineata, a zis doctor", "Actualizat: amlodipine 10 mg.", hours=900),
        memory(
            "The doctor put me on amlodipine 10 mg, mornings.",
            hours=0.1,
            edit_of="The doctor put me on amlodipine 5 mg, mornings.",
        ),
    ],
)
def test_a_correction_an_update_and_an_edit_put_an_older_memory_out_of_date(newer: Candidate) -> None:
    assert supersedes(newer, DOSE, frozenset({"amlodipin"}))
    assert not supersedes(DOSE, newer)


@pytest.mark.parametrize(
    "newer",
    [
        memory("what dose of amlodipine am I on now?", "5 mg, mornings.", hours=900),
        memory("we moved to Titan, rent is 2,400 now", "Updated.", hours=900),
        memory("the doctor has a new car", "Nice.", hours=900),
        memory("sorry, I am late today", "No problem.", hours=900),
        memory("Bought a red kettle.", hours=0.1, edit_of="Bought a kettle."),
    ],
)
def test_a_question_and_another_matter_put_nothing_out_of_date(newer: Candidate) -> None:
    assert not supersedes(newer, DOSE)


def test_a_correction_means_what_was_said_right_before_it() -> None:
    birthday = memory("My mum's birthday is on 3 May.", hours=0.1)
    code = memory("the alarm code at the shop is 8821", hours=0.2)
    corrected = memory("sorry, I meant 8822", hours=0.3)
    found = [birthday, code, corrected]
    assert find_outdated([birthday, code], found, "when is my mum's birthday?") == {
        code.turn_id: corrected.turn_id
    }
    assert find_outdated([birthday], [birthday, corrected], "when is my mum's birthday?") == {}


def test_the_latest_word_on_a_matter_is_named() -> None:
    first, second = (
        memory(f"amlodipine is {dose} mg now, mornings", "Updated.", hours=hours)
        for dose, hours in ((10, 900), (2, 1900))
    )

    assert find_outdated([DOSE, first], [first, DOSE, second], "my dose?") == {
        DOSE.turn_id: second.turn_id,
        first.turn_id: second.turn_id,
    }


BIRTHDAY = memory("My mum's birthday is on 3 May.", "Noted.")


@pytest.mark.parametrize(
    "said",
    [
        memory("My back is bad today", "Get well soon.", hours=0.8),
        memory("Wait for me at 5", "I will.", hours=0.8),
        memory("sorry, I am late today", "No problem.", hours=0.8),
        memory("Today I talked to mum, she is now retired", "Nice.", hours=900),
        memory("I have new curtains from mum.", "Nice.", hours=900),
    ],
)
def test_an_everyday_word_takes_nothing_back(said: Candidate) -> None:
    assert find_outdated([BIRTHDAY], [BIRTHDAY, said], "when is my mum's birthday?") == {}


def test_an_edit_puts_what_it_is_an_edit_of_out_of_date_and_nothing_else() -> None:
    older = memory("dentist Monday 9", "Noted.", hours=-5)
    first = memory("dentist Tuesday 9", "Noted.")
    second = memory("Wednesday 9", "Noted.", hours=0.1, edit_of=first.turn_id)
    found = [older, first, second]
    assert find_outdated(found, found, "when is the dentist?") == {first.turn_id: second.turn_id}


def test_nobody_in_a_group_corrects_somebody_else() -> None:
    before, after = "The exam is in room 12", "Sorry, the exam moved to room 204 now"

    def said(text: str, name: str, hours: float) -> Candidate:
        parts = (Part(text=text, carrier=Carrier.GROUP, source=name),) if name else ()
        return replace(memory("" if name else text, hours=hours), turn_id=text, parts=parts)

    for one, other, expected in (("Dan", "Dan", True), ("Dan", "Eva", False), ("", "Eva", False)):
        assert supersedes(said(after, other, 2), said(before, one, 0)) is expected
    assert not supersedes(said("The cat moved out now", "Dan", 2), said("The boiler is new", "Dan", 0))
