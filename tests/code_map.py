"""The map in docs/architecture.md: packages, and the files of a turn, with their docstrings."""

import ast
from collections.abc import Collection
from pathlib import Path

from tests.turn_trace import PRODUCT, ROOT

LIFE = (
    "bot/terminal/terminal.py",
    "graph/runtime/agent.py",
    "graph/state/circumstances.py",
    "graph/tuning/live_settings.py",
    "graph/checkpoint/thread_leases.py",
    "graph/runtime/graph_runs.py",
    "graph/checkpoint/redis_saver.py",
    "nodes/prefetch.py",
    "memory/lexical/structural_keys.py",
    "memory/temporal/time_finder.py",
    "memory/embedding/e5.py",
    "memory/episodic/search/searcher.py",
    "memory/episodic/search/scores.py",
    "nodes/identity.py",
    "nodes/facts.py",
    "nodes/working.py",
    "memory/working/redis_conversation.py",
    "nodes/gap_filter.py",
    "memory/recall/staged.py",
    "nodes/budget.py",
    "nodes/assemble.py",
    "memory/prompt/prompt.py",
    "nodes/respond.py",
    "graph/model/openai_chat.py",
    "bot/terminal/turn_view.py",
    "nodes/archive.py",
    "memory/episodic/log/episode_log.py",
    "graph/observability/turn_recorder.py",
)
"""The files to read, in this order, to follow a turn. A turn passes more."""


def packages() -> list[Path]:
    """Return the product's packages, outer ones first."""
    return sorted(init.parent for top in PRODUCT for init in (ROOT / top).rglob("__init__.py"))


def map_table() -> str:
    """Return one row for each package."""
    rows = [f"| `{folder.relative_to(ROOT)}/` | {summary(folder / '__init__.py')} |" for folder in packages()]
    return "\n".join(["| folder | contents |", "|---|---|", *rows])


def life_table() -> str:
    """Return one row for each file of `LIFE`."""
    rows = [f"| {place} | `{file}` | {summary(ROOT / file)} |" for place, file in enumerate(LIFE, start=1)]
    return "\n".join(["| | file | purpose |", "|---|---|---|", *rows])


def summary(file: Path) -> str:
    """Return the first line of a module's docstring; empty without one."""
    docstring = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
    return docstring.partition("\n")[0]


def left_out(passed: Collection[str]) -> list[str]:
    """Return the files of `LIFE` that a traced turn did not pass."""
    return [file for file in LIFE if file not in passed]
