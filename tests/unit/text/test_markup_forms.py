"""Every known form of a written tool call is read, typed by the schema, and leaves no markup in the text."""

import json
from collections.abc import Mapping
from typing import Any

from memory.markup.scanner import parse_calls
from tests.tables import each

TOOLS: Mapping[str, Mapping[str, Any]] = {
    "search_memory": {
        "type": "object",
        "properties": {
            "query": {"type": "string"},
            "limit": {"type": "integer"},
            "exact": {"type": "boolean"},
            "weight": {"type": "number"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "where": {"type": "object"},
            "after": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
    },
    "memory_status": {"type": "object", "properties": {}},
}
TS = "antml:"
QUERY = {"query": "Miti's vet", "limit": 3}
JSON = '{"name": "search_memory", "arguments": {"query": "Miti\'s vet", "limit": 3}}'
ARGUMENTS = '{"query": "Miti\'s vet", "limit": 3}'
DSML = (
    '<｜DSML｜invoke name="search_memory">\n<｜DSML｜parameter name="query" string="true">Miti\'s vet'
    '</｜DSML｜parameter>\n<｜DSML｜parameter name="limit" string="false">3</｜DSML｜parameter>'
    "\n</｜DSML｜invoke>"
)
INVOKE = (
    '<invoke name="search_memory">\n<parameter name="query">Miti\'s vet</parameter>\n'
    '<parameter name="limit">3</parameter>\n</invoke>'
)
FUNCTION = (
    "<function=search_memory>\n<parameter=query>\nMiti's vet\n</parameter>\n"
    "<parameter=limit>\n3\n</parameter>\n</function>"
)
OLD = "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>"
OLD_END = "<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
FORMS = {
    "DSML, V3.2": f"<｜DSML｜function_calls>\n{DSML}\n</｜DSML｜function_calls>",
    "DSML, V4": f"<｜DSML｜tool_calls>\n{DSML}\n</｜DSML｜tool_calls>",
    "DSML, ASCII": f"<｜DSML｜tool_calls>\n{DSML}\n</｜DSML｜tool_calls>".replace("｜", "|"),
    "DSML, double bars": f"<｜DSML｜function_calls>\n{DSML}\n</｜DSML｜function_calls>".replace("｜", "｜｜"),
    "DSML, double line": f"<｜DSML｜tool_calls>\n{DSML}\n</｜DSML｜tool_calls>".replace("｜", "‖"),
    "DSML, spaces": f"<｜DSML｜calls>\n{DSML}\n</｜DSML｜calls>".replace("DSML｜", "DSML｜ "),
    "DSML, no section": DSML,
    "DSML, no opening of the section": f"{DSML}\n</｜DSML｜tool_calls>",
    "DSML, no end of the section": f"<｜DSML｜tool_calls>\n{DSML}",
    "DSML, no end of the call": f"<｜DSML｜tool_calls>\n{DSML}".removesuffix("</｜DSML｜invoke>"),
    "DSML, JSON": f'<｜DSML｜calls><｜DSML｜invoke name="search_memory">{ARGUMENTS}</｜DSML｜invoke>',
    "DeepSeek, R1": f"{OLD}function<｜tool▁sep｜>search_memory\n```json\n{ARGUMENTS}\n```{OLD_END}",
    "DeepSeek, V3.1": f"{OLD}search_memory<｜tool▁sep｜>{ARGUMENTS}{OLD_END}",
    "DeepSeek, ASCII": f"{OLD}search_memory<｜tool▁sep｜>{ARGUMENTS}{OLD_END}".replace("｜", "|").replace(
        "▁", "_"
    ),
    "Hermes": f"<tool_call>\n{JSON}\n</tool_call>",
    "Hermes, no end": f"<tool_call>\n{JSON}",
    "Hermes, a list": f"<tool_call>[{JSON}]</tool_call>",
    "Jamba": f"<tool_calls>[{JSON}]</tool_calls>",
    "Qwen3-Coder": f"<tool_call>\n{FUNCTION}\n</tool_call>",
    "Qwen3-Coder, no opening": f"{FUNCTION}\n</tool_call>",
    "Llama, function": f"<function=search_memory>{ARGUMENTS}</function>",
    "Llama, tag": f"<|python_tag|>{JSON}<|eom_id|>".replace("arguments", "parameters"),
    "Mistral, list": f"[TOOL_CALLS][{JSON}]",
    "Mistral, spaced": f"[TOOL_CALLS] [{JSON}]",
    "Mistral, name": f"[TOOL_CALLS]search_memory[ARGS]{ARGUMENTS}",
    "Mistral, name and id": f"[TOOL_CALLS]search_memory[CALL_ID]abc123456[ARGS]{ARGUMENTS}",
    "Mistral, bare name": f"[TOOL_CALLS]search_memory{ARGUMENTS}",
    "GLM": (
        "<tool_call>search_memory\n<arg_key>query</arg_key>\n<arg_value>Miti's vet</arg_value>\n"
        "<arg_key>limit</arg_key>\n<arg_value>3</arg_value>\n</tool_call>"
    ),
    "Kimi": (
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.search_memory:0"
        f"<|tool_call_argument_begin|>{ARGUMENTS}<|tool_call_end|><|tool_calls_section_end|>"
    ),
    "calls in tags": f"<function_calls>\n{INVOKE}\n</function_calls>",
    "calls in tags with a prefix": f"<function_calls>\n{INVOKE}\n</function_calls>".replace("</", f"</{TS}")
    .replace("<i", f"<{TS}i")
    .replace("<f", f"<{TS}f")
    .replace("<p", f"<{TS}p"),
    "MiniMax": f"<minimax:tool_call>\n{INVOKE}\n</minimax:tool_call>",
    "fence": f"```json\n{JSON}\n```",
    "fence of calls": f"```tool_call\n{JSON}\n```",
    "fence without an end": f"```json\n{JSON}\n",
}
BARE = {
    "object": JSON,
    "list": f"[{JSON}]",
    "parameters": JSON.replace("arguments", "parameters"),
    "args": JSON.replace("arguments", "args"),
    "arguments first": '{"arguments": {"query": "Miti\'s vet", "limit": 3}, "name": "search_memory"}',
    "arguments as a string": json.dumps({"name": "search_memory", "arguments": ARGUMENTS}),
    "OpenAI's": f'{{"type": "function", "function": {JSON}}}',
}


@each("form", FORMS)
def test_a_form_is_read(form: str) -> None:
    parsed = parse_calls(FORMS[form], TOOLS)
    assert [(call.name, call.arguments) for call in parsed.calls] == [("search_memory", QUERY)]
    assert (parsed.text, parsed.broken) == ("", ())


CLOSED = [form for form in FORMS if "no end of the call" not in form and "fence without" not in form]
"""What follows one of these stands outside of it."""


@each("form", FORMS)
def test_text_before_a_call_stays(form: str) -> None:
    parsed = parse_calls(f"Let me look.\n\n{FORMS[form]}", TOOLS)
    assert (parsed.text, len(parsed.calls), parsed.broken) == ("Let me look.", 1, ())


@each("form", CLOSED)
def test_a_form_twice_is_two_calls_and_text_after_them_stays(form: str) -> None:
    parsed = parse_calls(f"{FORMS[form]}\n{FORMS[form]}\n\nOne moment.", TOOLS)
    assert [call.arguments for call in parsed.calls] == [QUERY, QUERY]
    assert (parsed.text, parsed.broken) == ("One moment.", ())


@each("form", BARE)
def test_a_reply_that_is_json_is_a_call(form: str) -> None:
    parsed = parse_calls(f"\n{BARE[form]}\n", TOOLS)
    assert [(call.name, call.arguments) for call in parsed.calls] == [("search_memory", QUERY)]
    assert (parsed.text, parsed.broken) == ("", ())
