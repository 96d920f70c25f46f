"""Hold the figures of a reply that used tools against what the model was shown."""

from dataclasses import dataclass, replace

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from memory.grounding import ungrounded

from graph.model_call import ModelCall
from graph.rounds import exchange_of, results_of, round_messages
from graph.state import Grounding, GroundUpdate, Reply, State
from graph.turn import reply_id
from memory.models import Outcome
from memory.tool_prompt import correction

NO_BETTER = "the corrected answer was no better"


@dataclass(frozen=True, slots=True)
class Ground:
    """Have a reply with unsupported figures written anew, once; a failed correction keeps the reply."""

    ask: ModelCall

    async def __call__(self, state: State) -> GroundUpdate:
        reply = state["reply"]
        if reply.outcome is not Outcome.ANSWERED or not exchange_of(state).rounds:
            return {"grounding": Grounding()}
        sources = evidence_texts(state)
        unsupported = ungrounded(reply.text, sources)
        if not unsupported:
            return {"grounding": Grounding()}
        said = await self.ask(correcting_prompt(state, unsupported), state["turn"].turn_id)
        better = said.outcome is Outcome.ANSWERED and said.text.strip()
        if not better or len(ungrounded(said.text, sources)) >= len(unsupported):
            return {"grounding": Grounding(unsupported=unsupported, problem=said.problem or NO_BETTER)}
        corrected = _corrected(reply, said.text, said.seconds)
        message = AIMessage(corrected.text, id=reply_id(state["turn"].turn_id))
        grounding = Grounding(unsupported=unsupported, corrected=True)
        return {"grounding": grounding, "messages": [message], "reply": corrected}


def evidence_texts(state: State) -> list[str]:
    """Return what a figure may stand in: the prompt with all that was recalled, and the tools' outputs."""
    return [message.text for message in state["prompt"]] + [r.output for r in results_of(state)]


def correcting_prompt(state: State, unsupported: tuple[str, ...]) -> list[AnyMessage]:
    """Return what the model is asked when figures of its reply stand nowhere."""
    asked = [*state["prompt"], *round_messages(state, last=True)]
    return [*asked, AIMessage(state["reply"].text), HumanMessage(correction(unsupported))]


def _corrected(reply: Reply, text: str, seconds: float) -> Reply:
    return replace(reply, text=text, seconds=round(reply.seconds + seconds, 3))
