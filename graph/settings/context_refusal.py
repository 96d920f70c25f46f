"""Errors of a run's context, in the words of the command line."""

import difflib
from collections.abc import Mapping
from typing import Any, Self

from pydantic import ModelWrapValidatorHandler, ValidationError, model_validator

from graph.settings.context import TurnContext
from graph.settings.settings_loader import allowed_values
from memory.errors import ConfigError

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
