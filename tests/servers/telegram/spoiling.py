"""Faults that tests cause."""

from typing import Any

from tests.servers.telegram.runner import Runner


class Spoiling(Runner):
    """Faults, limits and revoked tokens."""

    def revoke(self) -> str:
        """Revoke the token and return a new one."""
        return str(self.run("revoke"))

    def fail(
        self,
        method: str = "*",
        status: int = 500,
        *,
        retry_after: int | None = None,
        times: int | None = None,
        chat: int | None = None,
        probability: float | None = None,
        description: str = "",
        html: bool = False,
    ) -> None:
        """Refuse calls: once by default, or with a probability. `send*` matches several methods."""
        rule = {"status": status, "retry_after": retry_after, "description": description, "html": html}
        self._fault("fail", method, times, probability, chat=chat, **rule)

    def drop(
        self,
        method: str = "*",
        when: str = "before",
        *,
        times: int | None = None,
        chat: int | None = None,
        probability: float | None = None,
    ) -> None:
        """Close the connection `before` the effect of a call, or `after` it without an answer."""
        if when not in {"before", "after"}:
            raise ValueError("A connection is dropped before or after the effect.")
        self._fault(f"drop_{when}", method, times, probability, chat=chat)

    def delay(
        self, method: str, seconds: float, *, times: int | None = None, probability: float | None = None
    ) -> None:
        """Delay calls before they have any effect."""
        self._fault("delay", method, times, probability, seconds=seconds)

    def _fault(
        self, kind: str, method: str, times: int | None, probability: float | None, **rule: Any
    ) -> None:
        if times is None and probability is None:
            times = 1
        self.run("fault", kind=kind, method=method, times=times, probability=probability, **rule)

    def clear_faults(self, seed: int | None = None) -> None:
        """Remove all faults; a seed restarts the random generator."""
        self.run("clear_faults", seed=seed)

    def flood(
        self,
        per_chat_per_second: float | None = None,
        group_per_minute: float | None = None,
        total_per_second: float | None = None,
    ) -> None:
        """Set the flood limits; omitted ones are off."""
        limits = {"per_chat_per_second": per_chat_per_second, "group_per_minute": group_per_minute}
        self.run("flood", total_per_second=total_per_second, **limits)

    def webhook_backoff(self, first: float, most: float) -> None:
        """Set the seconds after which a failed update is posted again."""
        self.run("webhook_backoff", first=first, most=most)
