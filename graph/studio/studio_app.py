"""ASGI application in front of LangGraph's, named in `langgraph.json`."""

import os
import sys

from starlette.applications import Starlette
from starlette.middleware import Middleware

from graph.settings.server_settings import STUDIO
from graph.studio.state_folder import keep_state_in, studio_folder
from graph.studio.studio_auth import studio_token
from graph.studio.studio_door import DoorConfig, StudioDoor
from graph.studio.studio_graph import layers

_URL = "LANGGRAPH_API_URL"
"""Variable in which LangGraph gives its URL."""
_USUAL_URL = "http://127.0.0.1:2024"


def configure_door() -> DoorConfig:
    """Read settings and token, and move the server's state to the private folder.

    Raises:
        GoatError: a setting is invalid, or the data folder cannot be used; the server does not start.
    """
    settings = layers().settings
    moved = keep_state_in(studio_folder(settings.data_folder) / "state")
    token = studio_token()
    url = os.environ.get(_URL) or _USUAL_URL
    return DoorConfig(
        settings,
        token,
        url,
        f"{moved}Studio, by this address and no other: {STUDIO}/studio/?baseUrl={url}/{token.key}\n"
        f"For langgraph-sdk: export LANGGRAPH_API_KEY={token.secret.get_secret_value()}\n",
    )


def _print(text: str) -> None:
    sys.stdout.write(f"\n{text}\n")
    sys.stdout.flush()


app = Starlette(middleware=[Middleware(StudioDoor, open_=configure_door, announce=_print)])
