"""The HTTP server: tokens, limits, and each request's answer or error."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from bot.http_server import read_body
from bot.serve.answer_task import AnswerTask
from bot.serve.chat_request import Refused, is_chore, read_request
from bot.serve.conversation import Asked, Conversations
from bot.serve.plain_model import answer_plainly
from bot.serve.token_list import TokenList
from bot.serve.turn_reply import (
    KEEP_ALIVE,
    Completed,
    CompletionFormat,
    error_body,
    model_entry,
    model_list,
    stream_event,
)
from graph.runtime.agent import Agent
from graph.studio.http_guard import HttpGuard, bearer_token
from memory.concurrency.tasks import end
from memory.errors import GoatError, MemoryTierError, ThreadBusy

MEMORY, PLAIN = "goat", "goat-plain"
MODELS = {MEMORY: "with memory", PLAIN: "the model alone"}
MOST_BYTES = 30_000_000
"""Longest request body, which includes pictures."""
_STOP_SECONDS = 5.0
_NO_RETRY = {"x-should-retry": "false"}
"""For OpenAI's client library: another attempt would be another turn."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ChatServer:
    """Answers the clients of any number of owners."""

    agent: Agent
    conversations: Conversations
    tokens: TokenList
    guard: HttpGuard
    _answers: dict[AnswerTask, "asyncio.Task[None]"] = field(default_factory=dict)
    _began: int = field(default_factory=lambda: int(time.time()))

    def app(self) -> Starlette:
        routes = [
            Route("/v1/chat/completions", self._chat, methods=["POST"]),
            Route("/v1/models", self._models),
            Route("/v1/models/{name}", self._model),
        ]
        return Starlette(routes=routes, exception_handlers=dict.fromkeys((GoatError, HTTPException), _refuse))

    def stop(self) -> None:
        """Ask the running answers to stop; what they have written is archived."""
        for answer in self._answers:
            answer.hang_up()

    async def drain(self) -> None:
        """Wait for the stopped answers, then cancel the rest; the next start finishes their turns."""
        if running := list(self._answers.values()):
            await asyncio.wait(running, timeout=_STOP_SECONDS)
        await end(*running, *(answer.task for answer in self._answers))

    async def _models(self, request: Request) -> Response:
        await self._owner(request)
        return JSONResponse(model_list(MODELS, self._began))

    async def _model(self, request: Request) -> Response:
        await self._owner(request)
        name = _known(request.path_params["name"])
        return JSONResponse(model_entry(name, self._began))

    async def _chat(self, request: Request) -> Response:
        owner = await self._owner(request)
        asked = Asked(owner, read_request(await _body(request)), request.headers)
        model = _known(asked.request.model)
        plain = model == PLAIN or is_chore(asked.request)
        said = answer_plainly(self.agent.layers, asked) if plain else self.conversations.answer(asked)
        answer = AnswerTask(asked, said, self.agent.stop)
        self._answers[answer] = asyncio.create_task(self._watch(request, answer))
        form = CompletionFormat(asked.turn_id, model, asked.request.wants_usage)
        if asked.request.stream:
            headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
            return StreamingResponse(_events(answer, form), media_type="text/event-stream", headers=headers)
        return JSONResponse(form.whole(await answer.whole()))

    async def _watch(self, request: Request, answer: AnswerTask) -> None:
        """Stop the answer if its client hangs up."""
        gone = asyncio.create_task(_until_gone(request))
        gone.add_done_callback(lambda _: answer.hang_up())
        try:
            await answer.ended()
        finally:
            gone.cancel()
            self._answers.pop(answer, None)

    async def _owner(self, request: Request) -> str:
        """Return the owner of the request's token.

        Raises:
            Refused: there is none, or a web page sends the request.
        """
        token = bearer_token(request.headers)
        owner = await self.tokens.owner_of(token) if token else ""
        if not owner:
            raise Refused(
                "This token is not known here. `goat serve --new-token OWNER` makes one; send it as the API "
                "key (Authorization: Bearer ...).",
                401,
                "invalid_api_key",
            )
        if refused := self.guard.refusal(request.headers):
            status, why = refused
            raise Refused(f"{why}. Names of this server are set with GOAT_SERVE_HOSTS.", status)
        return owner


async def _events(answer: AnswerTask, form: CompletionFormat) -> AsyncIterator[bytes]:
    yield form.begin()
    try:
        async for said in answer.listen():
            if isinstance(said, Completed):
                for event in form.end(said):
                    yield event
            else:
                yield KEEP_ALIVE if said is None else form.piece(said)
    except GoatError as error:
        yield stream_event(_described(error)[1])


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        continue


async def _body(request: Request) -> bytes:
    body = await read_body(request, MOST_BYTES)
    if body is None:
        most = MOST_BYTES // 10**6
        raise Refused(f"The request is too large: {most} MB are read at most. Send smaller files.", 413)
    return body


def _known(model: str) -> str:
    if model not in MODELS:
        known = ", ".join(f"{name} ({what})" for name, what in MODELS.items())
        raise Refused(f"There is no model {model!r}. There are: {known}.", 404, "model_not_found", "model")
    return model


async def _refuse(_: Request, error: Exception) -> Response:
    status, body, headers = _described(error)
    return JSONResponse(body, status, headers)


def _described(error: Exception) -> tuple[int, dict[str, Any], Mapping[str, str]]:
    """Return the status, body and headers for an error."""
    match error:
        case Refused():
            body = error_body(str(error), error.status, error.code, error.param)
            return error.status, body, _NO_RETRY
        case HTTPException():
            what = "There are /v1/chat/completions (POST), /v1/models and /v1/models/NAME (GET)."
            return error.status_code, error_body(what, error.status_code), error.headers or {}
        case ThreadBusy():
            return 409, error_body(str(error), 409, "thread_busy"), {}
        case MemoryTierError():
            logger.warning("A request is not answered: %s", error)
            what = "The memory cannot be reached just now. Send your message again in a moment."
            return 503, error_body(what, 503, "memory_unavailable"), _NO_RETRY
    return 400, error_body(str(error), 400), _NO_RETRY
