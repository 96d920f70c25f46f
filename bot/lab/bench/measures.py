"""Measures of lives in conversation, from the results of their probes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.lab.bench.lives import NEAR_MISSES, NOTHING, ProbeResult
from bot.lab.bench.outcome import grouped, mean, ratio

ALL = "all"
ENGLISH, ROMANIAN, OTHERS = "en", "ro", "others"
FIRST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeMeasures:
    """Measures over probes that have an answer."""

    probes: int
    found: float | None
    """Share with an answer among the candidates, or in the conversation."""
    among_first: float | None
    """Share with an answer among the first five."""
    first: float | None
    """Share with an answer ranked first."""
    needed: float | None
    """Share with an answer shown, or in the conversation."""
    all_needed: float | None
    """Share with all that a full answer needs."""
    extra: float | None
    """Shown memories that do not help, per probe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """All measures of a run."""

    by_kind: dict[str, ProbeMeasures]
    """`ALL` and each kind that has an answer."""
    by_language: dict[str, ProbeMeasures]
    false: dict[str, tuple[int, float]]
    """For each kind that needs no memory: number of probes, and the share with something shown."""
    near_misses: float | None
    outdated: int
    """Number of probes with an outdated memory shown, and no right one."""
    with_outdated: int
    """Number of probes that have an outdated memory."""


def measure_probes(probed: Sequence[ProbeResult]) -> Measures:
    """Compute the measures of a run."""
    answered = [one for one in probed if one.probe.gold]
    silent = [one for one in probed if one.probe.kind in NOTHING]
    near = [one for one in silent if one.probe.kind in NEAR_MISSES]
    return Measures(
        by_kind={ALL: _measures(answered)} | _each(answered, lambda one: one.probe.kind),
        by_language=_each(answered, language_of),
        false={
            kind: (len(some), sum(bool(one.shown) for one in some) / len(some))
            for kind, some in grouped(silent, lambda one: one.probe.kind).items()
        },
        near_misses=ratio(sum(bool(one.shown) for one in near), len(near)),
        outdated=sum(_outdated_alone(one) for one in probed),
        with_outdated=sum(bool(one.probe.wrong) for one in probed),
    )


def language_of(one: ProbeResult) -> str:
    """Return a probe's group of languages."""
    language = one.person.language
    return language if language in (ENGLISH, ROMANIAN) else OTHERS


def _measures(some: Sequence[ProbeResult]) -> ProbeMeasures:
    return ProbeMeasures(
        probes=len(some),
        found=mean([_holds([*one.ranking, *one.window], one.probe.gold) for one in some]),
        among_first=mean([_holds(one.ranking[:FIRST], one.probe.gold) for one in some]),
        first=mean([_holds(one.ranking[:1], one.probe.gold) for one in some]),
        needed=mean([_holds(_seen(one), one.probe.gold) for one in some]),
        all_needed=mean([float({*one.probe.needed} <= {*_seen(one)}) for one in some]),
        extra=mean([float(len({*one.shown} - {*one.probe.gold})) for one in some]),
    )


def _seen(one: ProbeResult) -> list[str]:
    return [*one.shown, *one.window]


def _holds(turn_ids: Sequence[str], gold: Sequence[str]) -> float:
    return float(not {*turn_ids}.isdisjoint(gold))


def _outdated_alone(one: ProbeResult) -> bool:
    return bool({*one.shown} & {*one.probe.wrong}) and not {*_seen(one)} & {*one.probe.gold}


def _each(probed: Sequence[ProbeResult], name: Callable[[ProbeResult], str]) -> dict[str, ProbeMeasures]:
    return {group: _measures(some) for group, some in grouped(probed, name).items()}
