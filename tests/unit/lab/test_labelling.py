"""Labels on past turns: what is asked first, what is kept, and what tuning makes of it."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.lab.past.labelled_turns import (
    FLOOR,
    LabelledHalves,
    figures,
    label_halves,
    search_grid,
    silence,
    tuning_result,
    turn_counts,
    with_changes,
)
from bot.lab.past.labels import LabelledPastTurn, Labels, agreement, weak_labels
from bot.lab.past.past_result import LEAST_OF_EACH, TooFewLabels, fit_own_calibration
from bot.lab.past.past_turns import MOST_OFFERED, OFFERED, PastTurn, draw_sample, halves, offer_memories
from bot.lab.past.session import LabellingSession
from graph.settings.context import TurnContext
from memory.episodic.log.feedback_log import Feedback, Label, LabelLog
from memory.errors import TierUnavailable
from memory.owners.owner_files import OwnerFiles
from memory.recall.relevance import Calibration
from memory.tuning.curves import measure
from memory.tuning.gain_bound import measure_gain
from tests.observations import observation
from tests.past import START, past

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
OWNER = "ana"
CONTEXT = TurnContext(owner=OWNER)
STRICT = TurnContext(owner=OWNER, gap_threshold=0.8)
TWO = [past("t1", {"a": 0.9, "b": 0.4}), past("t2", {"c": 0.7}, day=1), past("t3", {}, day=2)]


@pytest.fixture
async def files(tmp_path: Path) -> AsyncIterator[OwnerFiles]:
    files = OwnerFiles(tmp_path)
    yield files
    await files.close()


def said(turn_id: str, memory: str, relevant: bool) -> Label:
    return Label(turn_id=turn_id, memory=memory, relevant=relevant, at=NOW)


def unsaved(labels: Iterable[Label]) -> Labels:
    return Labels(LabelLog(OwnerFiles(Path("no folder"))), OWNER, labels)


def mean_utility(
    turns: Sequence[LabelledPastTurn], context: TurnContext, calibration: Calibration | None = None
) -> float:
    return measure(turn_counts(turns, context, calibration)).utility.value


class TestSession:
    """Asking a person."""

    async def test_each_answer_is_kept_before_the_next_question(self, files: OwnerFiles) -> None:
        log = LabelLog(files)
        session = LabellingSession(Labels(log, OWNER, clock=lambda: NOW), TWO)
        asked = []
        while (question := session.current) is not None:
            await session.answer(question.candidate.turn_id != "b")
            asked.append(question.pair)
            assert len(await log.all(owner=OWNER)) == len(asked)
        assert sorted(asked) == [("t1", "a"), ("t1", "b"), ("t2", "c")]
        assert [(one.memory, one.relevant, one.at) for one in await log.all(owner=OWNER)] == [
            ("a", True, NOW),
            ("b", False, NOW),
            ("c", True, NOW),
        ]
        assert str(session.progress) == "2 of 2 turns labelled, 3 labels"
        assert await session.answer(relevant=True) is None

    async def test_it_goes_on_where_it_was_left(self, files: OwnerFiles) -> None:
        log = LabelLog(files)
        first = LabellingSession(Labels(log, OWNER), TWO)
        question = await first.answer(relevant=True)
        again = LabellingSession(Labels(log, OWNER, await log.all(owner=OWNER)), TWO)
        assert question is not None
        assert again.current is not None
        assert again.current.turn is question.turn
        assert again.current.pair != question.pair
        assert again.progress.labels == 1

    async def test_what_is_skipped_is_asked_in_the_next_session(self, files: OwnerFiles) -> None:
        log = LabelLog(files)
        session = LabellingSession(Labels(log, OWNER), TWO)
        skipped = await session.answer(None)
        await session.none_of_these()
        await session.answer(relevant=True)
        assert session.current is None
        assert "skipped" in str(session.progress)
        again = LabellingSession(Labels(log, OWNER, await log.all(owner=OWNER)), TWO)
        assert skipped is not None
        assert again.current is not None
        assert again.current.pair == skipped.pair

    async def test_none_of_these_keeps_what_was_said_of_the_same_message(self, files: OwnerFiles) -> None:
        log = LabelLog(files)
        turn = past("t", {"a": 0.9, "b": 0.8, "c": 0.7})
        session = LabellingSession(Labels(log, OWNER), [turn])
        first = await session.answer(relevant=True)
        await session.none_of_these()
        assert first is not None
        assert {one.memory for one in await log.all(owner=OWNER) if one.relevant} == {first.pair[1]}
        assert len(await log.all(owner=OWNER)) == 3

    async def test_one_can_go_back_and_answer_anew(self, files: OwnerFiles) -> None:
        log = LabelLog(files)
        session = LabellingSession(Labels(log, OWNER), TWO)
        await session.back()
        first, second = await session.answer(relevant=True), session.current
        await session.back()
        assert session.current == first
        assert session.earlier_answer is True
        await session.answer(relevant=False)
        assert session.current == second
        assert [one.relevant for one in await log.all(owner=OWNER)] == [False]

    async def test_to_go_back_from_none_of_these_takes_back_what_was_said_of_the_others(
        self, files: OwnerFiles
    ) -> None:
        log = LabelLog(files)
        session = LabellingSession(Labels(log, OWNER), [past("t", {"a": 0.9, "b": 0.8, "c": 0.7})])
        first = await session.none_of_these()
        assert len(await log.all(owner=OWNER)) == 3
        await session.back()
        assert session.current == first
        assert session.earlier_answer is False
        assert len(await log.all(owner=OWNER)) == 1
        await session.answer(relevant=True)
        await session.answer(relevant=True)
        await session.answer(relevant=True)
        assert session.current is None
        assert [one.relevant for one in await log.all(owner=OWNER)] == [True] * 3

    async def test_what_cannot_be_kept_is_asked_again(self, tmp_path: Path) -> None:
        folder = tmp_path / "a file"
        folder.write_text("")
        files = OwnerFiles(folder)
        session = LabellingSession(Labels(LabelLog(files), OWNER), TWO)
        before = session.current
        with pytest.raises(TierUnavailable):
            await session.answer(relevant=True)
        assert session.current == before
        assert session.progress.labels == 0
        await files.close()

    async def test_the_order_of_memories_does_not_follow_their_probability(self, files: OwnerFiles) -> None:
        places = []
        for number in range(30):
            turn = past(f"t{number}", {"a": 0.9, "b": 0.5, "c": 0.1})
            session = LabellingSession(Labels(LabelLog(files), OWNER), [turn])
            assert session.current is not None
            places.append(session.current.candidate.turn_id)
        assert set(places) == {"a", "b", "c"}


class TestDrawing:
    """Which turns are asked about first."""

    turns = tuple(past(f"t{n}", {"a": 0.9}, day=n // 10) for n in range(80))

    def test_days_are_never_parted_and_the_later_ones_are_tested_on(self) -> None:
        choosing, testing = halves(self.turns)
        assert len(choosing) == len(testing) == 40
        assert max(turn.day for turn in choosing) < min(turn.day for turn in testing)
        assert halves([]) == ([], [])
        assert [len(half) for half in halves(self.turns[:5])] == [0, 5]

    def test_both_halves_come_in_turn_at_random(self) -> None:
        order = draw_sample([*self.turns, past("nothing found", {})])
        _, testing = halves(self.turns)
        assert {turn.turn_id for turn in order} == {turn.turn_id for turn in self.turns}
        assert [turn in testing for turn in order] == [True, False] * 40
        assert order[::2] != testing
        assert order == draw_sample(self.turns[::-1])


class TestOffering:
    """Which memories are asked about."""

    @staticmethod
    def names(turn: PastTurn, context: TurnContext) -> list[str]:
        return [decision.turn_id for decision in offer_memories(turn.state, context, turn.calibration)]

    def test_whatever_a_setting_of_the_grid_may_show_is_offered_the_likeliest_first(self) -> None:
        chances = {f"m{n}": 0.95 - n / 20 for n in range(9)}
        assert self.names(past("t", chances), STRICT) == list(chances)
        many = {f"m{n:02}": 0.95 - n / 100 for n in range(15)}
        assert self.names(past("t", many), CONTEXT) == list(many)[:MOST_OFFERED]

    def test_of_what_none_would_show_a_few_are(self) -> None:
        unlikely = {f"m{n}": 0.15 - n / 100 for n in range(8)}
        assert self.names(past("t", unlikely), CONTEXT) == list(unlikely)[:OFFERED]
        lax = TurnContext(owner=OWNER, gap_threshold=0.0)
        assert self.names(past("t", unlikely), lax) == list(unlikely)
        assert self.names(past("t", {}), CONTEXT) == []

    def test_what_a_lax_setting_would_repeat_is_offered_for_the_stricter_ones(self) -> None:
        turn = past("t", {"told": 0.9, "again": 0.3})
        first, second = turn.state["recall"].candidates
        again = replace(second, message=first.message, at=first.at + timedelta(days=1))
        recall = replace(turn.state["recall"], candidates=(first, again))
        repeated = replace(turn, state={**turn.state, "recall": recall})
        assert repeated.shown(TurnContext(gap_threshold=0.2, gap_break=10)) == ["again"]
        assert self.names(repeated, CONTEXT) == ["told", "again"]


class TestTuning:
    """What labels are worth."""

    @staticmethod
    def noisy(turns: int = 80) -> tuple[LabelledHalves, float]:
        """Return turns in which whatever is below 0.8 is noise."""
        some = [
            past(f"t{n:03}", {f"g{n}": 0.9} if n % 2 else {f"n{n}": 0.6 + n % 8 / 100}, day=n // 8)
            for n in range(turns)
        ]
        labels = [said(turn.turn_id, c.turn_id, c.turn_id[0] == "g") for turn in some for c in turn.offered]
        return label_halves(some, unsaved(labels)), 0.8

    def test_turns_count_when_every_memory_is_labelled(self) -> None:
        labels = [said("t1", "a", True), said("t2", "c", False), said("gone", "x", True)]
        parts = label_halves(TWO, unsaved(labels))
        assert [one.turn.turn_id for one in (*parts.choosing, *parts.testing)] == ["t2"]
        parts = label_halves(TWO, unsaved([*labels, said("t1", "b", False)]))
        everything = (*parts.choosing, *parts.testing)
        assert {one.turn.turn_id: one.relevant for one in everything} == {"t1": {"a"}, "t2": frozenset()}
        assert label_halves([], unsaved(labels)) == LabelledHalves([], [])

    def test_the_best_threshold_is_found_and_proven_on_later_days(self) -> None:
        parts, best = self.noisy(144)
        found = search_grid(parts.choosing, CONTEXT, {"gap_threshold": (0.3, 0.5, best, 0.95)})
        assert found[0] == {"gap_threshold": best}
        assert mean_utility(parts.choosing, with_changes(CONTEXT, found[0])) == pytest.approx(0.5)
        assert mean_utility(parts.testing, CONTEXT) == pytest.approx(0.0)
        tuned = tuning_result(parts, CONTEXT, found[0], model="any", made_at=NOW)
        assert tuned is not None
        assert measure_gain(tuned.held_out).proven
        assert tuned.thresholds == {"gap_threshold": best}
        assert tuned.baseline == CONTEXT.plain()
        assert not tuned.demonstration
        shown = tuning_result(parts, CONTEXT, found[0], model="any", made_at=NOW, demonstration=True)
        assert shown is not None
        assert shown.demonstration
        unchosen = replace(parts, choosing=[])
        assert tuning_result(unchosen, CONTEXT, found[0], model="any", made_at=NOW) is None
        assert not tuned.chosen_on & {turn.group for turn in tuned.held_out}
        assert tuned.figures.before["false injections per 100 turns"] == 100
        assert tuned.figures.after == {
            "recall": 1.0,
            "false injections per 100 turns": 0.0,
            "memories a turn": 0.5,
        }

    def test_settings_that_change_nothing_are_no_result(self) -> None:
        parts, _ = self.noisy()
        assert tuning_result(parts, CONTEXT, {"gap_threshold": 0.5}, model="any", made_at=NOW) is None
        found = search_grid(parts.choosing, CONTEXT, {"gap_threshold": (0.55, 0.5)})
        assert found[0] == {"gap_threshold": 0.5}

    def test_without_turns_there_are_no_figures(self) -> None:
        assert figures([], CONTEXT) == {}

    def test_to_show_less_is_no_gain_where_more_is_shown_than_labelled(self) -> None:
        """Eight memories help and are shown; five of them are labelled."""
        turns = [self.partly(f"t{n}", n // 8) for n in range(144)]
        labels = [said(turn.turn_id, c.turn_id, True) for turn in turns for c in turn.offered]
        assert {len(turn.shown(CONTEXT)) for turn in turns} == {8}
        parts = label_halves(turns, unsaved(labels))
        best = search_grid(parts.choosing, CONTEXT, {"gap_threshold": (0.5, 0.82, 0.92, 0.95)})[0]
        assert mean_utility(parts.choosing, with_changes(CONTEXT, best)) == 1.0
        assert len(turns[0].shown(with_changes(CONTEXT, best))) >= 5
        for stricter in (0.82, 0.92, 0.95):
            tuned = tuning_result(parts, CONTEXT, {"gap_threshold": stricter}, model="any", made_at=NOW)
            assert tuned is not None
            assert measure_gain(tuned.held_out).mean <= 0
            assert not measure_gain(tuned.held_out).proven

    @staticmethod
    def partly(turn_id: str, day: int) -> PastTurn:
        turn = past(turn_id, {f"{turn_id}m{n}": 0.94 - n / 50 for n in range(8)}, day=day)
        return replace(turn, offered=turn.offered[:5])

    def test_a_calibration_needs_enough_turns_of_both_kinds(self) -> None:
        parts, _ = self.noisy(40)
        with pytest.raises(TooFewLabels, match=f"helps {LEAST_OF_EACH - 8} more"):
            fit_own_calibration(parts.choosing[:16], CONTEXT, model="any", data=parts.data)
        parts, _ = self.noisy(160)
        own = fit_own_calibration(parts.choosing, STRICT, model="any", data=parts.data)
        assert own.data == parts.data
        assert mean_utility(parts.testing, CONTEXT, own) > mean_utility(parts.testing, CONTEXT)
        tuned = tuning_result(parts, CONTEXT, {}, model="any", made_at=NOW, calibration=own)
        assert tuned is not None
        assert tuned.calibration == own

    @staticmethod
    def alike(every: int) -> LabelledHalves:
        """Return turns that look the same; each so-manieth needs its memory."""
        turns = [past(f"t{n}", {f"t{n}m": 0.9}, day=n // 10) for n in range(200)]
        labels = [said(one.turn_id, f"{one.turn_id}m", place % every == 0) for place, one in enumerate(turns)]
        return label_halves(turns, unsaved(labels))

    def test_a_calibration_of_ones_own_does_not_buy_silence(self) -> None:
        """Where nothing tells what helps from what does not, silence makes the fewest mistakes."""
        parts, strict = self.alike(2), with_changes(CONTEXT, {"gap_threshold": 0.6})
        assert figures(parts.choosing, CONTEXT)["recall"] == 1.0
        own = fit_own_calibration(parts.choosing, strict, model="any", data=parts.data)
        assert figures(parts.choosing, strict, own)["recall"] >= FLOOR
        assert set(silence(parts.testing).values()) == {0.0}

    def test_thresholds_that_silence_are_not_chosen(self) -> None:
        best = search_grid(self.alike(3).choosing, CONTEXT, {"gap_threshold": (0.5, 0.95)})[0]
        assert best == {"gap_threshold": 0.5}

    def test_thresholds_that_silence_are_not_chosen_where_nothing_is_recalled_either(self) -> None:
        nothing_helps, deaf = self.alike(1000).choosing, with_changes(CONTEXT, {"gap_threshold": 0.95})
        grid = {"gap_threshold": (0.5, 0.95)}
        assert search_grid(self.alike(3).choosing, deaf, grid)[0] == {"gap_threshold": 0.5}
        assert [
            search_grid(some, base, grid) for some in (nothing_helps[1:], []) for base in (CONTEXT, deaf)
        ] == [[]] * 4

    def test_a_calibration_that_recalls_too_little_at_any_bar_is_refused(self) -> None:
        parts = self.alike(2)
        turns = [replace(one, relevant=one.relevant and frozenset({"not found"})) for one in parts.choosing]
        with pytest.raises(TooFewLabels, match="fewer helpful memories"):
            fit_own_calibration(turns, CONTEXT, model="any", data=parts.data)


class TestReactions:
    """Thumbs up and down."""

    def test_they_speak_of_what_was_shown_alone(self) -> None:
        shown = observation("t1")
        cut = replace(shown.decisions[0], turn_id="cut", kept=False)
        observed = [replace(shown, decisions=[*shown.decisions, cut]), observation("t2"), observation("t3")]
        feedback = [
            Feedback(turn_id="t1", good=True, decisions="[]", at=START),
            Feedback(turn_id="t2", good=False, decisions="not JSON", at=START),
            Feedback(turn_id="gone", good=True, decisions="[]", at=START),
        ]
        weak = weak_labels(feedback, observed)
        assert [(one.turn_id, one.memory, one.relevant) for one in weak] == [
            ("t1", "t0", True),
            ("t2", "t0", False),
        ]
        assert {one.probability for one in weak} == {0.9123}
        by_hand = [said("t1", "t0", True), said("t2", "t0", True), said("t3", "t0", True)]
        assert agreement(weak, by_hand) == (2, 1)
        assert agreement(weak, []) == (0, 0)
