"""Prompts of a job's roles. Findings of other roles are quoted as data, never as instructions.

Each quoted text is cut to `cap` characters.
"""

from collections.abc import Mapping, Sequence

from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage

from graph.delegation.state import CODER, RESEARCHER, Assignment, Finding, Review, Step, WorkInput
from memory.prompt.prompt import RULES, escape_fences, escape_lines
from memory.prompt.tool_text import fenced_output
from memory.text.text import shortened

MOST_STEPS = 5
LONGEST_FINDING = 12_000
_LONGEST_CRITIQUE = 4000

_TEAM = "of a small team that works on a task in the background; nobody can be asked back."
_PLANNER = (
    f"You are the planner {_TEAM} Divide the task into one to {MOST_STEPS} steps that can be done at the "
    "same time, none waiting for another: as few as the task needs. Each step goes to one role: `researcher` "
    "(looks things up with tools: the person's memory, pages) or `coder` (writes or explains code, "
    "calculations, formats). Each worker sees the whole task and its own step, and nothing of the others.\n"
    'Answer with JSON alone: {"steps": [{"role": "researcher", "title": "a few words", "task": "what exactly '
    'to do, and what to hand back"}]}. Write titles and tasks in the language of the task.'
)
_WORKERS = {
    RESEARCHER: (
        f"You are a researcher {_TEAM} Do your step alone. Look things up with the tools you have rather "
        "than guess, and say where each thing is from. State only what you found, say what you could not "
        "find, and keep it short: others build on it."
    ),
    CODER: (
        f"You are a coder {_TEAM} Do your step alone. Hand back complete, working code or the exact result, "
        "with as few words around it as it needs, and say what you could not check: you cannot run code."
    ),
}
_CRITIC = (
    "You are the critic of a small team. Hold what its workers handed in against the task: what is wrong, "
    "unsupported, contradictory or missing? Name a step only when doing it once more is worth it.\n"
    'Answer with JSON alone: {"critique": "what whoever sums up should mind", "again": [{"step": 2, "what": '
    '"what is wrong and what is wanted"}]}; `again` is empty when the work will do. Write in the language of '
    "the task."
)
_SUMMARISER = (
    "You sum up the work of a small team as the answer to the task. Write for the person who gave it, in the "
    "language of the task, in Markdown, the answer first. Use only what the workers found; state only "
    "figures that stand there. Where they contradict each other, say so. Say plainly what is missing or "
    "could not be found. Do not tell of the team, its steps or its roles."
)


def plan_prompt(assignment: Assignment, cap: int) -> list[AnyMessage]:
    return [_system(_PLANNER), HumanMessage(_task(assignment, cap))]


def work_prompt(given: WorkInput, cap: int) -> list[AnyMessage]:
    """Return a worker's prompt; in a repeated step with the former finding and the critic's complaint."""
    step = given["step"]
    wanted = f"{escape_fences(step.title)}\n{escape_fences(shortened(step.task, cap))}"
    parts = [_task(given["assignment"], cap), f"Your step: {wanted}"]
    if given["complaint"]:
        parts += [
            f"You did this step before, and handed in:\n{_finding(given['earlier'], cap)}",
            f"What the critic says of it:\n{_quote_critique(given['complaint'], cap)}",
            "Do the step once more, better. Hand in the whole of it.",
        ]
    return [_system(_WORKERS[step.role]), HumanMessage("\n\n".join(parts))]


def review_prompt(
    assignment: Assignment, steps: Sequence[Step], findings: Mapping[str, Finding], cap: int
) -> list[AnyMessage]:
    parts = [_task(assignment, cap), _findings(steps, findings, cap), "Judge this work now, in JSON."]
    return [_system(_CRITIC), HumanMessage("\n\n".join(parts))]


def summary_prompt(
    assignment: Assignment, steps: Sequence[Step], findings: Mapping[str, Finding], review: Review, cap: int
) -> list[AnyMessage]:
    """Return the summariser's prompt, with a list of what is missing."""
    parts = [_task(assignment, cap), _findings(steps, findings, cap)]
    if review.critique:
        parts.append(f"What a critic says of it:\n{_quote_critique(review.critique, cap)}")
    if missing := missing_steps(steps, findings):
        parts.append(f"Not all was done; say in your answer what is missing:\n{missing}")
    parts.append("Write the answer to the task now.")
    return [_system(_SUMMARISER), HumanMessage("\n\n".join(parts))]


def missing_steps(steps: Sequence[Step], findings: Mapping[str, Finding]) -> str:
    """List the steps that are missing or incomplete; empty when there are none."""
    lines = []
    for step in steps:
        finding = findings.get(step.id)
        if finding is None:
            lines.append(f"- {escape_lines(step.title)}: not done, the job's budget was used up")
        elif finding.problem:
            lines.append(f"- {escape_lines(step.title)}: {escape_lines(finding.problem)}")
    return "\n".join(lines)


def _system(role: str) -> SystemMessage:
    return SystemMessage(f"{role}\n\n{RULES}")


def _task(assignment: Assignment, cap: int) -> str:
    return f"The task:\n{escape_fences(shortened(assignment.task, cap))}"


def _findings(steps: Sequence[Step], findings: Mapping[str, Finding], cap: int) -> str:
    entries = [
        f"Step {step.id} ({step.role}): {escape_lines(step.title)}\n{_finding(findings[step.id].text, cap)}"
        for step in steps
        if step.id in findings
    ]
    return "\n\n".join(["What the workers handed in:", *(entries or ["Nothing."])])


def _quote_critique(text: str, cap: int) -> str:
    return fenced_output(shortened(text, min(cap, _LONGEST_CRITIQUE)))


def _finding(text: str, cap: int) -> str:
    return fenced_output(shortened(text, min(cap, LONGEST_FINDING)) or "(nothing)")
