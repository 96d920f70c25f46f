"""The queue of updates, and the bot's polling."""

import time
from collections import deque
from typing import Any

from tests.servers.telegram.body import Parameters
from tests.servers.telegram.changes import Changes
from tests.servers.telegram.refusals import Refused, bad_request

NOT_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
MAX_TIMEOUT = 50
REMEMBERED = 50_000
CONFLICT = "Conflict: "
OTHER_POLLER = CONFLICT + (
    "terminated by other getUpdates request; make sure that only one bot instance is running"
)
WEBHOOK_IS_SET = CONFLICT + (
    "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)


class Updates:
    """Unacknowledged updates by id, and the kinds that the bot wants."""

    def __init__(self, changes: Changes) -> None:
        self.pending: dict[int, Any] = {}
        self.acknowledged: deque[int] = deque(maxlen=REMEMBERED)
        self.allowed: frozenset[str] = frozenset()
        """Empty for the default."""
        self.webhook_is_set = False
        self._last_id = 1000
        self._changes = changes
        self._poller = 0
        self._terminated = OTHER_POLLER

    def add(self, kind: str, content: dict[str, Any]) -> int | None:
        """Queue an update under the next id; return None where the bot does not want its kind."""
        if not self._wants(kind):
            return None
        self._last_id += 1
        return self._queue(self._last_id, {"update_id": self._last_id, kind: content})

    def _wants(self, kind: str) -> bool:
        return kind in self.allowed if self.allowed else kind not in NOT_BY_DEFAULT

    def add_raw(self, update: Any, *, numbered: bool = True) -> int:
        """Queue any object; one without an id gets one, unless told otherwise."""
        given = update.get("update_id") if isinstance(update, dict) else None
        number = given if isinstance(given, int) else self._last_id + 1
        self._last_id = max(self._last_id, number)
        if isinstance(update, dict) and "update_id" not in update and numbered:
            update = {"update_id": number, **update}
        return self._queue(number, update)

    def _queue(self, number: int, update: Any) -> int:
        self.pending[number] = update
        self._changes.note()
        return number

    def acknowledge(self, number: int) -> None:
        """Remove an acknowledged update."""
        if self.pending.pop(number, None) is not None:
            self.acknowledged.append(number)
            self._changes.note()

    def drop_all(self) -> None:
        """Drop the queued updates."""
        self.pending.clear()
        self._changes.note()

    def choose(self, allowed: object) -> None:
        """Set the kinds of later updates that the bot wants."""
        if allowed is None:
            return
        if not isinstance(allowed, list):
            raise bad_request("can't parse allowed updates JSON object")
        self.allowed = frozenset(str(kind) for kind in allowed)

    def terminate_poll(self, why: str) -> None:
        """Make a waiting poll fail with a conflict."""
        self._poller += 1
        self._terminated = why
        self._changes.note()

    async def poll(self, parameters: Parameters) -> list[Any]:
        """Answer getUpdates: at once with updates, else within the timeout."""
        if self.webhook_is_set:
            raise Refused(409, WEBHOOK_IS_SET)
        self.terminate_poll(OTHER_POLLER)
        poller, offset = self._poller, parameters.integer("offset")
        self.choose(parameters.json("allowed_updates"))
        self._acknowledge_below(offset)
        until = time.monotonic() + min(MAX_TIMEOUT, parameters.integer("timeout"))
        limit = min(100, max(1, parameters.integer("limit", 100)))
        while not self.pending and time.monotonic() < until and not self._changes.closed:
            await self._changes.after(self._changes.version, until - time.monotonic())
            if poller != self._poller:
                raise Refused(409, self._terminated)
        return [self.pending[number] for number in sorted(self.pending)][:limit]

    def _acknowledge_below(self, offset: int) -> None:
        numbers = sorted(self.pending)
        taken = [number for number in numbers if number < offset] if offset >= 0 else numbers[:offset]
        for number in taken:
            self.acknowledge(number)
