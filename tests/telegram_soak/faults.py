"""Telegram's random faults during a trial."""

from tests.servers.telegram import RemoteBotApi

SHARE = 0.01
"""Probability of each fault; one call in twenty fails."""
_RETRY_AFTER = 1
_WRITING = ("send*", "edit*")


def let_go_wrong(api: RemoteBotApi, share: float = SHARE) -> None:
    """Refuse calls, and drop connections before and after their effect, from now on."""
    for method in _WRITING:
        api.fail(method, 429, retry_after=_RETRY_AFTER, probability=share)
    for method in (*_WRITING, "getUpdates"):
        api.fail(method, 500, probability=share)
        api.fail(method, 502, probability=share, html=True)
        api.drop(method, "before", probability=share)
        api.drop(method, "after", probability=share)
