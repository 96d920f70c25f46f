"""Loading of settings: user's file, `goat.toml`, `.env` and `GOAT_*`; the last one wins.

Refusals of settings and of a run's context name what is allowed.
"""

import difflib
import logging
import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Self

from pydantic import ModelWrapValidatorHandler, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from graph.settings.context import TABLES, TunedSettings, TurnContext
from graph.settings.settings import Settings
from graph.settings.sources import (
    CONFIG_FILE,
    ENVIRONMENT,
    PREFIX,
    Sources,
    effective_sources,
    read_sources,
    untrusted_warning,
    user_file,
)
from graph.settings.trust import TRUST
from memory.errors import ConfigError

_LIMITS = {
    "ge": "from",
    "gt": "above",
    "le": "up to",
    "lt": "below",
    "min_length": "of at least (characters)",
    "max_length": "of at most (characters)",
}


_KINDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    **dict.fromkeys((Path, Path | None), "the path of a folder"),
    **{field.annotation: "a table of goat.toml" for field in TunedSettings.model_fields.values()},
}


_LOGIN = re.compile(r"[^/\s'\"]+@")
"""User name and password in a URL."""
_TABLE_ADVICE = "Correct it, or restore the previous file with `goat tune rollback`."


logger = logging.getLogger(__name__)


def load_settings() -> Settings:
    """Load the settings of the working directory and the environment.

    Raises:
        ConfigError: a file cannot be read, a key is unknown or a value is invalid; the text says where, and
            what is allowed.
    """
    given = read_sources()
    for source, names in given.items():
        for name in names:
            _check_known(name, source)
    try:
        return Settings()
    except ValidationError as error:
        held = effective_sources(given)
        raise ConfigError("\n".join(_explain(e, held) for e in error.errors())) from None


def load_settings_with_warning() -> Settings:
    """Load the settings, and log a warning about untrusted ones."""
    settings = load_settings()
    if warning := untrusted_warning():
        logger.warning("%s", warning)
    return settings


def _check_known(name: str, source: str) -> None:
    if name in TABLES and source != str(CONFIG_FILE):
        raise ConfigError(f"{_display(name, source)} in {source}: {name} is allowed only in {CONFIG_FILE}.")
    if name == TRUST and source != ENVIRONMENT:
        raise ConfigError(f"{_display(name, source)} in {source}: it is allowed only in {ENVIRONMENT}.")
    if name not in Settings.model_fields:
        close = difflib.get_close_matches(name, Settings.model_fields, n=1)
        hint = f" Did you mean {_display(close[0], source)}?" if close else ""
        raise ConfigError(
            f"Unknown setting {_display(name, source)} in {source}.{hint} "
            f"Known: {', '.join(sorted(Settings.model_fields))}."
        )


def _display(name: str, source: str) -> str:
    return name if source in {str(CONFIG_FILE), str(user_file())} else f"{PREFIX}{name.upper()}"


def _explain(error: ErrorDetails, given: Sources) -> str:
    name = str(error["loc"][0]) if error["loc"] else "?"
    source = next((s for s in reversed(list(given)) if name in given[s]), "the defaults")
    field = Settings.model_fields.get(name)
    if name in TABLES:
        where = ".".join(str(part) for part in error["loc"])
        return f"{where} in {source} is refused: {error['msg']}. {_TABLE_ADVICE}"
    secret = field is not None and field.annotation is SecretStr
    value = "(hidden)" if secret else _LOGIN.sub("(hidden)@", repr(given.get(source, {}).get(name)))
    return (
        f"Setting {_display(name, source)} = {value} in {source} is refused: {error['msg']}. "
        f"Allowed: {allowed_values(field)}."
    )


def allowed_values(field: FieldInfo | None) -> str:
    """Describe a setting's type and limits, or its choices."""
    if field is None:
        return "see docs/configuration.md"
    annotation = field.annotation
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(str(choice) for choice in annotation)
    limits = [
        f"{word} {getattr(limit, key)}"
        for limit in field.metadata
        for key, word in _LIMITS.items()
        if hasattr(limit, key)
    ]
    return " ".join([_KINDS.get(annotation, "text"), *limits])


_LONGEST = 80


class ContextRefused(ConfigError, RuntimeError):
    """An invalid context. LangGraph's server shows a `RuntimeError` in full; pydantic does not wrap it."""


class ValidatedContext(TurnContext):
    """A turn context whose errors name the allowed values, or the nearest key."""

    @model_validator(mode="wrap")
    @classmethod
    def _explain_errors(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(given)
        except ValidationError as error:
            raise ContextRefused(refusal(error)) from None


def refusal(error: ValidationError) -> str:
    """Explain a validation error of a context."""
    return " ".join(_one(dict(one)) for one in error.errors(include_url=False, include_context=False))


def _one(error: Mapping[str, Any]) -> str:
    known = TurnContext.model_fields
    name = str(error["loc"][0]) if error["loc"] else "context"
    if error["type"] == "extra_forbidden":
        close = difflib.get_close_matches(name[:_LONGEST], known, n=1)
        hint = f" Did you mean {close[0]}?" if close else f" Known: {', '.join(sorted(known))}."
        return f"Unknown setting {name[:_LONGEST]}.{hint}"
    value = repr(error["input"])
    shown = value if len(value) <= _LONGEST else f"{value[: _LONGEST - 1]}…"
    return f"{name} = {shown} is refused: {error['msg']}. Allowed: {allowed_values(known.get(name))}."
