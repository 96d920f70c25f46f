"""What the gap filter lets through, and why."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from langgraph.runtime import Runtime

from graph.settings.context import TurnContext
from graph.settings.settings import Settings
from graph.state.turn_state import (
    CalibrationUsed,
    Conversation,
    FactSheet,
    Recall,
    State,
    TimeMeant,
    Turn,
    Unused,
)
from graph.state.updates import GapFilterUpdate
from graph.tuning.live_settings import LiveSettings
from memory.models import Candidate, ConversationTurn, Decision, DecisionRule, Evidence, Fact, QueryFacts
from memory.provenance import Carrier, Part
from memory.recall.gap_rules import GapRule
from memory.recall.ranking import RankRule
from memory.recall.relevance import Calibration, read_calibration
from memory.recall.staged import MOST
from nodes.gap_filter import GapFilter, filter_candidates
from nodes.overrides import (
    MAX_KEY_EPISODES,
    MIN_INCREASE,
    apply_keys_and_times,
    cut_echoes,
    keep_carried,
    keep_complement,
    keep_newer,
    keep_speaker,
)
from tests.bare import BARE
from tests.tables import each

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TURN = Turn(turn_id="now", owner="ana", thread="1", message="what did I plant?", at=NOW)
YESTERDAY = TimeMeant(start=NOW - timedelta(days=1), end=NOW, text="yesterday")
QUERY = QueryFacts(documents=500, words=3, unseen=0.2, model="any")
QUIET = tuple(i / 100 for i in range(21))


def candidate(
    turn_id: str,
    score: float = 0.5,
    *,
    days: float = 0,
    text: str = "",
    keyed: int = 0,
    timed: bool = False,
) -> Candidate:
    """Make one about a matter of its own, unless `text` says otherwise; all evidence follows the score."""
    evidence = Evidence(
        lexical=max(score, 0.0) * 10,
        coverage=max(score, 0.0),
        cosine=score,
        standing=score * 20 - 10,
        surplus=score * 20 - 10,
        keyed=keyed,
        timed=timed,
    )
    return replace(
        BARE,
        turn_id=turn_id,
        at=NOW - timedelta(days=days),
        message=text or f"matter{turn_id}",
        reply="",
        score=score,
        evidence=evidence,
    )


def past(turn_id: str) -> ConversationTurn:
    return ConversationTurn(turn_id=turn_id, message="m", reply="r", at=NOW, tokens=2)


def state(
    *candidates: Candidate,
    noise: tuple[float, ...] = QUIET,
    turns: Sequence[ConversationTurn] = (),
    opening: ConversationTurn | None = None,
    query: QueryFacts = QUERY,
    times: TimeMeant | None = None,
    facts: Sequence[Fact] = (),
    unused: Sequence[Unused] = (),
) -> State:
    return {
        "messages": [],
        "turn": TURN,
        "recall": Recall(candidates=candidates, noise=noise, query=query, times=times),
        "conversation": Conversation(turns=turns, opening=opening),
        "fact_sheet": FactSheet(facts=facts),
        "unused": unused,
    }


def decide(given: State, **thresholds: Any) -> list[Decision]:
    return filter_candidates(given, TurnContext(**thresholds))


def by_null(given: State, **thresholds: Any) -> list[Decision]:
    return decide(given, gap_rule=GapRule.NULL, **thresholds)


def kept(decisions: Sequence[Decision]) -> list[str]:
    return [decision.turn_id for decision in decisions if decision.kept]


def rules(decisions: Sequence[Decision]) -> dict[str, tuple[bool, str]]:
    return {decision.turn_id: (decision.kept, decision.rule) for decision in decisions}


class TestRules:
    def test_the_kept_stand_first_and_each_candidate_has_one_decision(self) -> None:
        found = [candidate("best", 0.9), candidate("low", 0.1), candidate("good", 0.5), candidate("no", -0.2)]
        decisions = by_null(state(*found))
        assert [(d.turn_id, d.kept, d.score) for d in decisions] == [
            ("best", True, 0.9),
            ("good", True, 0.5),
            ("low", False, 0.1),
            ("no", False, -0.2),
        ]
        assert {d.rule for d in decisions} == {"null"}

    def test_the_list_does_not_break_after_a_question_that_was_never_answered(self) -> None:
        found = [candidate("asked", 0.99, text="What did I plant?"), candidate("told", 0.5)]
        assert rules(decide(state(*found), gap_threshold=0.1, gap_break=0.1)) == {
            "asked": (False, "duplicate"),
            "told": (True, "calibrated"),
        }
        poor = replace(found[1], evidence=replace(found[1].evidence, share=0.4))
        beside, alone = decide(state(found[0], poor)), decide(state(found[1]))
        assert [one.probability for one in beside if one.turn_id == "told"] == [alone[0].probability]
        answered = replace(found[0], reply="Two cherry trees.")
        assert kept(decide(state(answered, found[1]), gap_threshold=0.1, gap_break=0.1)) == ["asked"]

    def test_the_calibrated_rule_is_the_default_and_tells_each_probability(self) -> None:
        found = [candidate("sure", 0.95), candidate("maybe", 0.55), candidate("no", 0.0)]
        decisions = decide(state(*found))
        calibration = read_calibration(QUERY.model)
        chances = {c.turn_id: calibration.probability(c.evidence, QUERY) for c in found}
        assert {d.turn_id: d.probability for d in decisions} == chances
        assert {d.turn_id: d.score for d in decisions} == chances
        assert chances["sure"] > chances["maybe"] > chances["no"]
        assert kept(decisions)[:1] == ["sure"]
        assert not decisions[-1].kept

    def test_the_calibrated_threshold_and_break_are_the_contexts(self) -> None:
        found = [candidate("sure", 1.0), candidate("no", 0.0)]
        assert kept(decide(state(*found), gap_threshold=1.0)) == []
        assert kept(decide(state(*found), gap_threshold=0.0, gap_break=100)) == ["sure", "no"]
        narrow = decide(state(*found), gap_threshold=0.0, gap_break=0.01)
        assert rules(narrow) == {"sure": (True, "calibrated"), "no": (False, "break")}

    def test_the_kept_are_in_the_order_of_the_ranking(self) -> None:
        found = [candidate("old", 0.9, days=300), candidate("new", 0.7), candidate("cut", 0.1)]
        order = by_null(state(*found), rank_tie=0.01)
        assert [d.turn_id for d in order] == ["old", "new", "cut"]
        assert [d.turn_id for d in by_null(state(*found), rank_tie=1)] == ["new", "old", "cut"]
        blended = by_null(state(*found), rank_rule=RankRule.BLEND)
        assert [d.turn_id for d in blended] == ["new", "old", "cut"]
        wide = by_null(state(*found), rank_rule=RankRule.BLEND, rank_recency_window=36_500)
        assert [d.turn_id for d in wide] == ["old", "new", "cut"]

    def test_by_probability_the_surest_stand_first_whatever_their_age(self) -> None:
        """What stands first is what the prompt has room for."""
        found = [candidate(str(days), 0.55 + days / 100, days=days) for days in (5, 1, 3, 2)]
        order = [decision.probability for decision in decide(state(*found)) if decision.kept]
        assert len(order) > 1
        assert order == sorted(order, reverse=True)


class TestCalibration:
    SURE_OF_ALL = read_calibration("any").model_copy(
        update={"with_vectors": read_calibration("any").with_vectors.model_copy(update={"intercept": 30.0})}
    )
    FOUND = state(candidate("unlikely", 0.0))

    async def judge(self, calibration: Calibration, **thresholds: Any) -> GapFilterUpdate:
        given = Settings(calibrations={"mine": calibration})
        node = GapFilter(LiveSettings(given, follow=False))
        return await node(self.FOUND, Runtime(context=TurnContext(**thresholds)))

    async def test_the_one_that_the_context_names_judges(self) -> None:
        update = await self.judge(self.SURE_OF_ALL, gap_calibration="mine")
        assert kept(update["decisions"]) == ["unlikely"]
        assert update["calibration"] == CalibrationUsed(name="mine")

    async def test_without_a_name_the_one_of_the_package_judges(self) -> None:
        update = await self.judge(self.SURE_OF_ALL)
        assert kept(update["decisions"]) == []
        assert update["calibration"] == CalibrationUsed()

    async def test_an_unknown_name_is_told_and_the_one_of_the_package_judges(self) -> None:
        update = await self.judge(self.SURE_OF_ALL, gap_calibration="yours")
        assert kept(update["decisions"]) == []
        assert update["calibration"].name == ""
        assert update["calibration"].problem == (
            "The calibration 'yours' is not in goat.toml; the packaged one is used."
        )

    async def test_one_for_another_embedding_model_is_not_used(self) -> None:
        foreign = self.SURE_OF_ALL.model_copy(update={"embedding_model": "other"})
        update = await self.judge(foreign, gap_calibration="mine")
        assert kept(update["decisions"]) == []
        assert "'mine' is for other, not for any;" in update["calibration"].problem

    async def test_under_another_rule_none_is_looked_for(self) -> None:
        update = await self.judge(self.SURE_OF_ALL, gap_calibration="yours", gap_rule=GapRule.NULL)
        assert update["calibration"] == CalibrationUsed()


class TestLimit:
    def test_the_best_are_taken_up_to_the_limit(self) -> None:
        found = [candidate(str(i), 1 - i / 100) for i in range(30)]
        assert {d.turn_id for d in decide(state(*found))} == {str(i) for i in range(15)}
        assert [d.turn_id for d in decide(state(*found), prefetch_results=1)] == ["0"]

    def test_what_stands_in_the_conversation_takes_no_place(self) -> None:
        found = [candidate("echo", 0.9), candidate("a", 0.8), candidate("b", 0.7), candidate("c", 0.6)]
        decisions = decide(state(*found, turns=(past("echo"),)), prefetch_results=2)
        assert {d.turn_id for d in decisions} == {"echo", "a", "b"}

    def test_an_opening_takes_no_place(self) -> None:
        found = [candidate("echo", 0.9), candidate("a", 0.8), candidate("b", 0.7)]
        given = state(*found, turns=(past("x"),), opening=past("echo"))
        assert {d.turn_id for d in decide(given, prefetch_results=2)} == {"echo", "a", "b"}

    def test_what_was_asked_for_by_key_or_time_takes_no_place(self) -> None:
        found = [
            candidate("a", 0.9),
            candidate("b", 0.8),
            candidate("key", 0.2, keyed=1),
            candidate("c", 0.15),
            candidate("time", 0.1, timed=True),
        ]
        assert {d.turn_id for d in decide(state(*found), prefetch_results=1)} == {"a", "key", "time"}


def said(turn_id: str, message: str, reply: str, *, days: float) -> Candidate:
    return replace(candidate(turn_id, days=days), message=message, reply=reply)


class TestNewer:
    def test_of_a_chain_of_corrections_the_last_one_is_shown_as_current(self) -> None:
        found = [
            said("a", "Gym membership costs 30 a month.", "Noted.", days=300),
            said("b", "The gym membership is 45 a month now.", "Updated.", days=200),
            said("c", "The gym is 40 now, they had a sale.", "Updated.", days=100),
        ]
        decisions = [replace(one, kept=one.turn_id == "a") for one in by_null(state(*found))]
        newer = {one.turn_id: one for one in keep_newer(decisions, found, "what does the gym cost?")}
        assert {name: (one.kept, one.superseded_by) for name, one in newer.items()} == {
            "a": (True, "c"),
            "b": (False, ""),
            "c": (True, ""),
        }


class TestCarriedOn:
    @each("query", [QUERY, replace(QUERY, small_talk=True), replace(QUERY, calls=-4.0)])
    def test_a_fragment_that_asks_on_keeps_what_was_shown_and_small_talk_does_not(
        self, query: QueryFacts
    ) -> None:
        given = state(candidate("shown", 0.1), query=query)
        given["turn"] = replace(TURN, message="and how much is it?")
        given["recall"] = replace(given["recall"], carried=("shown",))
        cut = [replace(one, kept=False) for one in by_null(given)]
        assert kept(keep_carried(cut, given)) == (["shown"] if query is QUERY else [])


class TestTwoThings:
    @each(
        ("message", "expected"),
        [
            ("What day is the wedding, and what will the arch cost?", ["date", "arch"]),
            ("text for the barn: day of the wedding + price of the arch", ["date", "arch"]),
            ("What day is the wedding with the arch?", ["date"]),
            ("I saw Mihai and Ioana at the barn. When is the wedding?", ["date"]),
            ("What day is the wedding of Ana, and where will it be?", ["date"]),
        ],
    )
    def test_a_second_memory_is_kept_for_the_half_of_the_message_that_the_first_lacks(
        self, message: str, expected: list[str]
    ) -> None:
        said = {
            "date": "The wedding of Ana is on 6 June.",
            "guests": "Ana expects 130 guests at the wedding.",
            "arch": "Florists want 300 for an arch.",
            "asked": "What is an arch called in Spanish?",
            "far": "There was an arch in the ruins.",
        }
        falls = {"date": 0.0, "guests": -3.0, "arch": -4.0, "asked": -3.5, "far": -6.5}
        decided = [
            Decision(
                turn_id=name,
                kept=fall == 0.0,
                rule=DecisionRule.WEAKER if fall else DecisionRule.CALL,
                score=fall,
                threshold=-2.16,
                probability=0.9 + fall / 100,
            )
            for name, fall in falls.items()
        ]
        found = [candidate(name, text=text) for name, text in said.items()]
        assert kept(keep_complement(decided, found, message)) == expected
        assert kept(keep_complement([unkept(name, 0.4) for name in falls], found, message)) == []


class TestSpeakers:
    @each(
        ("message", "expected"),
        [
            ("What did Dan say about the trip?", ["trip"]),
            ("Ce a spus dan popescu despre excursie?", ["trip"]),
            ("What did Daniela say about the trip?", []),
            ("What did Eva say about the trip?", []),
            ("Dan is nice.", []),
        ],
    )
    def test_a_question_about_somebody_in_a_group_keeps_what_they_said_of_it(
        self, message: str, expected: list[str]
    ) -> None:
        chances = {"trip": 0.4, "dog": 0.15, "eva": 0.2, "own": 0.4}
        names = {"trip": "Dan Popescu", "dog": "Dan Popescu", "eva": "Eva"}
        found = [
            replace(candidate(name), parts=(Part(text=name, carrier=Carrier.GROUP, source=names[name]),))
            for name in names
        ]
        found.append(replace(candidate("own"), parts=(Part(text="Dan", carrier=Carrier.NAME),)))
        cut = [unkept(name, chance) for name, chance in chances.items()]
        assert kept(keep_speaker(cut, found, message)) == expected


def unkept(turn_id: str, chance: float) -> Decision:
    return Decision(
        turn_id=turn_id,
        kept=False,
        rule=DecisionRule.NO_CALL,
        score=chance,
        threshold=0.5,
        probability=chance,
    )


def settled(
    *candidates: Candidate, relevant: Sequence[str] = (), times: TimeMeant | None = None, message: str = ""
) -> dict[str, tuple[bool, str]]:
    """Return what keys and times make of decisions by which `relevant` are kept."""
    judged = [
        Decision(
            turn_id=c.turn_id,
            kept=c.turn_id in relevant,
            rule=DecisionRule.CALIBRATED,
            score=0.5,
            threshold=0.5,
            probability=0.5,
        )
        for c in candidates
    ]
    return rules(
        apply_keys_and_times(judged, candidates, Recall(candidates=candidates, times=times), message)
    )


KEPT, CUT = (True, "calibrated"), (False, "calibrated")


class TestKeyAndTime:
    def test_a_rare_key_is_kept_however_little_else_speaks_for_it(self) -> None:
        found = [candidate("key", 0, keyed=1), candidate("other", 0)]
        assert settled(*found) == {"key": (True, "key"), "other": CUT}
        assert settled(*found, relevant=["other"]) == {"key": (True, "key"), "other": KEPT}

    def test_a_frequent_key_is_judged_like_anything_else(self) -> None:
        few = [candidate(str(n), 0, keyed=MAX_KEY_EPISODES) for n in range(MAX_KEY_EPISODES)]
        assert set(settled(*few).values()) == {(True, "key")}
        many = [candidate(str(n), 0, keyed=MAX_KEY_EPISODES + 1) for n in range(MAX_KEY_EPISODES + 1)]
        assert set(settled(*many).values()) == {CUT}
        assert settled(*many, relevant=["3"])["3"] == KEPT

    def test_keys_are_counted_each_by_itself(self) -> None:
        found = [
            candidate("a", 0, keyed=3),
            candidate("b", 0, keyed=3),
            candidate("c", 0, keyed=MAX_KEY_EPISODES),
        ]
        assert set(settled(*found).values()) == {(True, "key")}

    def test_what_lies_in_the_time_stands_alone_when_any_of_it_is_relevant(self) -> None:
        found = [
            candidate("then", timed=True),
            candidate("then too", timed=True),
            candidate("at another time"),
            candidate("key", keyed=1),
        ]
        relevant = ["then", "at another time"]
        assert settled(*found, relevant=relevant, times=YESTERDAY) == {
            "then": KEPT,
            "then too": CUT,
            "at another time": (False, "time"),
            "key": (True, "key"),
        }

    def test_when_nothing_of_that_time_is_relevant_the_time_cuts_nothing(self) -> None:
        found = [candidate("then", timed=True), candidate("at another time")]
        assert settled(*found, relevant=["at another time"], times=YESTERDAY) == {
            "then": CUT,
            "at another time": KEPT,
        }

    def test_who_asks_what_they_said_on_a_day_is_answered_by_the_few_turns_of_it(self) -> None:
        found = [candidate("then", timed=True), candidate("at another time")]
        asked = "ce ți-am spus despre fratele meu ieri?"
        assert settled(*found, times=YESTERDAY, message=asked)["then"] == (True, "time")
        for message in ("who won the match yesterday?", "yesterday I told you everything"):
            assert settled(*found, times=YESTERDAY, message=message)["then"] == CUT
        week = TimeMeant(start=NOW - timedelta(days=7), end=NOW, text="this week")
        assert settled(*found, times=week, message=asked)["then"] == CUT
        many = [candidate(str(n), timed=True) for n in range(MOST + 1)]
        assert set(settled(*many, times=YESTERDAY, message=asked).values()) == {CUT}

    def test_a_message_that_names_a_time_alone_is_answered_by_all_of_it(self) -> None:
        alone = TimeMeant(start=YESTERDAY.start, end=NOW, text="yesterday", alone=True)
        found = [
            candidate("then", timed=True),
            candidate("then too", timed=True),
            candidate("at another time"),
        ]
        assert settled(*found, relevant=["at another time"], times=alone) == {
            "then": (True, "time"),
            "then too": (True, "time"),
            "at another time": (False, "time"),
        }

    def test_a_key_outside_the_time_is_kept_and_one_within_it_narrows_it(self) -> None:
        found = [candidate("key then", keyed=1, timed=True), candidate("other")]
        assert settled(*found, relevant=["other"], times=YESTERDAY) == {
            "key then": (True, "key"),
            "other": (False, "time"),
        }


class TestSmallTalk:
    SMALL = QueryFacts(documents=500, words=1, small_talk=True, model="any")

    @each("rule", GapRule)
    def test_thanks_call_up_nothing(self, rule: GapRule) -> None:
        found = [candidate("a", 1.0), candidate("b", 0.99)]
        assert kept(decide(state(*found, noise=(0.0,)), gap_rule=rule)) == ["a", "b"]
        decisions = decide(state(*found, noise=(0.0,), query=self.SMALL), gap_rule=rule)
        assert rules(decisions) == {"a": (False, "small_talk"), "b": (False, "small_talk")}

    def test_a_key_and_a_time_alone_are_asked_for_even_so(self) -> None:
        alone = TimeMeant(start=YESTERDAY.start, end=NOW, text="yesterday", alone=True)
        found = [candidate("then", 0.1, timed=True), candidate("key", 0.1, keyed=1), candidate("x", 1.0)]
        decisions = decide(state(*found, query=self.SMALL, times=alone))
        assert rules(decisions) == {"then": (True, "time"), "key": (True, "key"), "x": (False, "time")}


ROOF = "The roof of the barn leaks above the hay ladder since October"


class TestEcho:
    def test_of_those_that_say_the_same_the_latest_stays(self) -> None:
        found = [
            candidate("first", 1.0, days=9, text=ROOF),
            candidate("last", 0.98, days=1, text=ROOF + "!"),
            candidate("between", 0.99, days=5, text=ROOF.upper()),
            candidate("other", 0.97, text="the cellar is flooded"),
        ]
        decisions = by_null(state(*found))
        assert rules(decisions) == {
            "first": (False, "duplicate"),
            "last": (True, "null"),
            "between": (False, "duplicate"),
            "other": (True, "null"),
        }

    def test_a_later_one_that_is_not_relevant_cuts_nothing(self) -> None:
        found = [candidate("first", 1.0, days=9, text=ROOF), candidate("last", 0.1, text=ROOF)]
        assert rules(by_null(state(*found))) == {"first": (True, "null"), "last": (False, "null")}

    def test_what_the_facts_say_already_is_not_said_again(self) -> None:
        facts = [Fact(key="daughter", value="Ioana, allergic to peanuts", at=NOW)]
        found = [
            candidate("known", 1.0, text="My daughter is allergic to peanuts"),
            candidate("more", 0.9, text="My daughter is allergic to peanuts and carries an epinephrine pen"),
        ]
        assert rules(by_null(state(*found, facts=facts))) == {
            "known": (False, "fact"),
            "more": (True, "null"),
        }

    def test_facts_are_read_each_by_itself(self) -> None:
        facts = [Fact(key="sister", value="Maria", at=NOW), Fact(key="dog", value="Rex", at=NOW)]
        given = state(candidate("both", 1.0, text="my dog Rex and my sister Maria"), facts=facts)
        assert rules(by_null(given)) == {"both": (True, "null")}

    @each(
        ("before", "now", "expected"),
        [
            (0.6, 0.6, (False, "unused")),
            (0.6, 0.6 + MIN_INCREASE - 0.01, (False, "unused")),
            (0.6, 0.6 + MIN_INCREASE + 0.01, (True, "calibrated")),
            (0.6, 0.5, (False, "unused")),
        ],
    )
    def test_what_was_shown_in_vain_needs_a_better_reason(
        self, before: float, now: float, expected: tuple[bool, str]
    ) -> None:
        shown = candidate("shown", 1.0)
        decision = Decision(
            turn_id="shown",
            kept=True,
            rule=DecisionRule.CALIBRATED,
            score=now,
            threshold=0.5,
            probability=now,
        )
        given = state(shown, unused=[Unused(turn_id="shown", probability=before, turns_left=1)])
        given["turn"] = replace(TURN, message="planting goes on")
        assert rules(cut_echoes([decision], [shown], given)) == {"shown": expected}

    @each("message", ["what did I plant?", "so where was it, the tree"])
    def test_who_asks_again_is_shown_again_what_was_shown_in_vain(self, message: str) -> None:
        shown = candidate("shown", 1.0)
        decision = Decision(
            turn_id="shown", kept=True, rule=DecisionRule.CALL, score=0.6, threshold=0.5, probability=0.6
        )
        given = state(shown, unused=[Unused(turn_id="shown", probability=0.6, turns_left=1)])
        given["turn"] = replace(TURN, message=message)
        assert rules(cut_echoes([decision], [shown], given)) == {"shown": (True, "call")}

    @each(
        ("message", "reply", "expected"),
        [
            ("and how much is it?", "The lease, in June.", False),
            ("and how much is it?", "It ends in June.", True),
            ("and how much is it?", "Noted: it ends in June.", False),
            ("thanks!", "It ends in June.", False),
            ("how much flour goes into sourdough bread these days?", "It ends in June.", False),
        ],
    )
    def test_what_was_shown_right_before_is_kept_for_a_message_that_asks_on(
        self, message: str, reply: str, expected: bool
    ) -> None:
        shown = candidate("shown", 0.0)
        before = replace(past("before"), message="the lease is until June", reply=reply)
        given = state(shown, turns=[before])
        given["recall"] = replace(given["recall"], carried=("shown",))
        given["turn"] = replace(TURN, message=message)
        decision = Decision(
            turn_id="shown", kept=False, rule=DecisionRule.NO_CALL, score=0.1, threshold=0.5, probability=0.1
        )
        assert kept(keep_carried([decision], given)) == (["shown"] if expected else [])

    def test_a_later_word_on_a_matter_comes_with_the_older_one_which_is_marked(self) -> None:
        older = candidate("older", 1.0, days=9, text="the alarm code is 8821")
        newer = candidate("newer", -1.0, days=3, text="the alarm code is 8822 now, changed")
        decisions = [
            Decision(
                turn_id=name,
                kept=name == "older",
                rule=DecisionRule.CALL,
                score=1,
                threshold=0,
                probability=1,
            )
            for name in ("older", "newer")
        ]
        found = keep_newer(decisions, [older, newer], "what's the alarm code?")
        assert rules(found) == {"older": (True, "call"), "newer": (True, "newer")}
        assert [one.superseded_by for one in found] == ["newer", ""]

    @each("rule", [DecisionRule.KEY, DecisionRule.TIME])
    def test_what_is_asked_for_by_key_or_time_is_shown_again(self, rule: DecisionRule) -> None:
        shown = candidate("shown", 1.0)
        decision = Decision(turn_id="shown", kept=True, rule=rule, score=0.1, threshold=0.5, probability=0.1)
        given = state(shown, unused=[Unused(turn_id="shown", probability=0.9, turns_left=1)])
        assert rules(cut_echoes([decision], [shown], given)) == {"shown": (True, rule)}

    def test_the_first_turn_of_a_thread_has_nothing_unused(self) -> None:
        given = state(candidate("a", 1.0))
        del given["unused"]
        assert kept(by_null(given)) == ["a"]


class TestSmallTalkInTheArchive:
    def test_it_is_never_called_up(self) -> None:
        given = state(replace(candidate("greeting", 1.0), small_talk=True), candidate("matter", 1.0))
        shown = rules(by_null(given))
        assert shown["greeting"] == (False, "small_talk")
        assert shown["matter"][0]
