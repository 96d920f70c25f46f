"""What speaks against writing a tuning result: each reason says what it is, and what to do."""

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from graph.settings.context import Thresholds
from graph.settings.settings import Settings
from graph.settings.settings_loader import allowed_values
from graph.settings.sources import CONFIG_FILE, PREFIX, overriding_sources
from graph.stores import embedding_model
from graph.tuning.attempts import ordinal, percent
from memory.recall.relevance import DEFAULT
from memory.tuning.gain_bound import ENOUGH_GROUPS, TooLittleData, measure_gain, required_confidence
from memory.tuning.held_out import Gain
from memory.tuning.tuning_result import CALIBRATION, TuningResult

DECIDING = Thresholds.model_fields.keys() - {"prefetch_timeout", "cache_ttl", "tool_rounds"}
"""The thresholds that decide what a turn is shown; the others say how long it may take and what is kept."""


def in_force(settings: Settings) -> dict[str, bool | int | float | str]:
    """Return the thresholds that hold now, as a result's baseline writes them."""
    return settings.model_dump(mode="json", include=set(Thresholds.model_fields))


def gained(result: TuningResult, number: int = 1) -> tuple[Gain | None, str]:
    """Compute anew what the held-out turns say; also return why they do not speak for the result, if so.

    Args:
        result: what they are of.
        number: which try on these turns it is.
    """
    try:
        found = measure_gain(result.held_out, confidence=required_confidence(number))
    except TooLittleData as error:
        return None, str(error)
    if found.proven:
        return found, ""
    return found, (
        f"It is not proven better: the held-out turns gain {found.mean:+.4f} on average, and with "
        f"{percent(found.confidence)} confidence at least {found.at_least:+.4f}, which is not above 0. "
        f"{_tried(number)}Measure on more conversations{_few(found.groups)}, or keep what is there."
    )


def _tried(number: int) -> str:
    """Say why more is asked for than the first time."""
    if number == 1:
        return ""
    required = percent(required_confidence(number))
    return f"It is the {ordinal(number)} try on these turns: {required} is asked for. "


def _few(groups: int) -> str:
    return f" (from {ENOUGH_GROUPS} on, a smaller gain is enough)" if groups < ENOUGH_GROUPS else ""


def reasons(result: TuningResult, settings: Settings) -> list[str]:
    """Return every reason against the result that does not lie in its scores."""
    bad = list(_refused_values(result, settings))
    if bad:
        return bad
    now = in_force(settings)
    if all(now[name] == value for name, value in result.changes.items()):
        return ["These values are in force already."]
    return [
        *_made_up(result),
        *_overridden(result),
        *_missing_baseline(result),
        *_other_baseline(result, now),
        *_other_model(result, settings),
    ]


def _refused_values(result: TuningResult, settings: Settings) -> Iterator[str]:
    known = Thresholds.model_fields
    for name in sorted({*result.changes, *result.baseline} - known.keys()):
        close = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        yield f"Unknown threshold {name}.{hint} Known: {', '.join(sorted(known))}."
    given = {name: value for name, value in result.changes.items() if name in known}
    try:
        Thresholds.model_validate_json(json.dumps(given), strict=True)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            name = str(one["loc"][0])
            allowed = allowed_values(known[name])
            yield f"{name} = {given[name]!r} is refused: {one['msg']}. Allowed: {allowed}."
    named = result.thresholds.get(CALIBRATION, "")
    if named and named not in settings.calibrations:
        there = ", ".join(sorted(settings.calibrations)) or "none"
        yield f"{CALIBRATION} = {named!r} names no calibration of {CONFIG_FILE}. There: {there}."


def _made_up(result: TuningResult) -> Iterator[str]:
    if result.demonstration:
        yield (
            "It was measured on made-up data, the demonstration's, which says nothing of your conversations. "
            "Measure on turns of your own."
        )


def _overridden(result: TuningResult) -> Iterator[str]:
    for name, source in overriding_sources(result.changes).items():
        variable = f"{PREFIX}{name.upper()}"
        yield (
            f"{variable} is set in {source}, which wins over {CONFIG_FILE}: what is written there would have "
            f"no effect. Remove {variable} first."
        )


def _missing_baseline(result: TuningResult) -> Iterator[str]:
    if missing := sorted(DECIDING - result.baseline.keys()):
        yield (
            f"Its baseline lacks {', '.join(missing)}: whether it was measured against what is in force "
            "cannot be told. Write all of `graph.tuning.write_checks.in_force` into it."
        )


def _other_baseline(result: TuningResult, now: Mapping[str, Any]) -> Iterator[str]:
    other = [
        f"{name} was {value!r} and is {now[name]!r}"
        for name, value in sorted(result.baseline.items())
        if now[name] != value and name in DECIDING | result.changes.keys()
    ]
    if other:
        yield f"It was measured against other settings: {'; '.join(other)}. Measure again."


def _other_model(result: TuningResult, settings: Settings) -> Iterator[str]:
    configured = embedding_model(settings).name
    if result.embedding_model != configured:
        yield (
            f"It was measured with the embedding model {result.embedding_model}, and {configured} is "
            "configured. Measure again."
        )
    elif result.calibration and result.calibration.embedding_model not in {configured, DEFAULT}:
        yield (
            f"The calibration is for the embedding model {result.calibration.embedding_model}, and "
            f"{configured} is configured. Fit it anew."
        )
