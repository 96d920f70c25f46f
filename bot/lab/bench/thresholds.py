"""Thresholds from the command line."""

import difflib
from collections.abc import Sequence

from pydantic import ValidationError

from graph.settings.context import Thresholds, TurnContext
from graph.settings.settings_loader import allowed_values
from memory.errors import ConfigError


def with_thresholds(context: TurnContext, given: Sequence[str]) -> TurnContext:
    """Return `context` with each `KEY=VALUE` applied; `gap.threshold` means `gap_threshold`.

    Raises:
        ConfigError: a key is unknown or a value is invalid; says what is allowed.
    """
    values = dict(_parse(pair) for pair in given)
    try:
        return TurnContext.model_validate(context.model_dump() | values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        raise ConfigError(
            f"--set {name}={values.get(name)} is refused: {first['msg']}. "
            f"Allowed: {allowed_values(Thresholds.model_fields.get(name))}."
        ) from None


def _parse(pair: str) -> tuple[str, str]:
    name, separator, value = (part.strip() for part in pair.partition("="))
    if not separator:
        raise ConfigError(f"--set {pair}: expected KEY=VALUE.")
    known, name = Thresholds.model_fields, name.replace(".", "_")
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise ConfigError(f"--set {pair}: unknown threshold {name}.{hint} Known: {', '.join(sorted(known))}.")
    return name, value
