"""How a context window is shared, and what a refusal teaches."""

import pytest
from hypothesis import given, strategies as st

from memory.prompt.window import (
    PromptSizes,
    Space,
    Window,
    affordable,
    largest_cap,
    shrink_window,
    split_window,
)
from memory.refusal import Refusal, read_refusal

TOOLS = {"search_memory": 160, "promote_memory": 120, "store_memory": 80, "fetch_content": 100, "logs": 140}
SIZES = st.integers(0, 3000)


def shared(tokens: int, *, fixed: int = 260, message: int = 40, reply: int = 2048) -> Space:
    wanted = PromptSizes(reply=reply, fixed=fixed, message=message, around=50, memory=1700, tools=TOOLS)
    return split_window(Window(tokens=tokens), wanted)


def test_tools_go_first_from_the_least_needed_on() -> None:
    assert shared(8192).withheld == ()
    assert shared(2048).offered == ("search_memory",)
    assert shared(512).offered == ()
    assert shared(2048, message=400).offered == ()
    assert affordable({"a": 5, "b": 9, "c": 1}, 8) == ("a",), "a less needed one takes nobody's place"


def test_memory_yields_to_the_message_and_the_message_at_last() -> None:
    short, long, endless = (shared(4096, message=size) for size in (40, 1500, 90_000))
    assert short.memory - short.fixed > long.memory - long.fixed > 0
    assert (long.message, endless.memory) == (1500, endless.fixed)
    assert 1500 < endless.message < endless.prompt


@given(st.integers(512, 40_000), SIZES, SIZES)
def test_nothing_is_given_twice(tokens: int, fixed: int, message: int) -> None:
    space = shared(tokens, fixed=fixed, message=message)
    tools = sum(TOOLS[name] for name in space.offered)
    assert tools + space.outputs + space.memory + space.message + 50 <= space.prompt
    assert space.reply + space.prompt * 1.2 <= tokens


def test_outputs_are_cut_until_they_fit_but_not_to_nothing() -> None:
    assert 3333 < largest_cap(lambda cap: cap, 5000, 16_000) <= 5000
    assert largest_cap(lambda cap: cap, 99_000, 16_000) == 16_000
    assert largest_cap(lambda _: 1, 0, 16_000) == 100
    assert largest_cap(lambda _: 1, 0, 0) == 0


@pytest.mark.parametrize(
    ("said", "window", "prompt"),
    [
        (
            "This model's maximum context length is 4096 tokens. However, you requested 4120 tokens (2072 in "
            "the messages, 2048 in the completion). Please reduce the length of the messages or completion.",
            4096,
            2072,
        ),
        (
            "'max_completion_tokens' is too large: 2048. This model's maximum context length is 4096 tokens "
            "and your request has 3000 input tokens (2048 > 4096 - 3000).",
            4096,
            3000,
        ),
        (
            "400 - {'error': {'message': 'request (5031 tokens) exceeds the available context size (4096 "
            "tokens), try increasing it', 'n_prompt_tokens': 5031, 'n_ctx': 4096}}",
            4096,
            5031,
        ),
        ("Requested tokens (2285) exceed context window of 2048", 2048, 2285),
        ("However, the model is loaded with context length of only 4096 tokens", 4096, 0),
        ("`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 3000 `inputs` tokens", 4096, 3000),
        ("prompt is too long: 210000 tokens > 200000 maximum", 200_000, 210_000),
        (
            "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
            32_768,
            40_000,
        ),
        ("The input token count (1,200,000) exceeds the maximum allowed (1048576)", 1_048_576, 1_200_000),
        ("Please reduce the length of the messages. code: context_length_exceeded", 0, 0),
    ],
)
def test_servers_say_what_fits(said: str, window: int, prompt: int) -> None:
    assert read_refusal(said) == Refusal(window=window, prompt=prompt)


@pytest.mark.parametrize(
    "said",
    [
        "max_tokens is too large: 100000. This model supports at most 16384 completion tokens",
        "registry.ollama.ai/library/x does not support tools",
        "Conversation roles must alternate user/assistant",
        "Invalid input: the request body is not JSON",
    ],
)
def test_other_refusals_say_nothing_of_the_window(said: str) -> None:
    assert read_refusal(said) is None


@pytest.mark.parametrize("refusal", [Refusal(), Refusal(window=4096), Refusal(window=4096, prompt=3000)])
def test_less_fits_after_each_refusal(refusal: Refusal) -> None:
    known = None
    rooms = []
    for _ in range(3):
        known = shrink_window(known, refusal, prompt=2000, reply=2048)
        rooms.append(known.prompt(2048))
    assert rooms == sorted(rooms, reverse=True)
    assert len(set(rooms)) == 3
    assert known is not None
    assert known.tokens <= 4448
