"""A model's context window and its split between prompt, tools and reply."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile

from memory.refusal import Refusal

MARGIN = 1.2
"""The model's tokens for each of ours. With SmolLM2's vocabulary it is 1.04 to 1.14 on text, 1.20 on code."""
MARKS = 6
"""Tokens that a chat template adds to each message."""
AROUND_TOOLS = 120
"""Tokens that a chat template adds to tool descriptions; about right for Hermes and Qwen."""
_HIGHEST_SCALE = 4.0
_MEASURED = 1.05
"""Safety factor on the scale measured from a server's count."""
_REFUSED_AGAIN = 1.25
"""Factor on the scale after a refusal without new numbers."""
_KEPT_OF_REFUSED = 0.75
"""Share of a refused request assumed to be the window when the server gives no number."""
_REPLY_SHARE, _TOOLS_SHARE, _OUTPUTS_SHARE, _MEMORY_SHARE, _FIXED_SHARE = 4, 4, 6, 4, 2
"""Divisors: the reply's of the window, the others' of the prompt. Guesses."""
_LEAST_MESSAGE = 50
_LEAST_OUTPUT = 100  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A model's context size, prompt and reply together."""

    tokens: int
    """In the model's tokens."""
    scale: float = MARGIN
    """Upper bound of the model's tokens for each of ours."""

    def reply(self, most: int) -> int:
        """Return the tokens reserved for a reply of at most `most`, in the model's tokens."""
        return min(most, self.tokens // _REPLY_SHARE)

    def prompt(self, most: int) -> int:
        """Return the most tokens of a request, as we count, with a reply of at most `most`."""
        return self.room(self.reply(most))

    def room(self, reply: int) -> int:
        """Return the most tokens of a request, as we count, with `reply` tokens reserved."""
        return int((self.tokens - reply) / self.scale)

    def left(self, prompt: int) -> int:
        """Return the most tokens of a reply to a request of `prompt` tokens, as we count."""
        return max(self.tokens - int(prompt * self.scale), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """The split of the window for a turn's first request; `window` and `reply` in the model's tokens."""

    window: int
    reply: int
    prompt: int
    """The most for all fields below together."""
    tools: int
    """Descriptions of the offered tools."""
    outputs: int
    """Reserved for tool outputs."""
    fixed: int
    """The most for identity and facts."""
    fixed_whole: int
    """Size of identity and facts, uncut."""
    message: int
    """The most for the message and what it replies to."""
    message_whole: int
    memory: int
    """The most for identity, facts, conversation and recalled memory together."""
    offered: Sequence[str]
    """Names of tools, the most needed first."""
    withheld: Sequence[str]
    """Names of tools for which there is no room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSizes:
    """The uncut size of a turn's request, in tokens."""

    reply: int
    """The most for the reply."""
    fixed: int
    """Identity and facts."""
    message: int
    """The message and what it replies to."""
    around: int
    """Time, fences and chat template markers."""
    memory: int
    """Reserved for conversation and recalled memory before tools are offered."""
    tools: Mapping[str, int]
    """By name, the most needed first."""


def split_window(window: Window, wanted: PromptSizes) -> Space:
    """Split the window: cut tools first, then conversation and memory, last the message.

    Tools take at most a quarter of the prompt, so that the same ones are offered from turn to turn. Identity
    and facts take at most half of it.
    """
    prompt = window.prompt(wanted.reply)
    fixed = min(wanted.fixed, prompt // _FIXED_SHARE)
    room = prompt - fixed - wanted.around
    kept = AROUND_TOOLS + prompt // _OUTPUTS_SHARE + min(wanted.memory, prompt // _MEMORY_SHARE)
    offered = affordable(wanted.tools, min(prompt // _TOOLS_SHARE, room - wanted.message - kept))
    tools = AROUND_TOOLS + sum(wanted.tools[name] for name in offered) if offered else 0
    outputs = prompt // _OUTPUTS_SHARE if offered else 0
    return Space(
        window=window.tokens,
        reply=window.reply(wanted.reply),
        prompt=prompt,
        tools=tools,
        outputs=outputs,
        fixed=fixed,
        fixed_whole=wanted.fixed,
        message=min(wanted.message, max(room, _LEAST_MESSAGE)),
        message_whole=wanted.message,
        memory=fixed + max(room - wanted.message - tools - outputs, 0),
        offered=offered,
        withheld=tuple(name for name in wanted.tools if name not in offered),
    )


def affordable(sizes: Mapping[str, int], room: int) -> tuple[str, ...]:
    """Return the first names whose sizes fit into `room` together."""
    fitting = takewhile(lambda total: total <= room, accumulate(sizes.values()))
    return tuple(name for name, _ in zip(sizes, fitting, strict=False))


def largest_cap(size: Callable[[int], int], room: int, longest: int) -> int:
    """Lower `longest`, a cap in characters, until its size fits into `room` or the cap is at its minimum.

    `size` returns the tokens under a cap.
    """
    cap = longest
    while cap > _LEAST_OUTPUT and size(cap) > room:
        cap = max(cap * 2 // 3, _LEAST_OUTPUT)
    return cap


def shrink_window(known: Window | None, refusal: Refusal, *, prompt: int, reply: int) -> Window:
    """Return the smaller window inferred from a refusal.

    Args:
        known: the window assumed before.
        refusal: numbers from the server.
        prompt: size of the refused request, as we count.
        reply: the most tokens requested for the reply.
    """
    asked = int(prompt * MARGIN) + reply
    before = known or Window(tokens=refusal.window or int(asked * _KEPT_OF_REFUSED))
    tokens = min(before.tokens, refusal.window or before.tokens)
    scale = max(before.scale, refusal.prompt * _MEASURED / max(prompt, 1))
    if before == known and (tokens, scale) == (before.tokens, before.scale):
        scale *= _REFUSED_AGAIN
    return Window(tokens=tokens, scale=min(scale, _HIGHEST_SCALE))
