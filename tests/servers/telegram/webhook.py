"""Webhooks: the methods that set them, and the delivery of updates to them."""

import asyncio
import json
import time
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.servers.telegram.body import Parameters
from tests.servers.telegram.refusals import bad_request
from tests.servers.telegram.state import State, now

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
TERMINATED = "Conflict: terminated by setWebhook request"
DEFAULT_CONNECTIONS = 40
TIMEOUT = 30.0
IDLE = 5.0


def set_webhook(state: State, parameters: Parameters) -> bool:
    """Set the webhook's URL; an empty one removes it."""
    url = parameters.text("url")
    if not url:
        return delete_webhook(state, parameters)
    if urlsplit(url).scheme not in {"http", "https"}:
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    state.updates.choose(parameters.json("allowed_updates"))
    connections = min(100, max(1, parameters.integer("max_connections", DEFAULT_CONNECTIONS)))
    secret = parameters.text("secret_token")
    state.webhook = {"url": url, "secret_token": secret, "max_connections": connections}
    _drop(state, parameters)
    state.updates.webhook_is_set = True
    state.updates.terminate_poll(TERMINATED)
    return True


def delete_webhook(state: State, parameters: Parameters) -> bool:
    """Remove the webhook."""
    state.webhook = {}
    state.updates.webhook_is_set = False
    _drop(state, parameters)
    return True


def _drop(state: State, parameters: Parameters) -> None:
    if parameters.flag("drop_pending_updates"):
        state.updates.drop_all()


def get_webhook_info(state: State, _: Parameters) -> dict[str, Any]:
    """Return the webhook's URL, its pending updates and its last error."""
    known = {key: value for key, value in state.webhook.items() if key != "secret_token"}
    info = {"url": "", "has_custom_certificate": False, "pending_update_count": len(state.updates.pending)}
    allowed = {"allowed_updates": sorted(state.updates.allowed)} if state.updates.allowed else {}
    return info | known | allowed


class Deliverer:
    """Posts updates to the webhook until each is answered with 2xx.

    Updates of one chat are posted in order, those of several chats in parallel, as Telegram does.

    Attributes:
        backoff: first and maximum seconds until a failed update is posted again.
    """

    def __init__(self, state: State) -> None:
        self.backoff = (0.1, 2.0)
        self._state = state
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._due: dict[str, float] = {}
        self._pauses: dict[str, float] = {}

    async def run(self) -> None:
        """Deliver until the server closes."""
        limits = httpx.Limits(max_connections=100)
        async with httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, verify=False, limits=limits) as client:
            while not self._state.changes.closed:
                version = self._state.changes.version
                wait = self._start(client)
                await self._state.changes.after(version, wait)

    def _start(self, client: httpx.AsyncClient) -> float:
        """Start the due deliveries, and return the seconds until the next."""
        wait = IDLE
        for lane, number in self._first_of_each_lane().items():
            late = self._due.get(lane, 0.0) - time.monotonic()
            if lane in self._busy or len(self._busy) >= self._state.webhook["max_connections"]:
                continue
            if late > 0:
                wait = min(wait, late)
                continue
            self._busy[lane] = asyncio.create_task(self._deliver(client, lane, number))
        return wait

    def _first_of_each_lane(self) -> dict[str, int]:
        first: dict[str, int] = {}
        if self._state.webhook:
            for number, update in sorted(self._state.updates.pending.items(), key=lambda pair: pair[0]):
                first.setdefault(_lane(number, update), number)
        return first

    async def _deliver(self, client: httpx.AsyncClient, lane: str, number: int) -> None:
        webhook, update = self._state.webhook, self._state.updates.pending[number]
        try:
            headers = {SECRET_HEADER: webhook["secret_token"]} if webhook["secret_token"] else {}
            problem = await _post(client, webhook["url"], update, headers)
        finally:
            del self._busy[lane]
        if problem:
            self._put_off(lane)
            webhook |= {"last_error_date": now(), "last_error_message": problem}
        else:
            self._due.pop(lane, None)
            self._pauses.pop(lane, None)
            self._state.updates.acknowledge(number)
        self._state.changes.note()

    def _put_off(self, lane: str) -> None:
        first, most = self.backoff
        pause = self._pauses[lane] = min(most, 2 * self._pauses[lane]) if lane in self._pauses else first
        self._due[lane] = time.monotonic() + pause


async def _post(client: httpx.AsyncClient, url: str, update: Any, headers: dict[str, str]) -> str:
    """Post an update, and return the error, if any."""
    headers = headers | {"content-type": "application/json"}
    try:
        response = await client.post(url, content=json.dumps(update), headers=headers)
    except httpx.HTTPError as error:
        return "Connection refused" if isinstance(error, httpx.ConnectError) else type(error).__name__
    if response.is_success:
        return ""
    return f"Wrong response from the webhook: {response.status_code} {response.reason_phrase}"


def _lane(number: int, update: Any) -> str:
    """Return the key of updates that are delivered in order: their chat; other updates are independent."""
    contents = update.values() if isinstance(update, dict) else ()
    for content in contents:
        message = content.get("message", content) if isinstance(content, dict) else None
        chat = message.get("chat") if isinstance(message, dict) else None
        if isinstance(chat, dict) and "id" in chat:
            return f"chat {chat['id']}"
    return f"update {number}"


METHODS = {
    "setWebhook": set_webhook,
    "deleteWebhook": delete_webhook,
    "getWebhookInfo": get_webhook_info,
}
