"""`goat tune`: written when it is better, refused when not, and taken back byte for byte."""

from pathlib import Path
from typing import Any

import pytest

from bot.commands.status_commands import tuning
from graph.settings.settings_loader import load_settings
from graph.tuning.write_back import propose
from memory.recall.relevance import read_calibration
from memory.tuning.held_out import HeldOut
from memory.tuning.tuning_result import write_result
from tests.goat import Goat, Ran
from tests.unit.settings.test_tuning import BASELINE, HELD_OUT, result

MODEL = "multilingual-e5-small-q8-1-centred-1"
FILE = Path("goat.toml")
WRITTEN = b"# mine\nowner = 'ana'\r\nmodel_api_key = 'hunter2'\n\n[gap]\nthreshold = 0.5 # half\n"
CALIBRATION = read_calibration(MODEL)


@pytest.fixture
def tune(goat: Goat) -> Any:
    def call(action: str, *args: str, **changed: Any) -> Ran:
        if action == "apply":
            write_result(result(**({"embedding_model": MODEL} | changed)), Path("result.json"))
            return goat("tune", action, "result.json", *args)
        return goat("tune", action, *args)

    return call


def test_values_are_written_told_and_taken_back_byte_for_byte(tune: Any) -> None:
    FILE.write_bytes(WRITTEN)
    figures = {"before": {"recall": 0.71}, "after": {"recall": 0.83}}
    applied = tune("apply", calibration=CALIBRATION, figures=figures)
    assert applied.status == 0, applied.shown
    for part in (
        "gap_threshold",
        "0.5",
        "0.6",
        "0.71",
        "0.83",
        "64 turns of 8 days or conversations",
        "with 95 % confidence at least +0.195",
    ):
        assert part in applied.shown
    settings = load_settings()
    assert settings.tuned is not None
    assert settings.gap_threshold == 0.6
    assert settings.calibrations == {settings.gap_calibration: CALIBRATION}
    assert settings.tuned.data == {"LoCoMo": "a" * 64}
    assert FILE.read_bytes().startswith(WRITTEN.replace(b"0.5", b"0.6"))
    assert tuning(settings).fine
    back = tune("rollback")
    assert back.status == 0, back.shown
    assert FILE.read_bytes() == WRITTEN
    assert tune("rollback").status == 0
    assert load_settings() == settings


def test_without_a_file_there_is_none_again(tune: Any) -> None:
    assert tune("apply").status == 0
    assert load_settings().gap_threshold == 0.6
    assert tune("rollback").status == 0
    assert not FILE.exists()
    assert tune("rollback").status == 0
    assert load_settings().gap_threshold == 0.6


def test_thresholds_are_written_with_the_rule_that_reads_them(tune: Any) -> None:
    FILE.write_bytes(b"gap_threshold = 0.5\n")
    assert not tuning(load_settings()).fine
    assert tune("apply").status == 0
    settings = load_settings()
    assert FILE.read_bytes().startswith(b'gap_threshold = 0.6\n\n[gap]\nrule = "staged"\n')
    assert (settings.rule_warning(), tuning(settings).fine) == ("", True)


def test_a_calibration_stays_for_turns_that_were_decided_with_it(tune: Any) -> None:
    tune("apply", calibration=CALIBRATION)
    first = load_settings().gap_calibration
    other = CALIBRATION.model_copy(update={"figures": {}})
    baseline = BASELINE | {"gap_threshold": 0.6, "gap_calibration": first}
    applied = tune("apply", calibration=other, thresholds={}, baseline=baseline)
    assert applied.status == 0, applied.shown
    assert list(load_settings().calibrations) == [first, load_settings().gap_calibration]


def test_a_dry_run_writes_nothing(tune: Any) -> None:
    shown = tune("apply", "--dry-run")
    assert shown.status == 0
    assert "Nothing is written" in shown.shown
    assert sorted(path.name for path in Path().iterdir()) == ["result.json"]


def test_what_decides_nothing_may_have_changed_since(tune: Any) -> None:
    other = BASELINE | {"prefetch_timeout": 9.0, "cache_ttl": 0.0}
    assert tune("apply", "--dry-run", baseline=other).status == 0
    del other["tool_rounds"]
    assert tune("apply", "--dry-run", baseline=other).status == 0


def test_a_change_that_is_no_better_is_refused(tune: Any) -> None:
    FILE.write_bytes(WRITTEN)
    refused = tune("apply", held_out=NO_BETTER)
    assert refused.status == 1
    assert "It is not proven better" in refused.shown
    assert FILE.read_bytes() == WRITTEN


NO_BETTER = tuple(turn.model_copy(update={"after": turn.before}) for turn in HELD_OUT)
OTHER_MODEL = CALIBRATION.model_copy(update={"embedding_model": "other"})


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"held_out": HELD_OUT[:9]}, "(51 turns and 0 days or conversations are missing)"),
        ({"demonstration": True}, "It was measured on made-up data"),
        ({"baseline": {"gap_threshold": 0.5}}, "Its baseline lacks budget_base, "),
        ({"baseline": BASELINE | {"gap_threshold": 0.4}}, "gap_threshold was 0.4 and is 0.5. Measure again."),
        ({"baseline": BASELINE | {"l2_cap": 9}}, "l2_cap was 9 and is 8000."),
        ({"embedding_model": "other"}, f"{MODEL} is configured. Measure again."),
        ({"calibration": OTHER_MODEL}, "is for the embedding model other"),
        ({"thresholds": {"gap_threshold": 1.5}}, "gap_threshold = 1.5 is refused"),
        ({"thresholds": {"gap_threshold": "high"}}, "a number from 0 up to 1"),
        ({"thresholds": {"gap_threshold": True}}, "a number from 0 up to 1"),
        (
            {"thresholds": {"gap_treshold": 0.6}, "baseline": {"gap_treshold": 0.5}},
            "Did you mean gap_threshold?",
        ),
        ({"thresholds": {"owner": "you"}, "baseline": {"owner": "me"}}, "Unknown threshold owner"),
        ({"thresholds": {"gap_calibration": "none"}}, "names no calibration of goat.toml. There: none."),
        ({"thresholds": {"gap_threshold": 0.5}}, "These values are in force already."),
    ],
)
def test_what_speaks_against_it_is_told_and_nothing_is_written(
    tune: Any, changed: dict[str, Any], told: str
) -> None:
    FILE.write_bytes(WRITTEN)
    refused = tune("apply", **changed)
    assert refused.status == 1
    assert told in refused.shown
    assert FILE.read_bytes() == WRITTEN
    assert not Path("goat.toml.kept").exists()


def worth(number: int) -> tuple[HeldOut, ...]:
    """Make held-out turns that gain by chance, if at all; each number is another change."""
    return tuple(
        turn.model_copy(update={"after": round(turn.before + (0.4, -0.4)[place % 3 == 0] + number / 100, 2)})
        for place, turn in enumerate(HELD_OUT)
    )


def test_each_try_on_the_same_turns_asks_for_more(tune: Any) -> None:
    FILE.write_bytes(WRITTEN)
    for number, told in enumerate(["with 95 % confidence", "It is attempt 2 on these turns: 97.5 %"]):
        refused = tune("apply", held_out=worth(number))
        assert refused.status == 1
        assert told in refused.shown
    assert "on these turns" not in tune("apply", held_out=worth(0)).shown
    assert "It is attempt 3 on these turns." in tune("apply", "--dry-run").shown
    assert FILE.read_bytes() == WRITTEN
    applied = tune("apply")
    assert applied.status == 0, applied.shown
    assert "with 98.33 % confidence at least +0.1" in applied.shown


def test_what_was_proven_stays_proven_however_many_are_tried(tune: Any) -> None:
    assert tune("apply").status == 0
    assert tune("rollback").status == 0
    for number in range(4):
        assert tune("apply", held_out=worth(number)).status == 1
    assert tune("apply").status == 0


def test_what_other_reasons_refuse_is_no_try(tune: Any) -> None:
    tune("apply", held_out=NO_BETTER, demonstration=True)
    tune("apply", held_out=HELD_OUT[:9])
    assert "on these turns" not in tune("apply", "--dry-run").shown


def test_a_value_that_the_environment_hides_is_refused(tune: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("goat_gap_threshold", "0.5")
    assert "GOAT_GAP_THRESHOLD is set in the environment, which overrides" in tune("apply").shown
    monkeypatch.delenv("goat_gap_threshold")
    Path(".env").write_text("GOAT_GAP_THRESHOLD=0.5\n")
    assert "GOAT_GAP_THRESHOLD is set in .env, which overrides" in tune("apply").shown
    assert not FILE.exists()


def test_what_was_edited_by_hand_is_not_lost_unasked(tune: Any) -> None:
    FILE.write_bytes(WRITTEN)
    tune("apply")
    FILE.write_bytes(edited := FILE.read_bytes().replace(b"hunter2", b"hunter3") + b"[l2]\ncap = 7\n")
    refused = tune("rollback")
    assert refused.status == 1
    assert "was edited since" in refused.shown
    assert "goat.toml.kept/backup.toml" in refused.shown
    assert FILE.read_bytes() == edited
    assert tune("rollback", "--yes").status == 0
    assert FILE.read_bytes() == WRITTEN
    assert tune("rollback").status == 0
    assert FILE.read_bytes() == edited


def test_a_file_that_an_edit_broke_can_be_taken_back(tune: Any) -> None:
    tune("apply")
    FILE.write_text("gap_threshold = ")
    assert "was edited since" in tune("rollback").shown
    assert tune("rollback", "--yes").status == 0
    assert not FILE.exists()


def test_there_may_be_nothing_to_take_back(tune: Any) -> None:
    assert "`goat tune apply` has changed nothing here" in tune("rollback").shown


def test_a_proposal_is_for_notebooks_too() -> None:
    proposal = propose(result(embedding_model=MODEL))
    assert proposal.refusals == ()
    assert proposal.changes == (("gap_threshold", 0.5, 0.6),)
    assert not FILE.exists()


def test_doctor_tells_of_a_calibration_that_cannot_serve() -> None:
    FILE.write_text("gap_calibration = 'mine'")
    assert not tuning(load_settings()).fine
    settings = load_settings().model_copy(update={"calibrations": {"mine": OTHER_MODEL}})
    assert not tuning(settings).fine
    assert tuning(settings.model_copy(update={"calibrations": {"mine": CALIBRATION}})).fine
