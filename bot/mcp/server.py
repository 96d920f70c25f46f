"""The MCP server, independent of its transport: lists tools and calls them."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
)
from pydantic import ValidationError

from bot.mcp.memory_queries import MemoryQueries
from bot.mcp.process_queries import ProcessQueries
from bot.mcp.read_tool import DATA_NOTE, ReadTool
from bot.mcp.turn_queries import TurnQueries
from graph.observability.redaction import Redaction, secrets_of
from graph.runtime.agent import Agent
from memory.concurrency.tasks import within
from memory.errors import GoatError
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
