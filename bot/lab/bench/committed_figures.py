"""Committed figures of the full benchmarks, and their tables in docs/measured.md.

`make bench-recall` writes such a file (`--json bot/lab/bench/data/recall.json`), with GOAT_BENCH_DATA set.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.lab.bench.handmade import packaged_json
from bot.lab.bench.race import CONTESTANTS, OURS
from bot.lab.curves import Curve, curve_of
from graph.settings.context import Thresholds
from memory.tuning.resampling import Estimate

RESULTS = "recall"
Results = Mapping[str, Any]
RETRIEVAL = {"recall@5": "Recall@5", "recall@10": "Recall@10", "mrr": "MRR", "hit@5": "hit@5"}
CATEGORIES = {
    "multi-hop": "multi-hop R@5",
    "open domain": "open domain",
    "single-hop": "single-hop",
    "temporal": "temporal",
}
IN_DOCS = ("dense", "lexical", "original", OURS)
LANGUAGES = {"en": "English", "ro": "Romanian", "other": "other languages"}
KINDS = {
    "new topics": "new topics",
    "small talk": "small talk",
    "other people's": "other people's questions",
    "other people's, same names": "other people's questions with this archive's names put in",
    "adversarial": "questions about these people that nothing answers",
}


def committed_results(name: str = RESULTS) -> Results:
    """Read the packaged figures."""
    results: Results = packaged_json(name)
    return results


def names_of(results: Results) -> dict[str, str]:
    """Return the contestants of a run with their descriptions."""
    return {one.name: one.what for one in CONTESTANTS if one.name in results["contestants"]}


def estimate(results: Results, bench: str, contestant: str, measure: str) -> Estimate | None:
    """Return a figure with its interval; None if it was not measured."""
    found = results["benchmarks"][bench]["contestants"][contestant]["intervals"].get(measure)
    return Estimate(**found) if found else None


def curve(results: Results, bench: str, contestant: str, name: str) -> Curve:
    """Return coverage and false injections by threshold, with the default marked."""
    points = results["benchmarks"][bench]["contestants"][contestant]["curve"]
    default = Thresholds().gap_threshold
    known = [
        (one["threshold"], Estimate(**one["coverage"]), Estimate(**one["false_injections"])) for one in points
    ]
    return curve_of(name, known, at=default, point=f"{default:g}")


def recall_table(results: Results, bench: str, contestants: Sequence[str] = IN_DOCS) -> str:
    """Return the table of retrieval figures in docs/measured.md; ours in bold."""
    figures, names = results["benchmarks"][bench]["contestants"], names_of(results)
    rows = [["", *RETRIEVAL.values(), *CATEGORIES.values()]]
    for name in contestants:
        found, bold = figures[name], "**" if name == OURS else ""
        overall = [f"{bold}{found[key]:.2f}{bold}" for key in RETRIEVAL]
        by = [f"{found['by_category'][category]['recall@5']:.2f}" for category in CATEGORIES]
        rows.append(["this" if name == OURS else names[name], *overall, *by])
    return markdown(rows)


def injection_table(results: Results, bench: str) -> str:
    """Return the table of false injections by kind and language in docs/measured.md."""
    kinds = results["benchmarks"][bench]["contestants"][OURS]["injection"]["by_kind"]
    rows = [["false injections in 100", *LANGUAGES.values()]]
    for kind, said in KINDS.items():
        found = [kinds.get(f"{kind}, {language}") for language in LANGUAGES]
        whole = kinds.get(kind)
        cells = [_whole(one) if one else "" for one in found]
        rows.append([said, *([_whole(whole), "", ""] if whole else cells)])
    return markdown(rows)


def markdown(rows: Sequence[Iterable[str]]) -> str:
    """Render a Markdown table whose first row is the header."""
    lines = ["|" + "|".join(f" {cell} " if cell else " " for cell in row) + "|" for row in rows]
    columns = len(list(rows[0]))
    return "\n".join([lines[0], "|" + "---|" * columns, *lines[1:]])


def _whole(kind: Mapping[str, float]) -> str:
    return str(int(kind["false_per_hundred"] + 0.5))
