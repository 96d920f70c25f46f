"""Redaction of secrets: configured ones, and texts that look like one."""

import logging
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from pydantic import BaseModel, SecretStr

from memory.text.text import CUT

HIDDEN = "[secret]"
_SHORTEST = 4
"""Characters; a shorter secret would match ordinary words."""
_HEAD, _TAIL = 26_000, 13_000
"""Characters that a record keeps from the beginning and the end of a text."""
_EDGE = 1_000
"""Characters dropped on both sides of a cut, where half a secret would not be recognized."""
_QUOTE = r"\\{0,4}[\"']"
"""Escaped up to four times, for JSON nested in JSON."""
_SCHEME = r"(?:(?:bearer|basic|token)\s{1,20})?"


def _value_of(names: str, shortest: int) -> re.Pattern[str]:
    """Match the value after one of `names`: quoted, or of at least `shortest` characters."""
    head = rf"((?:{names})(?:{_QUOTE})?\s{{0,20}}[:=]\s{{0,20}})"
    done = rf"(?!(?:{_QUOTE})?{_SCHEME}\[secret\])"
    in_quotes = rf"({_QUOTE})({_SCHEME})(?!\2).{{1,1000}}?\2"
    plain = rf"((?:{_QUOTE})?{_SCHEME})[^\s\"',;&]{{{shortest},}}"
    return re.compile(f"(?i){head}{done}(?:{in_quotes}|{plain})")


_REPLACED = rf"\1\2\3\4{HIDDEN}\2"
_PATTERNS = (
    (re.compile(r"(?<=://)[^\s/?#\"'<>]{1,1000}@"), f"{HIDDEN}@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"(?<![0-9])[0-9]{1,20}(?::|%3A)[\w-]{35,}"), HIDDEN),
    (re.compile(r"\b(?:sk|rk|pk)(?:-|_live_|_test_)[\w-]{8,}"), HIDDEN),
    (re.compile(r"(?:(?<![\w-])|(?<=%[0-9A-Fa-f]{2}))eyJ[\w-]{8,}\.[\w-]{2,}(?:\.[\w-]*){0,3}"), HIDDEN),
    (re.compile(r"\b(?:gh[pousr]_|github_pat_|xox[a-z]-|AIza|lsv2_|hf_)[\w-]{16,}"), HIDDEN),
    (re.compile(r"(?i)([?&](?:api_?key|access_token|token|key|secret|password)=)[^&\s\"']+"), rf"\1{HIDDEN}"),
    (_value_of("api[-_]?key|password|passwd|secret|authorization", 1), _REPLACED),
    (_value_of("token", 6), _REPLACED),
)


class Redaction:
    """A function that replaces secrets in texts."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Take the secrets; their URL-encoded forms are replaced as well."""
        forms = {form for secret in secrets for form in _forms(secret) if len(form) >= _SHORTEST}
        alternatives = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
        self._known = re.compile(alternatives) if alternatives else None

    def __call__(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        for pattern, instead in _PATTERNS:
            text = pattern.sub(instead, text)
        return text

    def shortened(self, text: str) -> str:
        """Return `text` without secrets, cut in the middle when it is long; only what is kept is searched."""
        left_out = len(text) - _HEAD - _TAIL
        if left_out <= 2 * _EDGE:
            return self(text)
        head, tail = self(text[: _HEAD + _EDGE]), self(text[-_TAIL - _EDGE :])
        return head[:-_EDGE] + CUT.format(left_out=left_out) + tail[_EDGE:]

    def within(self, value: Any) -> Any:
        """Return a JSON value without secrets in its texts and keys, long texts shortened."""
        if isinstance(value, str):
            return self.shortened(value)
        if isinstance(value, dict):
            return {self(str(key)): self.within(one) for key, one in value.items()}
        return [self.within(one) for one in value] if isinstance(value, list | tuple) else value


class RedactionFilter(logging.Filter):
    """A filter that removes secrets from a record and its traceback for all handlers after it.

    The traceback stays as text only (`exc_text`): a handler that renders the error itself would show secrets.
    """

    def __init__(self, redact: Redaction) -> None:
        super().__init__()
        self._redact = redact
        self._plain = logging.Formatter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; always let it pass."""
        record.msg, record.args = self._redact.shortened(_message(record)), None
        if record.exc_info and not record.exc_text:
            record.exc_text = self._plain.formatException(record.exc_info)
        record.exc_info = None
        record.exc_text = self._redact.shortened(record.exc_text) if record.exc_text else None
        record.stack_info = self._redact.shortened(record.stack_info) if record.stack_info else None
        return True


def secrets_of(settings: BaseModel) -> list[str]:
    """Return every secret setting; of those that are URLs, the password or the user name."""
    values = (getattr(settings, name) for name in type(settings).model_fields)
    return [part for value in values if isinstance(value, SecretStr) for part in _parts(value)]


def _parts(secret: SecretStr) -> Iterator[str]:
    text = secret.get_secret_value()
    address, _, _ = text.partition("://")
    if address == text:
        yield text
        return
    try:
        parts = urlsplit(text)
    except ValueError:
        yield text
        return
    yield parts.password or parts.username or ""


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    yield unquote(secret)


def _message(record: logging.LogRecord) -> str:
    """Return the message; if its arguments do not match it, both unformatted."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} {record.args}"
