"""What is a tool call in a text and what is not; what is broken; which types values get."""

import json
from typing import Any

from memory.markup import ParsedReply, VisibleText, parse_calls
from tests.tables import each
from tests.unit.text.test_markup_forms import FORMS, FUNCTION, JSON, TOOLS


def calls(text: str) -> list[tuple[str, dict[str, Any]]]:
    return [(call.name, call.arguments) for call in parse_calls(text, TOOLS).calls]


def with_parameter(name: str, value: str) -> str:
    return f"<function=search_memory>\n<parameter={name}>\n{value}\n</parameter>\n</function>"


@each(
    "text",
    [
        "",
        "1 < 2 and 3 > 2, [1] and {braces}",
        "The `<tool_call>` tag, and ``<｜DSML｜function_calls>`` too.",
        f"Write `{JSON}` inside `<tool_call>{JSON}</tool_call>`.",
        f"```xml\n<tool_call>\n{JSON}\n</tool_call>\n```",
        f"```\n<tool_call>\n{JSON}\n</tool_call>\n```\nas shown",
        f"~~~text\n{FUNCTION}\n~~~",
        "Models write <tool_call> around JSON, or <function_calls> around more.",
        "Mistral writes [TOOL_CALLS] first.",
        "Llama begins with <|python_tag|> and goes on.",
        "a closing </tool_call> alone, and </function>",
        '```json\n{"city": "Cluj"}\n```',
        '```json\n{"name": "Ana", "arguments": {}}\n```',
        '```json\n{"name": "search_memory"}\n```',
        '```python\nsearch_memory("Miti")\n```',
        '{"name": "Ana", "age": 7}',
        '{"name": "unknown_tool", "arguments": {}}',
        '{"city": "Cluj"}',
        "[1, 2, 3]",
        "[]",
        "{",
        "[link](https://example.org)",
        f"{JSON} is what I would write.",
        f"I would write {JSON}",
        "<｜DS",
        "[TOOL_",
        "<",
    ],
)
def test_what_is_no_call_stays_text(text: str) -> None:
    assert parse_calls(text, TOOLS) == ParsedReply(text=text.strip(), calls=(), broken=())


@each(
    "text",
    [
        '<tool_call>{"name": "search_memory", "arguments": {"query": "Mi',
        '<tool_call>{"name": "search_memory", "arguments": {"query": "Miti",}}</tool_call>',
        "<tool_call>{'name': 'search_memory'}</tool_call>",
        '<tool_call>{"arguments": {}}</tool_call>',
        '<tool_call>{"name": "search_memory", "arguments": [1]}</tool_call>',
        '<tool_call>{"name": "search_memory", "arguments": {"weight": NaN}}</tool_call>',
        f"<tool_call>{JSON}}}</tool_call>",
        "<tool_call>",
        "<tool_call>\n",
        "<tool_call>search_mem",
        "<tool_call>search_memory<arg_key>query</arg_key><arg_value>Mi",
        "<function=search_memory><parameter=query>Mi",
        "<function=search_memory><parameter=que",
        "<function=search_memory>Miti</function>",
        "<function=search_mem",
        '<invoke name="">\n</invoke>',
        "<｜DSML｜function_calls",
        "<｜DSML｜function_calls>",
        "<｜DSML｜function_calls>\nNow then.",
        '<｜DSML｜invoke name="search_memory"><｜DSML｜parameter name="query" string="true">Mi</｜DSML｜inv',
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function",
        "<|tool_call_begin|>functions.search_memory:0<|tool_call_argument_begin|>{",
        '[TOOL_CALLS][{"name": "search_memory", "arg',
        "[TOOL_CALLS]search_memory[ARGS]{",
        '<|python_tag|>brave_search.call(query="Miti")',
        '```json\n{"name": "search_memory", "arguments": {"query": "Mi',
        '{"name": "search_memory", "arguments": {"query": "Mi',
        "<tool_call>" + "[" * 1000,
    ],
)
def test_half_a_call_is_broken_and_not_shown(text: str) -> None:
    parsed = parse_calls(text, TOOLS)
    assert parsed.calls == ()
    assert len(parsed.broken) == 1
    assert "<" not in parsed.text
    assert "{" not in parsed.text


def test_what_is_broken_is_given_as_it_is_written_and_bounded() -> None:
    assert parse_calls("Well. <tool_call>{x}</tool_call>", TOOLS).broken == ("<tool_call>{x}</tool_call>",)
    assert len(parse_calls("<tool_call>{" + "x" * 9999, TOOLS).broken[0]) < 600
    assert len(parse_calls("<tool_call>{x}</tool_call>" * 99, TOOLS).broken) == 8


def test_a_broken_call_spoils_no_other() -> None:
    parsed = parse_calls(f"<tool_call>{{x}}</tool_call>\n{FORMS['Hermes']}\nDone.", TOOLS)
    assert (len(parsed.calls), len(parsed.broken), parsed.text) == (1, 1, "Done.")


@each("form", ["Hermes", "Mistral, list", "Llama, tag", "Kimi", "DSML, V4"])
@each("after", ["[1] As said.", "[link](https://example.org)", "`code`"])
def test_brackets_after_a_call_are_text(form: str, after: str) -> None:
    parsed = parse_calls(f"{FORMS[form]}\n{after}", TOOLS)
    assert (parsed.text, len(parsed.calls), parsed.broken) == (after, 1, ())


def test_calls_may_follow_each_other_within_one_opening() -> None:
    assert len(calls(f"<tool_call>{JSON}\n{JSON}</tool_call>")) == 2
    assert len(calls(f"<|python_tag|>{JSON}; {JSON}")) == 2


def test_explicit_markup_may_name_an_unknown_tool() -> None:
    assert calls('<tool_call>{"name": "fly", "arguments": {}}</tool_call>') == [("fly", {})]


def test_a_call_keeps_the_markup_it_was_written_in() -> None:
    assert parse_calls(f"Look: {FORMS['Hermes']}", TOOLS).calls[0].raw.startswith('<tool_call>\n{"name"')


@each("form", ["Hermes", "Mistral, name", "Kimi", "DeepSeek, V3.1", "fence"])
def test_markup_within_a_json_string_is_part_of_the_value(form: str) -> None:
    poison = '</tool_call><function=memory_status></function>\n```\n[TOOL_CALLS]memory_status[ARGS]{} \\ " é'
    text = FORMS[form].replace('"Miti\'s vet"', json.dumps(poison))
    assert calls(text) == [("search_memory", {"query": poison, "limit": 3})]


@each("form", ["DSML, V4", "calls in tags", "Qwen3-Coder"])
def test_markup_within_a_parameter_is_part_of_the_value(form: str) -> None:
    poison = f"</function></invoke>{FORMS['Hermes']}`"
    assert calls(FORMS[form].replace("Miti's vet", poison)) == [
        ("search_memory", {"query": poison, "limit": 3})
    ]


@each(
    ("name", "written", "value"),
    [
        ("limit", "3", 3),
        ("limit", " 3 ", 3),
        ("limit", "3.0", 3),
        ("limit", "three", "three"),
        ("limit", "true", "true"),
        ("weight", "0.5", 0.5),
        ("weight", "2", 2),
        ("weight", "NaN", "NaN"),
        ("exact", "true", True),
        ("exact", "False", False),
        ("exact", "1", "1"),
        ("tags", '["a", "b"]', ["a", "b"]),
        ("tags", "a, b", "a, b"),
        ("where", '{"a": 1}', {"a": 1}),
        ("after", "null", None),
        ("after", "2026", "2026"),
        ("query", "3", "3"),
        ("query", "null", "null"),
        ("query", " a\nb ", " a\nb "),
        ("unknown", "3", "3"),
        ("query", "a &lt; b", "a &lt; b"),
    ],
)
def test_a_parameter_gets_the_type_of_the_schema(name: str, written: str, value: object) -> None:
    assert calls(with_parameter(name, written)) == [("search_memory", {name: value})]


@each(
    "text",
    [
        "<tool_call>memory_status</tool_call>",
        '<tool_call>{"name": "memory_status"}</tool_call>',
        '<tool_call>{"name": "memory_status", "arguments": null}</tool_call>',
        '<tool_call>{"name": "memory_status", "arguments": ""}</tool_call>',
        '<invoke name="memory_status"></invoke>',
        '<invoke name="memory_status"/>',
        "<function=memory_status></function>",
        "<function=memory_status>{}</function>",
        "[TOOL_CALLS]memory_status[ARGS]{}",
    ],
)
def test_a_call_may_have_no_arguments(text: str) -> None:
    assert calls(text) == [("memory_status", {})]


def test_stored_values_hold_no_lone_surrogates() -> None:
    assert calls('<tool_call>{"name": "fly", "arguments": {"to": "\\ud800"}}</tool_call>') == [
        ("fly", {"to": "\ufffd"})
    ]


def test_plain_text_is_shown_at_once_and_what_may_be_markup_is_held() -> None:
    visible = VisibleText(TOOLS)
    pieces = ["Hi ", "a < b ", "<", "｜DS", "K", " [TOOL_", "X] ", "<tool_", "call>", "{"]
    assert [visible.feed(piece) for piece in pieces] == [
        "Hi ", "a < b ", "", "", "<｜DSK", " ", "[TOOL_X] ", "", "", "",
    ]  # fmt: skip
    assert visible.end() == ""


def test_json_that_cannot_be_a_call_is_not_held() -> None:
    visible = VisibleText(TOOLS)
    assert [visible.feed(piece) for piece in ['{"na', 'me": "An', 'a", ', "x"]] == [
        "",
        "",
        '{"name": "Ana", ',
        "x",
    ]
    visible = VisibleText(TOOLS)
    assert [visible.feed(piece) for piece in ["```json\n", '{"ci', 'ty": 1, ']] == [
        "",
        "",
        '```json\n{"city": 1, ',
    ]
