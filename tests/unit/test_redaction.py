"""Secrets in what is logged."""

import json
import logging
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from graph.logs import JsonLines
from graph.redaction import HIDDEN, Redaction, RedactionFilter, secrets_of
from graph.settings import Settings

BOT_TOKEN = "123456789:AAF-" + "x" * 31
SECRETS = ("hunter2-of-mine", 'quoted"and\\escaped', "späße und mehr")


@pytest.mark.parametrize(
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
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, secret: str) -> None:
    redacted = Redaction(())(text)
    assert secret not in redacted
    assert HIDDEN in redacted


@pytest.mark.parametrize(
    "text",
    [
        "turn 7e1b2c answered in 12.5 s at 2026-05-01T12:00:00+00:00",
        "http://localhost:4318/v1/traces cannot be reached",
        "working: Redis cannot be reached at 127.0.0.1:6379",
        "300 tokens of memory, 12:30:15",
    ],
)
def test_what_is_none_stays(text: str) -> None:
    assert Redaction(())(text) == text


@given(st.sampled_from(SECRETS), st.text(max_size=50), st.text(max_size=50))
def test_what_is_configured_is_hidden_wherever_it_stands(secret: str, before: str, after: str) -> None:
    assert secret not in Redaction(SECRETS)(before + secret + after)


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


def test_arguments_that_do_not_fit_are_still_logged() -> None:
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "%d of %s", ("sk-12345678abc",), None)
    RedactionFilter(Redaction(())).filter(record)
    assert HIDDEN in record.getMessage()


@pytest.mark.parametrize(
    "text", ["://" * 30_000, "a" * 300_000, "1:" * 100_000, "password=" * 30_000, "?key" * 50_000]
)
def test_long_texts_take_no_long_time(text: str) -> None:
    began = time.process_time()
    Redaction(SECRETS)(text)
    assert time.process_time() - began < 2
