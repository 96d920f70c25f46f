"""The graph of a job: plan, parallel steps, review, at most one repetition, summary."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Send

from graph.delegation.role_answers import read_plan, read_review
from graph.delegation.role_call import FINAL, ask_role, is_late, problem_of, step_turn_id
from graph.delegation.roles import LONGEST_FINDING, plan_prompt, review_prompt, summary_prompt
from graph.delegation.state import (
    Budget,
    Finding,
    JobInput,
    JobState,
    PlanUpdate,
    ResultUpdate,
    Review,
    ReviewUpdate,
    Share,
    Spent,
    Step,
    WorkInput,
)
from graph.delegation.worker import build_worker
from graph.model.model_call import ModelCall
from graph.state.turn_state import Turn
from memory.grounding import ungrounded
from memory.models import Outcome
from memory.prompt.tool_text import correction_request
from nodes.tools import Tools

JobGraph = CompiledStateGraph[JobState, None, JobInput, JobState]
_ONE = Spent(calls=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """Divides the task into steps; an unreadable plan becomes one step."""

    ask: ModelCall

    async def __call__(self, state: JobInput) -> PlanUpdate:
        assignment = state["assignment"]
        if is_late(self.ask, assignment.turn_id):
            return {"steps": read_plan("", assignment.task)}
        said, _ = await ask_role(
            self.ask,
            lambda _, cap: plan_prompt(assignment, cap),
            assignment.turn_id,
            owner=assignment.owner,
        )
        return {"steps": read_plan(said.text, assignment.task), "spent": _ONE}


@dataclass(frozen=True, slots=True)
class Criticise:
    """Reviews the findings, unless no budget is left to repeat a step."""

    ask: ModelCall

    async def __call__(self, state: JobState) -> ReviewUpdate:
        assignment, findings = state["assignment"], state.get("findings", {})
        left = assignment.budget.calls - _spent(state).calls
        if is_late(self.ask, assignment.turn_id) or left <= 1 or not findings:
            return {"review": Review()}
        said, _ = await ask_role(
            self.ask,
            lambda _, cap: review_prompt(assignment, state["steps"], findings, cap),
            assignment.turn_id,
            owner=assignment.owner,
        )
        return {"review": read_review(said.text, list(findings)), "spent": _ONE}


@dataclass(frozen=True, slots=True)
class Summarise:
    """Answers the task from the findings; this call is made even when the budget is spent.

    An answer with figures that no finding supports is corrected once, if budget is left.
    """

    ask: ModelCall

    async def __call__(self, state: JobState) -> ResultUpdate:
        owner = state["assignment"].owner
        said, _ = await ask_role(self.ask, lambda _, cap: _summary(state, cap), FINAL, owner=owner)
        text, note = said.text.strip(), problem_of(said, late=False)
        if note:
            return {"result": f"{text}\n\n({note})", "spent": _ONE}
        unsupported = ungrounded(text, _evidence(state))
        if not unsupported or not self._may_correct(state):
            return {"result": text, "spent": _ONE}
        better = await self._correct(state, [AIMessage(text), HumanMessage(correction_request(unsupported))])
        is_improved = better and len(ungrounded(better, _evidence(state))) < len(unsupported)
        return {"result": better if is_improved else text, "spent": Spent(calls=2)}

    def _may_correct(self, state: JobState) -> bool:
        assignment = state["assignment"]
        return _spent(state).calls + 1 < assignment.budget.calls and not is_late(self.ask, assignment.turn_id)

    async def _correct(self, state: JobState, more: Sequence[AnyMessage]) -> str:
        """Return the corrected answer; empty when it is incomplete."""
        request = await self.ask.window.fit(
            lambda _, cap: [*_summary(state, cap), *more], {}, last=True, longest=LONGEST_FINDING
        )
        assignment = state["assignment"]
        said = await self.ask(request.messages, assignment.turn_id, owner=assignment.owner)
        return said.text.strip() if said.outcome is Outcome.ANSWERED else ""


def build_pipeline(ask: ModelCall, tools: Tools, saver: BaseCheckpointSaver[str]) -> JobGraph:
    """Build the graph; `ask` and `tools` must share their stop signals."""
    builder = StateGraph(JobState, input_schema=JobInput)
    builder.add_node("plan", Plan(ask))
    builder.add_node("work", build_worker(ask, tools))
    builder.add_node("review", Criticise(ask))
    builder.add_node("summarise", Summarise(ask))
    builder.add_edge(START, "plan")
    builder.add_conditional_edges("plan", _after_plan, ["work", "summarise"])
    builder.add_conditional_edges("work", _after_work, ["review", "summarise"])
    builder.add_conditional_edges("review", _after_review, ["work", "summarise"])
    builder.add_edge("summarise", END)
    return builder.compile(checkpointer=saver, name="job")


def divide_budget(
    steps: Sequence[Step], budget: Budget, spent: Spent, *, reserved: int
) -> list[tuple[Step, Share]]:
    """Divide the remaining budget, less `reserved` model calls, among steps that run in parallel.

    Steps beyond the remaining calls are left out, the last ones first.
    """
    calls = budget.calls - spent.calls - reserved
    chosen = steps[: max(0, calls)]
    tools = max(0, budget.tools - spent.tools)
    return [(step, Share(calls=calls // len(chosen), tools=tools // len(chosen))) for step in chosen]


def _after_plan(state: JobState) -> list[Send] | str:
    """Start all steps in parallel, reserving one call for the critic and one for the summariser."""
    given = divide_budget(state["steps"], state["assignment"].budget, _spent(state), reserved=2)
    return [Send("work", _work(state, step, share)) for step, share in given] or "summarise"


def _after_work(state: JobState) -> str:
    return "summarise" if "review" in state else "review"


def _after_review(state: JobState) -> list[Send] | str:
    review = state["review"]
    named = [step for step in state["steps"] if step.id in review.again]
    given = divide_budget(named, state["assignment"].budget, _spent(state), reserved=1)
    return [Send("work", _work(state, step, share)) for step, share in given] or "summarise"


def _work(state: JobState, step: Step, share: Share) -> WorkInput:
    assignment, review = state["assignment"], state.get("review")
    earlier = state.get("findings", {}).get(step.id)
    turn = Turn(
        turn_id=step_turn_id(assignment.turn_id, step.id + ("" if review is None else "+")),
        owner=assignment.owner,
        thread=assignment.thread,
        message=assignment.task,
        at=assignment.at,
    )
    return WorkInput(
        assignment=assignment,
        step=step,
        share=share,
        turn=turn,
        complaint=review.again[step.id] if review else "",
        earlier=earlier.text if earlier else "",
    )


def _summary(state: JobState, cap: int) -> list[AnyMessage]:
    steps, findings = state["steps"], state.get("findings", {})
    return summary_prompt(state["assignment"], steps, findings, state.get("review", Review()), cap)


def _evidence(state: JobState) -> list[str]:
    found = [finding.text for finding in state.get("findings", {}).values()]
    return [state["assignment"].task, *found]


def _spent(state: JobState) -> Spent:
    return state.get("spent", Spent())


def partial_result(values: Mapping[str, Any]) -> str:
    """Return a job's answer; before there is one, its findings so far."""
    if "result" in values:
        return str(values["result"])
    steps: Sequence[Step] = values.get("steps", ())
    findings: Mapping[str, Finding] = values.get("findings", {})
    found = [(step.title, findings[step.id].text) for step in steps if step.id in findings]
    return "\n\n".join(f"**{title}**\n\n{text}" for title, text in found if text)
