"""Check the figures of a reply that used tools against the texts in the prompt."""

from dataclasses import dataclass, replace
from functools import partial

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage

from graph.exchange import Grounding
from graph.model.model_call import ModelAnswer, ModelCall
from graph.model.tool_rounds import last_message_id, longest_output, read_round, results_of, round_messages
from graph.state.turn_state import State
from graph.state.updates import GroundUpdate
from graph.tools.traits import Toolbox
from memory.grounding import ungrounded
from memory.models import Outcome
from memory.prompt.tool_text import correction_request

NOT_IMPROVED = "the corrected answer was no better"


@dataclass(frozen=True, slots=True)
class Ground:
    """Have a reply with unsupported figures rewritten once; a failed correction keeps the reply."""

    ask: ModelCall
    toolbox: Toolbox

    async def __call__(self, state: State) -> GroundUpdate:
        reply = state["reply"]
        grounding = Grounding(turn_id=state["turn"].turn_id)
        if reply.outcome is not Outcome.ANSWERED:
            return {"grounding": grounding}
        sources = [message.text for message in state["prompt"]] + [one.output for one in results_of(state)]
        unsupported = ungrounded(reply.text, sources)
        if not unsupported:
            return {"grounding": grounding}
        request = await self.ask.window.fit(
            partial(_messages, state, unsupported), {}, last=True, longest=longest_output(state)
        )
        turn = state["turn"]
        said = await self.ask(request.messages, turn.turn_id, owner=turn.owner)
        text = await self._corrected_text(said, state)
        if not text or len(ungrounded(text, sources)) >= len(unsupported):
            problem = said.problem or NOT_IMPROVED
            return {"grounding": replace(grounding, unsupported=unsupported, problem=problem)}
        corrected = replace(reply, text=text, seconds=round(reply.seconds + said.seconds, 3))
        message = AIMessage(corrected.text, id=last_message_id(state))
        grounding = replace(grounding, unsupported=unsupported, corrected=True)
        return {"grounding": grounding, "messages": [message], "reply": corrected}

    async def _corrected_text(self, said: ModelAnswer, state: State) -> str:
        """Return the corrected answer; "" when it is incomplete or calls tools."""
        if said.outcome is not Outcome.ANSWERED:
            return ""
        asked = read_round(said, state, await self.toolbox.tools_for(state["turn"]))
        return "" if asked.calls else asked.text.strip()


def _messages(state: State, unsupported: tuple[str, ...], last: bool, cap: int) -> list[AnyMessage]:
    """Return the request to correct unsupported figures."""
    asked = [*state["prompt"], *round_messages(state, last=last, cap=cap)]
    return [*asked, AIMessage(state["reply"].text), HumanMessage(correction_request(unsupported))]
