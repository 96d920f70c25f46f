"""The bot's texts in each language."""

import json
import re
import string
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Self

from bot.printable import printable
from memory.errors import ConfigError

FALLBACK = "en"
"""The language that has every text."""
MENU = "command_"
"""Prefix of the keys that describe commands."""
_LONGEST_DESCRIPTION = 256
"""Telegram's limit for a command's description."""
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")
_PUNCTUATION = {ord(char): f"&#{ord(char)};" for char in string.punctuation}
_BACKTICKS = re.compile("`+")
_FORMULA = re.compile(r"\\(?=[(\[\])])")
"""Start or end of a formula, which telegramify-markdown also recognizes inside code."""
_JOINER = "\u2060"
_REORDERING = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
"""Bidirectional marks, which could reorder the text after them."""


class Texts:
    """The bot's texts; a language without a text falls back to English."""

    def __init__(self, by_language: Mapping[str, Mapping[str, str]]) -> None:
        self._by_language = by_language

    @classmethod
    def load(cls, folder: Path | None) -> Self:
        """Read the shipped texts, then those in `folder`, which add languages and replace texts.

        Raises:
            ConfigError: a file is invalid; the message gives file, key and problem.
        """
        shipped = files("bot.telegram") / "translations"
        english = _read(shipped / f"{FALLBACK}.json")
        texts: dict[str, dict[str, str]] = {FALLBACK: english}
        for file in [*_translations(shipped), *(_translations(folder) if folder else ())]:
            texts.setdefault(_language(file), {}).update(_validated(file, english))
        return cls(texts)

    def __call__(self, language: str | None, key: str, /, **values: object) -> str:
        """Return a text as Markdown; pass values written by people through `inline_code` or `escape`."""
        code = (language or FALLBACK).lower().replace("_", "-")
        for name in (code, code.partition("-")[0], FALLBACK):
            if key in self._by_language.get(name, ()):
                return self._by_language[name][key].format(**values)
        raise KeyError(key)

    @property
    def languages(self) -> list[str]:
        """Return the language codes in lower case."""
        return sorted(self._by_language)

    def commands(self, language: str | None) -> list[tuple[str, str]]:
        """Return the commands and their descriptions in menu order."""
        keys = (key for key in self._by_language[FALLBACK] if key.startswith(MENU))
        return [(key.removeprefix(MENU), self(language, key)) for key in keys]


def inline_code(text: str) -> str:
    """Return `text` as one line of inline code, which shows no links, mentions or formatting."""
    line = _FORMULA.sub(rf"\\{_JOINER}", _one_line(text))
    if not line:
        return ""
    fence = "`" * (max(map(len, _BACKTICKS.findall(line)), default=0) + 1)
    edge = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{edge}{line}{edge}{fence}"


def escape(text: str) -> str:
    """Return `text` as one line of Markdown without formatting; Telegram may still linkify it."""
    return _one_line(text).translate(_PUNCTUATION)


def _one_line(text: str) -> str:
    return " ".join(printable(text).translate(_REORDERING).split())


def _translations(folder: Traversable) -> list[Traversable]:
    """Return a folder's translation files, sorted; none if the folder does not exist."""
    if not folder.is_dir():
        return []
    return sorted((file for file in folder.iterdir() if file.name.endswith(".json")), key=lambda f: f.name)


def _language(file: Traversable) -> str:
    code = file.name.removesuffix(".json").lower().replace("_", "-")
    if not _LANGUAGE.fullmatch(code):
        raise ConfigError(f"{file}: name it after its language, like ro.json or pt-br.json")
    return code


def _read(file: Traversable) -> dict[str, str]:
    try:
        texts = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file}: cannot be read as JSON in UTF-8: {error}") from error
    if not isinstance(texts, dict):
        raise ConfigError(f'{file}: must be one object of texts, like {{"new_thread": "A new one."}}')
    return texts


def _validated(file: Traversable, english: Mapping[str, str]) -> dict[str, str]:
    texts = _read(file)
    for key, text in texts.items():
        if problem := _problem(key, text, english):
            raise ConfigError(f"{file}: {key}: {problem}")
    return texts


def _problem(key: str, text: object, english: Mapping[str, str]) -> str:
    """Return a text's problem; empty if there is none."""
    if key not in english:
        return "there is no text of this name"
    if not isinstance(text, str) or not text.strip():
        return "must be a text in quotes, and not empty"
    if key.startswith(MENU) and len(text) > _LONGEST_DESCRIPTION:
        return f"must have at most {_LONGEST_DESCRIPTION} characters"
    known = placeholders(english[key])
    try:
        more = placeholders(text) - known
    except ValueError as error:
        return f"{error}; write a brace that is meant as such twice"
    may = ", ".join(f"{{{name}}}" for name in sorted(known)) or "no placeholder"
    return f"has {', '.join(f'{{{name}}}' for name in sorted(more))}, but may have {may}" if more else ""


def placeholders(text: str) -> set[str]:
    """Return the placeholders of a text, including conversions and formats.

    Raises:
        ValueError: a brace is unbalanced.
    """
    fields = string.Formatter().parse(text)
    return {
        f"{name}{'!' + conversion if conversion else ''}{':' + form if form else ''}"
        for _, name, form, conversion in fields
        if name is not None
    }
