"""What a job reached, read off its graph's updates."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graph.delegation.job import Progress
from graph.delegation.state import Finding, Review, Step


def reached(update: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[Progress]:
    """Yield what nodes reached, of the same name when they reach it again."""
    for node, written in update.items():
        match node:
            case "plan":
                yield Progress(name="planned", code="planned", about=str(len(written["steps"])))
            case "work":
                yield from _steps(written["findings"], values)
            case "review":
                yield from _review(written["review"])


def _steps(findings: Mapping[str, Finding], values: Mapping[str, Any]) -> Iterator[Progress]:
    steps: Sequence[Step] = values.get("steps", ())
    titles = {step.id: step.title for step in steps}
    again = "+" if "review" in values else ""
    for step in findings:
        yield Progress(name=f"step:{step}{again}", code="step", about=titles.get(step, step))


def _review(review: Review) -> Iterator[Progress]:
    if review.again:
        yield Progress(name="again", code="again", about=str(len(review.again)))
    else:
        yield Progress(name="summary", code="summary")
