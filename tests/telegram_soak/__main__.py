"""Run trials of our bot and of a stock one with the same messages, kills and faults; print figures."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.nursery import Nursery, running_nursery
from tests.telegram_soak.figures import Figures
from tests.telegram_soak.layouts import LAYOUTS, Layout
from tests.telegram_soak.script import Line, Plan, steps
from tests.telegram_soak.slow import SLOW_MESSAGES, measure
from tests.telegram_soak.table import table
from tests.telegram_soak.trial import run_trial

SLOW, DEFAULT = "slow", Plan()
SLOW_PLAN = Plan(messages=100, chats=8, kills=0, rate=1.5, freezes=0, forgets=0, outages=0)
_SHOWN = 20


def main() -> None:
    """Run the command; it fails if our bot does."""
    options = _options()
    names = ("messages", "chats", "kills", "rate", "seed", "freezes", "forgets", "outages")
    plan = Plan(**{name: getattr(options, name) for name in names})
    wanted = [layout for layout in LAYOUTS if options.only is None or layout.name in options.only]
    console = Console()
    with tempfile.TemporaryDirectory(prefix="goat-soak-") as folder, running_nursery() as nursery:
        found = [_trial(console, nursery, layout, plan, Path(folder)) for layout in wanted]
        if options.only is None or SLOW in options.only:
            _slow(console, nursery, Path(folder))
    if found:
        console.print(table(found))
    ours = {layout.name for layout in LAYOUTS if layout.ours}
    sys.exit(any(figures.wrong for figures in found if figures.name in ours))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.telegram_soak", description=__doc__)
    names = [*(layout.name for layout in LAYOUTS), SLOW]
    parser.add_argument("--messages", type=int, default=DEFAULT.messages)
    parser.add_argument("--chats", type=int, default=DEFAULT.chats)
    parser.add_argument("--kills", type=int, default=DEFAULT.kills)
    parser.add_argument("--rate", type=float, default=DEFAULT.rate, help="messages in a second")
    parser.add_argument("--seed", type=int, default=DEFAULT.seed)
    parser.add_argument("--freezes", type=int, default=DEFAULT.freezes)
    parser.add_argument("--forgets", type=int, default=DEFAULT.forgets)
    parser.add_argument("--outages", type=int, default=DEFAULT.outages)
    parser.add_argument("--only", nargs="+", choices=names, metavar="TRIAL", help=", ".join(names))
    return parser.parse_args()


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


def _trial(console: Console, nursery: Nursery, layout: Layout, plan: Plan, folder: Path) -> Figures:
    with _bar(console) as bar:
        task = bar.add_task(layout.name, total=sum(isinstance(step.act, Line) for step in steps(plan)))
        trial = run_trial(nursery, layout, plan, folder / layout.name, lambda: bar.advance(task))
        figures = asyncio.run(trial)
    console.print(str(figures))
    for case in figures.wrong[:_SHOWN] if layout.ours else ():
        console.print(f"  {case}")
    return figures


def _slow(console: Console, nursery: Nursery, folder: Path) -> None:
    with _bar(console) as bar:
        task = bar.add_task(SLOW, total=len(steps(SLOW_PLAN)) + SLOW_MESSAGES)
        paces = asyncio.run(measure(nursery, SLOW_PLAN, folder / SLOW, lambda: bar.advance(task)))
    console.print(str(paces))


if __name__ == "__main__":
    main()
