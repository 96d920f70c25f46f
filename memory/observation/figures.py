"""Totals of many turns: counters that only grow, and the figures computed from them.

Counters have flat names: `turns`, `used`, `outcome:answered`, `search:thematic:ok`, `down:episodic`,
`bucket:respond:57` (see `bucket`). `most:respond` is the longest, in microseconds.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from memory.models import SearchStatus
from memory.observation.observation import Observation

GROWTH = 1.1
LEAST, MOST = 0.1, 3_600_000.0
"""Milliseconds."""
ERROR = (GROWTH - 1) / (GROWTH + 1)
"""Maximum relative error of a quantile."""
_LOG = math.log(GROWTH)
TURN = "turn"
"""Stage name of the whole turn."""
MOST_STAGES = 32
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


def bucket(milliseconds: float) -> int:
    """Return the bucket of a duration; NaN counts as the least one."""
    held = min(max(milliseconds, LEAST), MOST) if milliseconds == milliseconds else LEAST  # noqa: PLR0124
    return math.ceil(math.log(held) / _LOG - 1e-9)


def value(number: int) -> float:
    """Return the value of a bucket in milliseconds."""
    return float(2 * GROWTH**number / (GROWTH + 1))


def quantile(counts: Mapping[int, int], share: float) -> float:
    """Return the `share`-quantile of the durations; 0 when there are none."""
    rank = max(math.ceil(share * sum(counts.values())), 1)
    for number in sorted(counts):
        rank -= counts[number]
        if rank <= 0:
            return value(number)
    return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Latency of a stage, in milliseconds."""

    count: int
    p50: float
    p95: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Figures of the turns in a period."""

    turns: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    stages: Mapping[str, Latency] = field(default_factory=dict)
    searches: Mapping[str, int] = field(default_factory=dict)
    """By mechanism and status, such as `thematic:late`."""
    tiers_down: Mapping[str, int] = field(default_factory=dict)
    cached: int = 0
    """Turns with a cached search."""
    injected: int = 0
    """Turns that showed a memory."""
    candidates: int = 0
    relevant: int = 0
    used: int = 0
    tokens_fixed: int = 0
    tokens_conversation: int = 0
    tokens_memory: int = 0
    tool_calls: int = 0
    tool_failures: int = 0
    unsupported: int = 0
    """Replies with figures that have no source."""
    corrected: int = 0

    @property
    def cache_hit_rate(self) -> float:
        """Share of turns with a cached search."""
        return self.cached / self.turns if self.turns else 0.0

    @property
    def injection_rate(self) -> float:
        """Share of turns that showed a memory."""
        return self.injected / self.turns if self.turns else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Figures by day, and in total."""

    days: Mapping[date, Figures]
    """Oldest first, including days without turns."""
    whole: Figures

    def as_json(self) -> dict[str, Any]:
        """Return JSON values, without days that have no turns."""
        days = {day.isoformat(): _plain(figures) for day, figures in self.days.items() if figures.turns}
        return {"whole": _plain(self.whole), "days": days}


def counts_of(observation: Observation) -> dict[str, int]:
    """Return a turn's increments of the counters."""
    calls, shares, grounding = observation.calls, observation.shares, observation.grounding
    counts = {
        "turns": 1,
        f"outcome:{observation.outcome.value}": 1,
        "cached": int(any(search.status == SearchStatus.CACHED for search in observation.searches.values())),
        "injected": int(observation.used > 0),
        "candidates": observation.candidates,
        "relevant": observation.relevant,
        "used": observation.used,
        "tokens_fixed": shares.fixed,
        "tokens_conversation": shares.l2_used,
        "tokens_memory": shares.l3_used,
        "tool_calls": len(calls),
        "tool_failures": sum(not call.ok for call in calls),
        "unsupported": int(grounding.unsupported > 0),
        "corrected": int(grounding.corrected),
    }
    counts |= {f"down:{tier}": 1 for tier in observation.tiers_down if _NAME.fullmatch(tier)}
    for name, search in observation.searches.items():
        if _NAME.fullmatch(name) and _NAME.fullmatch(search.status):
            counts[f"search:{name}:{search.status}"] = 1
    counts |= {f"bucket:{name}:{bucket(ms)}": 1 for name, ms in _durations(observation)}
    return {name: count for name, count in counts.items() if count}


def peaks_of(observation: Observation) -> dict[str, int]:
    """Return a turn's durations in microseconds, for the maxima."""
    return {f"most:{name}": round(ms * 1000) for name, ms in _durations(observation)}


def _plain(figures: Figures) -> dict[str, Any]:
    rates = {"cache_hit_rate": figures.cache_hit_rate, "injection_rate": figures.injection_rate}
    return asdict(figures) | {name: round(rate, 4) for name, rate in rates.items()}


def _durations(observation: Observation) -> Iterator[tuple[str, float]]:
    yield TURN, observation.milliseconds
    for name in sorted(observation.stages)[:MOST_STAGES]:
        if _NAME.fullmatch(name) and name != TURN:
            yield name, observation.stages[name]


def add_counters(counters: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    """Add two sets of counters; of maxima keep the larger."""
    total = dict(counters)
    for name, count in more.items():
        own = total.get(name, 0)
        total[name] = max(own, count) if name.startswith("most:") else own + count
    return total


def figures_of(counters: Mapping[str, int]) -> Figures:
    """Compute figures from counters."""
    plain = {name: counters.get(name, 0) for name, kind in Figures.__annotations__.items() if kind is int}
    return Figures(
        **plain,
        outcomes=_under("outcome:", counters),
        searches=_under("search:", counters),
        tiers_down=_under("down:", counters),
        stages=_latencies(counters),
    )


def _under(prefix: str, counters: Mapping[str, int]) -> dict[str, int]:
    return {name.removeprefix(prefix): counters[name] for name in sorted(counters) if name.startswith(prefix)}


def _latencies(counters: Mapping[str, int]) -> dict[str, Latency]:
    buckets: dict[str, dict[int, int]] = {}
    for name, count in _under("bucket:", counters).items():
        stage, _, number = name.rpartition(":")
        buckets.setdefault(stage, {})[int(number)] = count
    return {
        stage: _latency(counts, counters.get(f"most:{stage}", 0) / 1000) for stage, counts in buckets.items()
    }


def _latency(counts: Mapping[int, int], most: float) -> Latency:
    """Compute latencies from a histogram; no quantile exceeds the maximum."""
    p50, p95 = (round(min(quantile(counts, share), most or quantile(counts, 1)), 1) for share in (0.5, 0.95))
    return Latency(count=sum(counts.values()), p50=p50, p95=p95, most=round(most, 1))
