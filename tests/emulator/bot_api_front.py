"""What telegram-test-api 4.2.1 lacks of the Bot API, put right between it and the bot.

* `getMe` says that it is a bot, an edit's result is `true` and not `null`, a button has a `chat_instance`
* a message that is sent has a date in seconds, and no fields that are JSON in a string
* an unknown method is 404 in the Bot API's form, not 500; `missing` counts them
* `getUpdates` waits for a moment when there is nothing, as a long poll does
* a person's edit, which it does not know, is a message with the field `edits`: the id of the edited message
"""

import asyncio
from collections import Counter
from typing import Any

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.servers.threaded import ThreadedServer

_POLL_SECONDS, _LOOK_SECONDS = 1.0, 0.02
_UNKNOWN = "is not supported"
_MESSAGE = ("message_id", "date", "chat", "text", "entities", "reply_markup")


class BotApiFront(ThreadedServer):
    """The Bot API in front of an emulator."""

    def __init__(self, emulator: str) -> None:
        self.missing: Counter[str] = Counter()
        self._emulator = emulator
        route = Route("/bot{token}/{method}", self._answer, methods=["GET", "POST"])
        super().__init__(Starlette(routes=[route]), name="bot-api-front")

    async def _answer(self, request: Request) -> Response:
        method = request.path_params["method"]
        body, kind = await request.body(), request.headers.get("content-type", "")
        async with httpx2.AsyncClient(timeout=100) as http:

            async def ask() -> tuple[int, dict[str, Any]]:
                headers = {"content-type": kind} if kind else {}
                answer = await http.post(f"{self._emulator}{request.url.path}", content=body, headers=headers)
                return answer.status_code, answer.json()

            status, said = await ask()
            waits = iter(range(int(_POLL_SECONDS / _LOOK_SECONDS)))
            while method.lower() == "getupdates" and not said.get("result") and next(waits, None) is not None:
                await asyncio.sleep(_LOOK_SECONDS)
                status, said = await ask()
        if _UNKNOWN in said.get("message", ""):
            self.missing[method] += 1
            return JSONResponse({"ok": False, "error_code": 404, "description": "Not Found"}, 404)
        return JSONResponse(_corrected(method, said), status)


def _corrected(method: str, said: dict[str, Any]) -> dict[str, Any]:
    """Return an answer in the Bot API's form."""
    result = said.get("result")
    match method.lower():
        case "getme":
            result = {**said["result"], "is_bot": True}
        case "sendmessage":
            result = {name: value for name, value in said["result"].items() if name in _MESSAGE}
            result["date"] //= 1000
        case "getupdates":
            result = [_update(update) for update in said["result"]]
    return {**said, "result": True if result is None else result}


def _update(update: dict[str, Any]) -> dict[str, Any]:
    if "callback_query" in update:
        return {**update, "callback_query": {**update["callback_query"], "chat_instance": "1"}}
    if "edits" not in (message := update["message"]):
        return update
    edited = {**message, "message_id": message["edits"], "edit_date": message["date"]}
    return {"update_id": update["update_id"], "edited_message": edited}
