"""One call of a method: its fault, its effect and its record."""

import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from tests.servers.telegram import asking, editing, media_editing, sending, webhook
from tests.servers.telegram.body import Parameters
from tests.servers.telegram.faults import Fault, Faults
from tests.servers.telegram.flood import Flood
from tests.servers.telegram.records import Call
from tests.servers.telegram.refusals import Refused, too_many_requests
from tests.servers.telegram.state import State

Method = Callable[[State, Parameters], Any]

NAMES: dict[str, str] = {}
METHODS: dict[str, Method] = {}
for methods in (
    asking.METHODS,
    sending.METHODS,
    editing.METHODS,
    media_editing.METHODS,
    webhook.METHODS,
):
    for method_name, method in methods.items():
        NAMES[method_name.lower()] = method_name
        METHODS[method_name] = method


class Dropped(Exception):
    """The connection is closed without an answer."""


class Broken(Exception):
    """The answer is a page of a proxy."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Answers calls."""

    state: State
    faults: Faults
    flood: Flood

    async def answer(self, name: str, parameters: Parameters) -> tuple[int, dict[str, Any]]:
        """Run a method; return status and answer, or raise where none is sent."""
        at, name = time.monotonic(), NAMES.get(name.lower(), name)
        chat = parameters.text("chat_id")
        try:
            await self._spoil(name, chat)
            status, body = await self._done(name, parameters)
        except (Dropped, Broken) as error:
            self._record(at, name, parameters, getattr(error, "status", 0), type(error).__name__)
            raise
        lost = self.faults.take("drop_after", name, chat) is not None
        self._record(at, name, parameters, status, body.get("description", ""), lost=lost)
        if lost:
            raise Dropped
        return status, body

    async def _spoil(self, name: str, chat: str) -> None:
        delay = self.faults.take("delay", name, chat)
        if delay:
            await self.state.changes.pause(delay.seconds)
        if self.faults.take("drop_before", name, chat):
            raise Dropped

    async def _done(self, name: str, parameters: Parameters) -> tuple[int, dict[str, Any]]:
        chat = parameters.text("chat_id")
        try:
            _fail(self.faults.take("fail", name, chat))
            self.flood.check(name.lower(), chat)
            result = METHODS.get(name, _unknown)(self.state, parameters)
            result = await result if inspect.isawaitable(result) else result
        except Refused as refused:
            return refused.status, refused.body
        return 200, {"ok": True, "result": result}

    def _record(
        self,
        at: float,
        name: str,
        parameters: Parameters,
        status: int,
        description: str,
        *,
        lost: bool = False,
    ) -> None:
        took = time.monotonic() - at
        values = parameters.values | {
            field: f"<{len(file.content)} bytes>" for field, file in parameters.files.items()
        }
        self.state.calls.append(Call(at, name, values, status, description, lost, took))
        self.state.changes.note()


def _unknown(_: State, __: Parameters) -> None:
    raise Refused(404, "Not Found: method not found")


def _fail(fault: Fault | None) -> None:
    if fault is None:
        return
    if fault.html:
        raise Broken(fault.status)
    if fault.status == 429:
        refused = too_many_requests(1 if fault.retry_after is None else fault.retry_after)
        raise Refused(429, fault.description or refused.description, **refused.parameters)
    more = {} if fault.retry_after is None else {"retry_after": fault.retry_after}
    raise Refused(fault.status, fault.description or HTTPStatus(fault.status).phrase, **more)
