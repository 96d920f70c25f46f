"""The control interface of a server in another process."""

import json
from typing import Any

import httpx

from tests.servers.telegram.people import NotThere
from tests.servers.telegram.surface import Surface

TIMEOUT = 60.0


class RemoteBotApi(Surface):
    """Does over HTTP what `BotApi` does in its own process; thread-safe."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._client = httpx.Client(timeout=TIMEOUT, trust_env=False)

    @property
    def url(self) -> str:
        """The address of the server, without a slash at the end."""
        return self._url

    def run(self, operation: str, **parameters: Any) -> Any:
        """Run an operation; raises the errors of `BotApi`."""
        # httpx's own encoding refuses lone surrogates.
        content = json.dumps(parameters).encode()
        response = self._client.post(f"{self._url}/control/{operation}", content=content)
        answer = response.json()
        if response.status_code == 404:
            raise NotThere(answer["error"])
        if response.status_code == 400:
            raise ValueError(answer["error"])
        response.raise_for_status()
        return answer["result"]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> "RemoteBotApi":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
