"""Where settings come from, what they may be, and what is said of those refused."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from graph.settings.context import TurnContext
from graph.settings.settings import Settings
from graph.settings.settings_loader import load_settings
from graph.settings.sources import PREFIX, overriding_sources, user_file
from memory.errors import ConfigError
from memory.recall.gap_rules import GapRule
from tests.tables import each

SECRETS = ["redis_url", "chroma_url", "embedding_api_key", "model_api_key"]
SECRET = "hunter2-very-secret"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, _clean_environment: None) -> None:
    for name in os.environ:
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _trusted(_no_environment: None, trusted: None) -> None:
    """Have the files of these tests obeyed; those of others: tests/unit/settings/test_settings_trust.py."""


def toml(text: str) -> None:
    Path("goat.toml").write_text(text, encoding="utf-8")


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the user's own settings stand."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    user_file().parent.mkdir(parents=True)
    return user_file()


def dotenv(text: str) -> None:
    Path(".env").write_text(text, encoding="utf-8")


def refusal() -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings()
    return str(caught.value)


def test_what_comes_later_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    toml('owner = "toml"\nfacts_cap = 1\nl2_floor = 1\n')
    assert load_settings().owner == "toml"
    dotenv("GOAT_OWNER=dotenv\nGOAT_FACTS_CAP=2\n")
    assert load_settings().owner == "dotenv"
    monkeypatch.setenv("GOAT_OWNER", "environment")
    settings = load_settings()
    assert (settings.owner, settings.facts_cap, settings.l2_floor) == ("environment", 2, 1)


def test_names_have_no_case_and_those_of_others_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("goat_facts_cap", "7")
    monkeypatch.setenv("OWNER", "somebody")
    dotenv("goat_l2_cap=77\nL2_FLOOR=7\nOTHER_THING=1\n")
    settings = load_settings()
    assert (settings.facts_cap, settings.l2_cap, settings.owner, settings.l2_floor) == (7, 77, "me", 500)


def test_tables_are_joined_with_their_keys() -> None:
    toml('[gap]\nrule = "ratio"\nsignificance = 4\n[budget]\nbase = 100\n[budget.hard]\ncap = 200\n[l2]\n')
    settings = load_settings()
    assert (settings.gap_rule, settings.gap_significance) == (GapRule.RATIO, 4.0)
    assert (settings.budget_base, settings.budget_hard_cap) == (100, 200)


@each(
    ("text", "told"),
    [
        ("[budget]\nbas = 1", "budget_bas in goat.toml. Did you mean budget_base?"),
        ("[[budget]]\nbase = 1", "budget in goat.toml."),
        ("BUDGET_BASE = 1", "BUDGET_BASE in goat.toml."),
    ],
)
def test_an_unknown_key_in_the_file_is_refused(text: str, told: str) -> None:
    toml(text)
    message = refusal()
    assert message.startswith(f"Unknown setting {told}")
    assert "budget_base" in message.split("Known: ")[1]


def test_an_unknown_key_is_told_what_it_may_have_been() -> None:
    dotenv("GOAT_FACT_CAP=1")
    assert "Unknown setting GOAT_FACT_CAP in .env. Did you mean GOAT_FACTS_CAP?" in refusal()


def test_an_unknown_key_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOAT_QQQQ", SECRET)
    message = refusal()
    assert "Unknown setting GOAT_QQQQ in the environment." in message
    assert "Did you mean" not in message
    assert SECRET not in message


@pytest.mark.parametrize(
    ("key", "value", "limits"),
    [
        ("GAP_THRESHOLD", "1.5", "a number from 0 up to 1"),
        ("GAP_THRESHOLD", "nan", "a number from 0 up to 1"),
        ("PREFETCH_TIMEOUT", "0", "a number above 0 up to 30"),
        ("PREFETCH_TIMEOUT", "inf", "a number above 0 up to 30"),
        ("PREFETCH_RESULTS", "0", "a whole number from 1 up to 100"),
        ("PREFETCH_RESULTS", "1.5", "a whole number from 1 up to 100"),
        ("BUDGET_BASE", "-1", "a whole number from 0 up to 200000"),
        ("BUDGET_BASE", "many", "a whole number from 0 up to 200000"),
        ("GAP_RULE", "best", "null or ratio"),
        ("RANK_RULE", "", "relevance or blend"),
        ("OWNER", "", "text of at least (characters) 1"),
        ("OWNER", "x" * 201, "of at most (characters) 200"),
        ("CHECKPOINTS_KEPT", "1", "a whole number from 2 up to 10000"),
        ("FACTS_CAP", "-5", "a whole number from 0 up to 100000"),
        ("DATA_FOLDER", "~nobody-here/data", "the path of a folder"),
    ],
)
@pytest.mark.parametrize("source", [".env", "the environment"])
def test_a_bad_value_is_refused_with_key_value_range_and_source(
    key: str, value: str, limits: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if source == ".env":
        dotenv(f"GOAT_{key}={value}\n")
    else:
        monkeypatch.setenv(f"GOAT_{key}", value)
    message = refusal()
    assert f"Setting GOAT_{key} = {value!r} in {source} is refused: " in message
    assert limits in message.split("Allowed: ")[1]


def test_a_folder_may_begin_with_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOAT_DATA_FOLDER", "~/goat")
    assert load_settings().data_folder == Path.home() / "goat"


def test_the_users_own_file_gives_way_to_that_of_the_folder(own: Path) -> None:
    own.write_text('owner = "ana"\n[gap]\nrule = "null"\nthreshold = 0.7\n', encoding="utf-8")
    toml("[gap]\nthreshold = 0.6\n")
    settings = load_settings()
    assert (settings.owner, settings.gap_rule, settings.gap_threshold) == ("ana", GapRule.NULL, 0.6)
    assert overriding_sources(["owner", "gap_threshold"], own) == {"gap_threshold": "goat.toml"}
    assert overriding_sources(["owner", "gap_threshold"]) == {}


def test_the_users_own_key_goes_to_no_other_address(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own.write_text(f'model = "m"\nmodel_api_key = "{SECRET}"\n', encoding="utf-8")
    assert load_settings().model_api_key.get_secret_value() == SECRET
    toml('model_base_url = "http://elsewhere.example/v1"\n')
    assert load_settings().model_api_key.get_secret_value() == ""
    monkeypatch.setenv("GOAT_MODEL_API_KEY", "another")
    assert load_settings().model_api_key.get_secret_value() == "another"


def test_the_users_own_file_is_blamed_by_its_path(own: Path) -> None:
    own.write_text("facts_cap = -1\n", encoding="utf-8")
    assert f"Setting facts_cap = -1 in {own} is refused" in refusal()
    own.write_text("facts_cap =", encoding="utf-8")
    assert refusal().startswith(f"{own} cannot be read: ")
    own.write_text("[tuned]\nat = 2026-03-01", encoding="utf-8")
    assert "tuned is allowed only in goat.toml" in refusal()


def test_the_source_that_counts_is_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    toml("facts_cap = -1\n")
    dotenv("GOAT_FACTS_CAP=-2\n")
    monkeypatch.setenv("GOAT_FACTS_CAP", "-3")
    message = refusal()
    assert "GOAT_FACTS_CAP = '-3' in the environment" in message
    assert "goat.toml" not in message


def test_every_bad_value_is_named_at_once_and_none_that_a_good_one_hides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    toml("facts_cap = -1\n[gap]\nthreshold = 2\n")
    first, second = refusal().splitlines()
    assert "Setting gap_threshold = 2 in goat.toml is refused: " in first + second
    monkeypatch.setenv("GOAT_FACTS_CAP", "3")
    assert len(refusal().splitlines()) == 1


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.setenv(f"GOAT_{name.upper()}", SECRET)
    settings = load_settings()
    assert {getattr(settings, name).get_secret_value() for name in SECRETS} == {SECRET}
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


@each("name", SECRETS)
def test_a_refused_secret_is_not_shown(name: str) -> None:
    toml(f'{name} = ["{SECRET}"]\n')
    message = refusal()
    assert f"Setting {name} = (hidden) in goat.toml is refused" in message
    assert SECRET not in message


@pytest.mark.parametrize(
    "url",
    ["localhost:11434/v1", "http://localhost:port/v1", "http://localhost:99999", "http://[::1/v1", "/v1"],
)
def test_an_address_that_no_request_can_be_made_with_is_refused(url: str) -> None:
    for endpoint in ("MODEL", "EMBEDDING", "TRANSCRIPTION", "VISION"):
        dotenv(f"GOAT_{endpoint}_BASE_URL={url}")
        assert f"GOAT_{endpoint}_BASE_URL" in refusal()
        assert "write http(s)://host:port" in refusal()


def test_the_login_in_a_refused_address_is_not_shown() -> None:
    dotenv(f"GOAT_MODEL_BASE_URL=htp://me:{SECRET}@host/v1")
    assert "'htp://(hidden)@host/v1'" in refusal()
    assert SECRET not in refusal()


def test_secrets_are_not_shown_when_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.setenv(f"GOAT_{name.upper()}", SECRET)
    monkeypatch.setenv("GOAT_FACTS_CAP", "-1")
    assert SECRET not in refusal()
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert SECRET not in str(caught.value)


@each(
    "text",
    [
        "owner =",
        "[gap",
        "owner = me",
        f'model_api_key = "{SECRET}',
        "a = 1\na = 2",
        "[" * 50_000,
        f"a = {'[' * 50_000}",
    ],
)
def test_a_corrupt_file_is_refused(text: str) -> None:
    toml(text)
    message = refusal()
    assert message.startswith("goat.toml cannot be read: ")
    assert message.endswith("Correct or remove it.")
    assert SECRET not in message


@pytest.mark.parametrize("name", ["goat.toml", ".env"])
def test_a_file_that_is_no_text_is_refused(name: str) -> None:
    Path(name).write_bytes(b"GOAT_OWNER='\xff\xfe'\n")
    assert refusal().startswith(f"{name} cannot be read: ")


def test_the_first_line_applies_also_after_a_byte_order_mark() -> None:
    Path("goat.toml").write_text('owner = "ana"\n', encoding="utf-8-sig")
    assert load_settings().owner == "ana"


def test_the_turn_context_carries_every_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOAT_L2_CAP", "123")
    context = load_settings().turn_context("ana")
    assert (context.owner, context.l2_cap) == ("ana", 123)
    assert context == TurnContext(owner="ana", l2_cap=123)
    assert load_settings().turn_context().owner == ""


def test_the_form_of_the_context_has_titles_descriptions_and_limits() -> None:
    properties = TurnContext.model_json_schema()["properties"]
    assert properties.keys() == TurnContext.model_fields.keys()
    for name, shown in properties.items():
        assert shown["title"], name
        assert shown["description"], name


@each(
    ("text", "told"),
    [
        ("[calibrations.mine]\nversion = 1", "calibrations.mine.embedding_model in goat.toml is refused: "),
        ("[calibrations]\nmine = 3", "calibrations.mine in goat.toml is refused: "),
        ("[tuned]\nat = 2026-03-01", "tuned.at in goat.toml is refused: "),
        ("calibrations = 1", "calibrations in goat.toml is refused: "),
    ],
)
def test_a_broken_table_is_refused_with_its_key_and_what_to_do(text: str, told: str) -> None:
    toml(text)
    message = refusal()
    assert told in message
    assert "goat tune rollback" in message


@pytest.mark.parametrize("name", ["calibrations", "tuned"])
def test_tables_stand_in_the_file_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"GOAT_{name.upper()}", "{}")
    assert f"{name} is allowed only in goat.toml" in refusal()
