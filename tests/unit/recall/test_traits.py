"""What speaks for a memory's answering a message, and whether the shipped fit weighs just that."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files

from memory.models import Candidate, Evidence, QueryFacts
from memory.recall.evidence_traits import MessageContext, Traits, call_traits, memory_traits
from memory.recall.relevance import PACKAGE
from memory.recall.staged import PREFIX, Staged
from tests.bare import BARE

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def memory(
    message: str, reply: str = "Noted.", *, days: float = 1, near: float = 1.0, timed: bool = False
) -> Candidate:
    return replace(
        BARE,
        turn_id=message,
        thread="a",
        at=NOW - timedelta(days=days),
        message=message,
        reply=reply,
        score=near,
        evidence=Evidence(lexical=1.0, coverage=0.5, near=near, said=near, timed=timed),
    )


def traits(message: str, *candidates: Candidate) -> list[Traits]:
    return memory_traits(MessageContext(message=message, at=NOW, query=QueryFacts(documents=9)), candidates)


def test_the_shipped_fit_weighs_the_traits_that_there_are() -> None:
    asked = MessageContext(message="what's Bao's rent?", at=NOW, query=QueryFacts(documents=9, calls=1.0))
    of_memory = memory_traits(asked, [memory("Bao pays 400.")])
    known = {"answers": {*of_memory[0]}, "calls": {*call_traits(asked, of_memory, [0.0])}}
    shipped = [each for each in files(PACKAGE).iterdir() if each.name.startswith(PREFIX)]
    assert shipped
    for each in shipped:
        fit = Staged.model_validate_json(each.read_text("utf-8"))
        assert {*fit.answers.coefficients} == known["answers"]
        assert {*fit.calls.coefficients} == known["calls"]


def test_what_was_told_before_the_question_was_asked_in_vain_did_not_answer_it_then() -> None:
    told, later = memory("Nuala drives us.", days=9), memory("Nuala is 52.", days=1)
    asked = memory("what age is Nuala?", "You haven't told me.", days=5, near=3.0)
    before, _, after = traits("how old is Nuala?", told, asked, later)
    assert (before["before_asked"], after["before_asked"]) == (True, False)
    far = replace(asked, evidence=replace(asked.evidence, near=0.1, said=0.1))
    assert not any(one["before_asked"] for one in traits("how old is Nuala?", told, far, later))


def test_a_memory_without_the_name_that_is_asked_about_says_so() -> None:
    mine, hers = memory("My car's reg is 151-C-20884."), memory("Alexandra are o mașină roșie.")
    assert [one["name_missing"] for one in traits("ce mașină are sora mea, Alexandrei?", mine, hers)] == [
        True,
        False,
    ]
    assert not any(one["name_missing"] for one in traits("what's the reg of my car?", mine, hers))


def test_few_that_lie_in_the_time_that_is_meant_count_more() -> None:
    found = [memory("a", timed=True), memory("b", timed=True), memory("c")]
    assert [one["timed_alone"] for one in traits("what did I say on 3 May?", *found)] == [0.5, 0.5, 0.0]
    assert [one["out_of_time"] for one in traits("what did I say on 3 May?", *found)] == [False, False, True]


def test_a_taste_counts_for_a_message_that_seeks_something() -> None:
    taste, other = memory("recommend me a novel, I like sagas, no wars"), memory("The rent went up.")
    assert [one["taste"] for one in traits("need a novel for the train", taste, other)] == [True, False]
    assert not any(one["taste"] for one in traits("when do I pay?", taste, other))
