"""A run's context that is refused in the words of the command line: what is wrong, and what is allowed."""

import difflib
from collections.abc import Mapping
from typing import Any, Self

from pydantic import ModelWrapValidatorHandler, ValidationError, model_validator

from graph.settings.context import TurnContext
from graph.settings.settings import allowed
from memory.errors import ConfigError

_LONGEST = 80


class ContextRefused(ConfigError, RuntimeError):
    """A context is refused. LangGraph's server shows a `RuntimeError` whole, and pydantic wraps none."""


class ValidatedContext(TurnContext):
    """A turn context that says of each wrong value what is allowed, and of each wrong key the right one."""

    @model_validator(mode="wrap")
    @classmethod
    def _in_our_words(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(given)
        except ValidationError as error:
            raise ContextRefused(refusal(error)) from None


def refusal(error: ValidationError) -> str:
    """Say what of a context is refused, and what is allowed."""
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
    return f"{name} = {shown} is refused: {error['msg']}. Allowed: {allowed(known.get(name))}."
