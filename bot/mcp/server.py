"""The MCP server: lists tools and calls them, over stdin and stdout, or over HTTP with a token."""

import contextlib
import json
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import anyio
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
)
from pydantic import SecretStr, ValidationError
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.http_server import check_address, guard_of, on_stop_signal, run_server
from bot.mcp.memory_queries import MemoryQueries
from bot.mcp.process_queries import ProcessQueries
from bot.mcp.read_tool import DATA_NOTE, ReadTool
from bot.mcp.turn_queries import TurnQueries
from graph.observability.redaction import Redaction, secrets_of
from graph.runtime.agent import Agent
from graph.settings.server_settings import McpSettings
from graph.studio.http_guard import HttpGuard, has_bearer_token
from memory.concurrency.tasks import within
from memory.errors import ConfigError, GoatError
from memory.prompt.prompt import escape_fences
from memory.text.text import clean

SECONDS = 30.0
INSTRUCTIONS = (
    "Read-only inspection of GOAT, a personal agent with layered memory, for one owner. Begin with "
    "`memory_status`. To see why something was or was not remembered, find the turn with `search_memory` or "
    "`list_threads`, then ask `diagnose_turn`. Nothing here changes anything. " + DATA_NOTE
)
McpServer = Server[dict[str, Any]]
logger = logging.getLogger(__name__)


def agent_server(agent: Agent, owner: str) -> McpServer:
    """Make a server over an open agent, for one owner."""
    redact = Redaction(secrets_of(agent.layers.settings))
    memory, turns = MemoryQueries(owner, agent.layers), TurnQueries(owner, agent)
    process = ProcessQueries(owner, agent.layers, redact)
    return build_server([*memory.tools(), *turns.tools(), *process.tools()], redact)


def build_server(tools: Sequence[ReadTool], redact: Redaction) -> McpServer:
    """Make a server that offers `tools`; `redact` removes secrets from every answer."""
    by_name = {tool.name: tool for tool in tools}
    definitions = [tool.definition() for tool in tools]

    async def list_tools(_: ServerRequestContext[Any], __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=definitions)

    async def call_tool(_: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
        tool = by_name.get(params.name)
        if tool is None:
            return _error(f"There is no tool {params.name[:80]!r}. There are: {', '.join(by_name)}.")
        return await _call(tool, params.arguments or {}, redact)

    return Server(
        "goat",
        title="GOAT memory",
        version=version("goat2"),
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


async def _call(tool: ReadTool, arguments: Mapping[str, Any], redact: Redaction) -> CallToolResult:
    try:
        checked = tool.checked(arguments)
    except ValidationError as error:
        return _error(redact(_explain(tool, error)))
    try:
        answer = await within(tool.answer(checked), SECONDS)
    except TimeoutError:
        return _error(
            f"{tool.name} did not finish in {SECONDS:g} s. memory_status says which parts are down."
        )
    except GoatError as error:
        return _error(redact(str(error)))
    except Exception:  # the edge of a call: the SDK would show the client the error's text
        logger.exception("The tool %s failed", tool.name)
        return _error(f"{tool.name} failed because of a bug in GOAT; its log says more.")
    return _result(_map_texts(answer if tool.hides_secrets else redact.within(answer), escape_fences))


def _map_texts(value: Any, change: Callable[[str], str]) -> Any:
    """Return a JSON value with `change` applied to its texts."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _map_texts(one, change) for key, one in value.items()}
    return [_map_texts(one, change) for one in value] if isinstance(value, list) else value


def _result(answer: Any) -> CallToolResult:
    """Return an answer as text and as JSON values, with lone surrogates replaced."""
    text = clean(json.dumps(answer, ensure_ascii=False))
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=json.loads(text))


def _error(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=clean(text))], is_error=True)


def _explain(tool: ReadTool, error: ValidationError) -> str:
    """Describe the wrong arguments, and name the known ones."""
    problems = [
        f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}." for one in error.errors()[:10]
    ]
    known = ", ".join(tool.definition().input_schema["properties"]) or "none"
    return " ".join([f"{tool.name} got wrong arguments.", *problems, f"It takes: {known}."])


PATH = "/mcp"
MOST_BYTES = 1_000_000
"""Longest request body."""
_BLOCK = 65_536


async def serve_stdio(server: McpServer) -> None:
    """Serve until stdin is closed or the process is stopped; stdout carries only the protocol."""
    with _lines_of(sys.stdin.fileno()) as (lines, end), on_stop_signal(end):
        try:
            async with stdio_server(stdin=lines) as (received, sent):
                await server.run(received, sent, server.create_initialization_options())
        except* BrokenPipeError:
            logger.info("The client disconnected")


@contextlib.contextmanager
def _lines_of(descriptor: int) -> Iterator[tuple[anyio.AsyncFile[str], Callable[[], None]]]:
    """Yield stdin's lines, and a function that ends them: a thread blocked on stdin cannot be woken."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        threading.Thread(target=_pump, args=(descriptor, theirs), name="goat-stdin", daemon=True).start()
        with ours.makefile("r", encoding="utf-8", errors="replace") as text:
            yield anyio.wrap_file(text), lambda: _shut(theirs)


def _pump(descriptor: int, into: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while block := os.read(descriptor, _BLOCK):
            into.sendall(block)
    _shut(into)


def _shut(channel: socket.socket) -> None:
    with contextlib.suppress(OSError):
        channel.shutdown(socket.SHUT_WR)


async def serve_http(
    server: McpServer, settings: McpSettings, address: str, announce: Callable[[str], None]
) -> None:
    """Serve until the process is stopped; call `announce` with the URL once it is bound.

    Raises:
        ConfigError: the settings do not permit HTTP, or the address cannot be used.
    """
    check_http(settings, address)
    app = http_app(server, settings, address)
    await run_server(app, address, "GOAT_MCP_LISTEN", lambda: announce(f"http://{address}{PATH}"))


def http_app(server: McpServer, settings: McpSettings, address: str) -> ASGIApp:
    """Return the stateless application, which any number of clients may call at once."""
    guard = guard_of(address, settings.mcp_names)
    app = server.streamable_http_app(
        streamable_http_path=PATH,
        json_response=True,
        stateless_http=True,
        max_request_body_size=MOST_BYTES,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    return _token_required(app, settings.mcp_token, guard)


def _token_required(app: ASGIApp, token: SecretStr, guard: HttpGuard) -> ASGIApp:
    """Pass only POST requests with `Authorization: Bearer <token>` to `app`; other bodies are not read.

    The server is stateless: there is no stream to GET and no session to DELETE.
    """

    def refusal(scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if scope["type"] != "http" or not has_bearer_token(headers, token):
            return _without_token(headers)
        if scope["method"] != "POST":
            return PlainTextResponse("Post.", 405, {"Allow": "POST"})
        if refused := guard.refusal(headers):
            status, why = refused
            return PlainTextResponse(why, status)
        return None

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        refused = None if scope["type"] == "lifespan" else refusal(scope)
        await (refused or app)(scope, receive, send)

    return guarded


def _without_token(headers: Headers) -> JSONResponse:
    challenge = 'Bearer realm="goat"' + (', error="invalid_token"' if "authorization" in headers else "")
    what = "Send the header `Authorization: Bearer <token>` with what GOAT_MCP_TOKEN holds."
    return JSONResponse({"error": what}, status_code=401, headers={"WWW-Authenticate": challenge})


def check_http(settings: McpSettings, address: str) -> None:
    """Raise `ConfigError` unless the settings permit HTTP at this address."""
    check_address(address, settings.mcp_names, "GOAT_MCP_HOSTS", "goat.lan:8765")
    if not settings.mcp_token.get_secret_value():
        raise ConfigError(
            "Over HTTP the MCP server needs a token: set GOAT_MCP_TOKEN, for instance to what "
            "`openssl rand -hex 32` prints, and give it to the clients."
        )
