"""LangGraph's own check of who calls, which `langgraph.json` names: it holds also without the door."""

import asyncio
from functools import cache

from langgraph_sdk import Auth
from starlette.datastructures import Headers

from graph.studio.state_folder import studio_folder
from graph.studio.studio_door import shows
from graph.studio.studio_graph import layers
from graph.studio.studio_token import StudioToken

auth = Auth()


@cache
def studio_token() -> StudioToken:
    """Return the token of the server, read once."""
    return StudioToken.kept_in(studio_folder(layers().settings.data_folder))


@auth.authenticate
async def authenticate(headers: dict[bytes, bytes]) -> Auth.types.MinimalUserDict:
    """Let in who shows the token, as the one person there is."""
    token = await asyncio.to_thread(studio_token)
    if not shows(Headers(raw=list(headers.items())), token):
        raise Auth.exceptions.HTTPException(401, "Show the token of this server.")
    return {"identity": layers().settings.owner}


@auth.on
async def allow(ctx: Auth.types.AuthContext, value: object) -> None:
    """Refuse nothing to who is let in."""
