"""Limits on how fast a bot may write."""

import math
import time
from collections import defaultdict, deque

from tests.servers.telegram.refusals import too_many_requests

COUNTED = frozenset(
    [
        "sendmessage",
        "editmessagetext",
        "editmessagereplymarkup",
        "editmessagemedia",
        "sendphoto",
        "senddocument",
        "sendvoice",
    ]
)


class Flood:
    """Refuses calls over the limits; all limits are off by default."""

    def __init__(self) -> None:
        self._limits: list[tuple[str, float, float]] = []
        self._times: dict[tuple[str, str], deque[float]] = defaultdict(deque)

    def limit(
        self,
        per_chat_per_second: float | None = None,
        group_per_minute: float | None = None,
        total_per_second: float | None = None,
    ) -> None:
        """Set all limits anew; None lifts one."""
        given = (
            ("chat", per_chat_per_second, 1),
            ("group", group_per_minute, 60),
            ("all", total_per_second, 1),
        )
        self._limits = [(scope, most, float(span)) for scope, most, span in given if most is not None]
        self._times.clear()

    def check(self, method: str, chat: str) -> None:
        """Count a call, or refuse it where it comes too soon."""
        if not self._limits or method not in COUNTED:
            return
        moment = time.monotonic()
        windows = [self._window(limit, chat, moment) for limit in self._limits if _concerns(limit[0], chat)]
        wait = max((wait for _, wait in windows), default=0.0)
        if wait > 0:
            raise too_many_requests(max(1, math.ceil(wait)))
        for times, _ in windows:
            times.append(moment)

    def _window(
        self, limit: tuple[str, float, float], chat: str, moment: float
    ) -> tuple[deque[float], float]:
        scope, most, span = limit
        if most < 1:
            most, span = 1, span / most
        times = self._times[scope, "" if scope == "all" else chat]
        while times and times[0] <= moment - span:
            times.popleft()
        return times, (times[0] + span - moment if len(times) >= most else 0.0)


def _concerns(scope: str, chat: str) -> bool:
    return scope != "group" or chat.startswith("-")
