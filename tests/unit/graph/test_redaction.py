"""Secrets in what is logged."""

import json
import logging
import sys

from hypothesis import given, strategies as st
from pydantic import SecretStr

from graph.observability.logs import JsonLines
from graph.observability.redaction import HIDDEN, Redaction, RedactionFilter, secrets_of
from graph.settings.settings import Settings
from tests.linear import not_linear
from tests.tables import each

BOT_TOKEN = "123456789:AAF-" + "x" * 31
SECRETS = ("hunter2-of-mine", 'quoted"and\\escaped', "späße und mehr")


@each(
    ("text", "secret"),
    [
        (f"POST https://api.telegram.org/bot{BOT_TOKEN}/getMe", BOT_TOKEN),
        (f"file/bot{BOT_TOKEN.replace(':', '%3A')}/a.jpg", "AAF-xxx"),
        ("redis://:hunter2@host:6379/0", "hunter2"),
        ("redis+sentinel://ana:p@ss@host/goat/0", "p@ss"),
        ("https://token-only@chroma:8000", "token-only"),
        ("Authorization: Bearer abc.def-ghi_jkl", "abc.def"),
        ("{'Authorization': 'Basic dXNlcjpwYXNz'}", "dXNlcjpwYXNz"),
        ("key sk-proj-abcdefgh12345678 refused", "sk-proj"),
        ("GET /v1?api_key=abc123&x=1", "abc123"),
        ('{"api_key": "abc123", "x": 1}', "abc123"),
        ("x-api-key=abc123", "abc123"),
        ("ghp_" + "a1" * 18, "ghp_a1"),
        ("sk_live_abcdefghijk123 refused", "abcdefghijk"),
        ("token=abcd1234efgh", "abcd1234efgh"),
        ("{'token': 'abcdef123456'}", "abcdef123456"),
        ('{"body": "{\\"token\\": \\"abc123\\"}"}', "abc123"),
        ("GOAT_LETTA_TOKEN=abcd1234efgh", "abcd1234efgh"),
        ("X-Telegram-Bot-Api-Secret-Token: abc123", "abc123"),
        ("{'password': 'of three words'}", "words"),
        ("password=basically", "basically"),
        ("Authorization: Bearer short", "short"),
        ("bad eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.abc given", "eyJ"),
        ("?next=%2F%3Ft%3DeyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx", "eyJ"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, secret: str) -> None:
    redacted = Redaction(())(text)
    assert secret not in redacted
    assert HIDDEN in redacted


@each(
    "text",
    [
        "turn 7e1b2c answered in 12.5 s at 2026-05-01T12:00:00+00:00",
        "http://localhost:4318/v1/traces cannot be reached",
        "working: Redis cannot be reached at 127.0.0.1:6379",
        "300 tokens of memory, 12:30:15",
        'tokens: 300, token = 3, {"tokens": 123456789, "password": "", "model": "e5"}',
        "the tokenizer=e5 and eyJ.b are none",
    ],
)
def test_what_is_none_stays(text: str) -> None:
    assert Redaction(())(text) == text


@given(st.sampled_from(SECRETS), st.text(max_size=50), st.text(max_size=50))
def test_what_is_configured_is_hidden_wherever_it_stands(secret: str, before: str, after: str) -> None:
    assert secret not in Redaction(SECRETS)(before + secret + after)


@each("secret", ["abc def", "abcdefgh", "Bearer abcdefgh", "basic abc", "eyJabcdefgh.abcdef"])
@each("shape", ["password={}", "'token': '{}'", 'Authorization: "{}"', "?token={}", "{}"])
def test_what_is_redacted_stays_as_it_is(shape: str, secret: str) -> None:
    redact = Redaction(SECRETS)
    once = redact(f"before {shape.format(secret)} after")
    assert redact(once) == once


def test_every_secret_of_the_settings_is_known() -> None:
    settings = Settings(
        telegram_token=SecretStr(BOT_TOKEN),
        model_api_key=SecretStr("no-pattern-fits-this"),
        redis_url=SecretStr("redis://:pass%40word@host:6379"),
        chroma_url=SecretStr("http://chroma-token@host:8000"),
        embedding_api_key=SecretStr(""),
    )
    secrets = secrets_of(settings)
    assert {BOT_TOKEN, "no-pattern-fits-this", "pass%40word", "chroma-token"} <= set(secrets)
    redact = Redaction(secrets)
    for secret in ("no-pattern-fits-this", "pass%40word", "pass@word", "chroma-token"):
        assert redact(f"<{secret}>") == f"<{HIDDEN}>"


def test_a_record_holds_no_secret_in_message_arguments_or_traceback() -> None:
    redact = Redaction(SECRETS)
    try:
        int(f"refused {SECRETS[0]} and {SECRETS[2]}")
    except ValueError:
        error = sys.exc_info()
    record = logging.LogRecord("x", logging.ERROR, "f", 1, f"{SECRETS[0]} %s", (SECRETS[2],), error)
    record.observation = {"model": SECRETS[0], SECRETS[1]: ["sk-" + "a" * 20]}
    record.stack_info = f"stack {SECRETS[0]}"
    assert RedactionFilter(redact).filter(record)
    line = JsonLines(redact).format(record)
    shown = logging.Formatter().format(record)
    assert "\n" not in line
    for secret in (*SECRETS, "sk-aaa"):
        assert secret not in line
        assert json.dumps(secret)[1:-1] not in line
        assert secret not in shown
    assert "Traceback" in json.loads(line)["error"]
    assert "Traceback" in shown
    assert record.exc_info is None


@each("at", [0, 25_990, 26_990, 50_000, 85_995, 86_995, 99_990])
def test_a_long_text_is_cut_and_no_half_of_a_secret_stays(at: int) -> None:
    text = "1" * at + SECRETS[0] + "1" * (100_000 - at)
    shown = Redaction(SECRETS).shortened(text)
    assert len(shown) < 40_000
    assert "characters left out" in shown
    assert not {SECRETS[0][:4], SECRETS[0][-4:]} & {shown[n : n + 4] for n in range(len(shown))}


def test_a_record_with_an_endless_error_is_cut() -> None:
    nothing: dict[str, int] = {}
    try:
        nothing["7" * 20_000_000]
    except KeyError:
        error = sys.exc_info()
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "%s", ("://a" * 5_000_000,), error)
    RedactionFilter(Redaction(SECRETS)).filter(record)
    assert len(record.getMessage()) + len(str(record.exc_text)) < 80_000
    assert str(record.exc_text).startswith("Traceback")


def test_arguments_that_do_not_fit_are_still_logged() -> None:
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "%d of %s", ("sk-12345678abc",), None)
    RedactionFilter(Redaction(())).filter(record)
    assert HIDDEN in record.getMessage()


def test_long_texts_take_time_in_proportion() -> None:
    units = ["://", "a", "1:", "password=", "?key", "token", "token='", "token" + " " * 40 + ":"]
    units += ["-eyJaaaaaaaaa", "eyJaaaaaaaa.", "\\", "token=bearer "]
    redact = Redaction(SECRETS)
    assert not_linear(redact, units, length=200_000) == []
    assert not_linear(redact, ["password="], head="password='", length=200_000) == []
    assert not_linear(redact, ["\\"], head="secret", length=200_000) == []
