"""Checks before a tuning result is written; each objection says what is wrong and what to do."""

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
from graph.tuning.attempts import percent
from memory.recall.relevance import DEFAULT
from memory.tuning.gain_bound import ENOUGH_GROUPS, TooLittleData, measure_gain, required_confidence
from memory.tuning.held_out import Gain
from memory.tuning.tuning_result import CALIBRATION, TuningResult

DECIDING = Thresholds.model_fields.keys() - {"prefetch_timeout", "cache_ttl", "tool_rounds"}
"""Thresholds that decide which memories a turn gets; the others limit its time and what is stored."""


def in_force(settings: Settings) -> dict[str, bool | int | float | str]:
    """Return the current thresholds, in the form of a result's baseline."""
    return settings.model_dump(mode="json", include=set(Thresholds.model_fields))


def check_gain(result: TuningResult, number: int = 1) -> tuple[Gain | None, str]:
    """Recompute the gain on the held-out turns; also return why it is not proven, or "".

    Args:
        result: the result to check.
        number: the attempt's number on these turns, from 1.
    """
    try:
        found = measure_gain(result.held_out, confidence=required_confidence(number))
    except TooLittleData as error:
        return None, str(error)
    if found.proven:
        return found, ""
    confidence = percent(found.confidence)
    repeated = f"It is attempt {number} on these turns: {confidence} is needed. " if number > 1 else ""
    few = f" (from {ENOUGH_GROUPS} on, a smaller gain is enough)" if found.groups < ENOUGH_GROUPS else ""
    return found, (
        f"It is not proven better: the held-out turns gain {found.mean:+.4f} on average, and with "
        f"{confidence} confidence at least {found.at_least:+.4f}, which is not above 0. "
        f"{repeated}Measure on more days or conversations{few}, or keep the current values."
    )


def objections(result: TuningResult, settings: Settings) -> list[str]:
    """Return every objection to the result other than its gain."""
    bad = list(_refused_values(result, settings))
    if bad:
        return bad
    current = in_force(settings)
    if all(current[name] == value for name, value in result.changes.items()):
        return ["These values are in force already."]
    return [*_obstacles(result, current), *_other_model(result, settings)]


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


def _obstacles(result: TuningResult, current: Mapping[str, Any]) -> Iterator[str]:
    if result.demonstration:
        yield (
            "It was measured on made-up data, the demonstration's, which says nothing about your "
            "conversations. Measure on your own turns."
        )
    for name, source in overriding_sources(result.changes).items():
        variable = f"{PREFIX}{name.upper()}"
        yield (
            f"{variable} is set in {source}, which overrides {CONFIG_FILE}: a value written there would have "
            f"no effect. Remove {variable} first."
        )
    if missing := sorted(DECIDING - result.baseline.keys()):
        yield (
            f"Its baseline lacks {', '.join(missing)}, so it cannot be compared with the current settings. "
            "Write all of `graph.tuning.write_checks.in_force` into it."
        )
    other = [
        f"{name} was {value!r} and is {current[name]!r}"
        for name, value in sorted(result.baseline.items())
        if current[name] != value and name in DECIDING | result.changes.keys()
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
            f"{configured} is configured. Fit it again."
        )
