"""The chat model alone, without memory: for titles, tags and the like, which must not be archived."""

import asyncio
from collections.abc import AsyncGenerator

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage

from bot.serve.chat_request import ChatRequest, Refused
from bot.serve.client_services import ClientBudget
from bot.serve.conversation import Asked
from bot.serve.turn_reply import MODEL_DOWN, Completed, Said, count_prompt, model_failure
from graph.layers import Layers
from graph.model.model_call import ModelAnswer
from memory.concurrency.tasks import end
from memory.models import Outcome
from nodes.assemble import join_roles

_TOO_MANY, _UNAVAILABLE = 429, 503


async def answer_plainly(layers: Layers, asked: Asked) -> AsyncGenerator[Said, None]:
    """Yield the model's answer to the client's messages as they are, then its end; nothing is stored.

    Raises:
        Refused: there is no model, it gave nothing, or the day's budget is used up.
    """
    if not layers.model.name:
        raise Refused("No model is configured: `goat setup` chooses one.", _UNAVAILABLE, MODEL_DOWN)
    if refusal := await ClientBudget(layers, asked.owner).refusal():
        raise Refused(refusal, _TOO_MANY, "insufficient_quota")
    prompt = join_roles([*_prompt(asked.request)])
    pieces: asyncio.Queue[str | None] = asyncio.Queue()

    async def ask() -> ModelAnswer:
        try:
            with layers.stops.accept(asked.turn_id):
                return await layers.ask(prompt, asked.turn_id, on_text=pieces.put_nowait, owner=asked.owner)
        finally:
            pieces.put_nowait(None)

    task = asyncio.create_task(ask())
    try:
        while (piece := await pieces.get()) is not None:
            yield piece
        answer = await task
        if not answer.text.strip():
            raise model_failure(answer.problem, detailed=asked.owner == layers.settings.owner)
        yield await _completed(layers, answer, prompt)
    finally:
        await end(task)


async def _completed(layers: Layers, answer: ModelAnswer, prompt: list[AnyMessage]) -> Completed:
    count = await layers.tokens.ready()
    return Completed(
        text=answer.text,
        prompt_tokens=count_prompt(prompt, count),
        reply_tokens=count(answer.text),
        whole=answer.outcome is Outcome.ANSWERED,
    )


def _prompt(request: ChatRequest) -> list[AnyMessage]:
    system: list[AnyMessage] = [SystemMessage(request.system)] if request.system else []
    kinds = {"user": HumanMessage, "assistant": AIMessage}
    return [*system, *(kinds[one.role](one.text) for one in request.messages if one.role in kinds)]
