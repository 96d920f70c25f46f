"""LangGraph's authentication hook, named in `langgraph.json`; works also without `StudioDoor`."""

import asyncio
from functools import cache, partial

from langgraph_sdk import Auth
from starlette.datastructures import Headers

from graph.studio.run_request import check_context, check_run
from graph.studio.state_folder import studio_folder
from graph.studio.studio_door import has_token
from graph.studio.studio_graph import ConfiguredContext, layers, thread_owner, waiting_calls
from graph.studio.studio_token import StudioToken

auth = Auth()


@cache
def studio_token() -> StudioToken:
    """Return the server's token, read once."""
    return StudioToken.load(studio_folder(layers().settings.data_folder))


@auth.authenticate
async def authenticate(headers: dict[bytes, bytes]) -> Auth.types.MinimalUserDict:
    """Authenticate the bearer of the token as the owner, and reload settings whose files have changed."""
    token = await asyncio.to_thread(studio_token)
    if not has_token(Headers(raw=list(headers.items())), token):
        raise Auth.exceptions.HTTPException(401, "Show the token of this server.")
    await layers().live.refresh()
    return {"identity": layers().settings.owner}


@auth.on.threads.create_run
async def check(ctx: Auth.types.AuthContext, value: Auth.types.RunsCreate) -> None:  # noqa: ARG001 - by name
    """Check a run before its message is in the thread."""
    thread = str(value.get("thread_id"))
    waiting, owner = partial(waiting_calls, thread), partial(thread_owner, thread)
    await check_run(value["kwargs"], ConfiguredContext, waiting, owner)


@auth.on.assistants.create
async def check_new_assistant(ctx: Auth.types.AuthContext, value: Auth.types.AssistantsCreate) -> None:  # noqa: ARG001
    """Check the context that an assistant gives to its runs."""
    check_context(value.get("context"), ConfiguredContext)


@auth.on.assistants.update
async def check_assistant(ctx: Auth.types.AuthContext, value: Auth.types.AssistantsUpdate) -> None:  # noqa: ARG001
    """Check the context of a changed assistant."""
    check_context(value.get("context"), ConfiguredContext)


@auth.on
async def allow(ctx: Auth.types.AuthContext, value: object) -> None:
    """Authorize every authenticated request."""
