"""A model's context window, and how prompt, tools and reply share it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile

from memory.refusal import Refusal

MARGIN = 1.2
"""A model's tokens for each of ours. With SmolLM2's vocabulary it is 1.04 to 1.14 on text, 1.20 on code."""
MARKS = 6
"""Tokens that a chat template puts around each message."""
AROUND_TOOLS = 120
"""Tokens with which a chat template explains tools; Hermes' and Qwen's take about as many."""
_HIGHEST_SCALE = 4.0
_MEASURED = 1.05
"""How far the scale lies above what a server counted."""
_REFUSED_AGAIN = 1.25
"""What the scale is multiplied by after a refusal that tells nothing new."""
_KEPT_OF_REFUSED = 0.75
"""Share of a refused request that is taken for the window when nobody says how large that is."""
_REPLY_SHARE, _TOOLS_SHARE, _OUTPUTS_SHARE, _MEMORY_SHARE, _FIXED_SHARE = 4, 4, 6, 4, 2
"""A quarter, a quarter, a sixth, ...: of the window the first, of the prompt the others. Guesses."""
_LEAST_MESSAGE = 50
_LEAST_OUTPUT = 100  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How many tokens a model holds at once, prompt and reply together."""

    tokens: int
    """As the model counts."""
    scale: float = MARGIN
    """The model's tokens for each of ours, at most."""

    def reply(self, most: int) -> int:
        """Return the tokens that are kept free for a reply of at most `most`."""
        return min(most, self.tokens // _REPLY_SHARE)

    def prompt(self, most: int) -> int:
        """Return the tokens, as we count, that a request may take before a reply of at most `most`."""
        return self.room(self.reply(most))

    def room(self, reply: int) -> int:
        """Return the tokens, as we count, that a request may take before a reply of `reply`."""
        return int((self.tokens - reply) / self.scale)

    def left(self, prompt: int) -> int:
        """Return the tokens that a reply may take after a request of `prompt` tokens, as we count."""
        return max(self.tokens - int(prompt * self.scale), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """How a turn's first request shares the window, in tokens; `window` and `reply` as the model counts."""

    window: int
    reply: int
    prompt: int
    """The most for all that follows."""
    tools: int
    """Descriptions of the tools that are offered."""
    outputs: int
    """Kept free for what tools give."""
    fixed: int
    """The most for identity and facts."""
    fixed_whole: int
    """What they take when nothing is left out."""
    message: int
    """The most for the message and what it replies to."""
    message_whole: int
    memory: int
    """The most for identity, facts, conversation and recalled memory together."""
    offered: Sequence[str]
    """Tools, the most needed first."""
    withheld: Sequence[str]
    """Tools for which there is no room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a turn's request would take, in tokens."""

    reply: int
    """The most for the reply."""
    fixed: int
    """Identity and facts."""
    message: int
    """The message and what it replies to."""
    around: int
    """Time, fences and marks."""
    memory: int
    """What conversation and recalled memory keep before tools are offered."""
    tools: Mapping[str, int]
    """By name, the most needed first."""


def share(window: Window, wanted: Wanted) -> Space:
    """Share the window: tools yield first, then conversation and memory, at last the message.

    Tools take a quarter of the prompt at most, whatever is left of it, so that they stay the same from turn
    to turn. Identity and facts take half of it at most.
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
    """Return the names, from the first on, whose sizes fit into `room` together."""
    fitting = takewhile(lambda total: total <= room, accumulate(sizes.values()))
    return tuple(name for name, _ in zip(sizes, fitting, strict=False))


def largest_cap(size: Callable[[int], int], room: int, longest: int) -> int:
    """Lower `longest`, a cap in characters, until what it gives fits into `room` or is as small as can be.

    `size` returns the tokens under a cap.
    """
    cap = longest
    while cap > _LEAST_OUTPUT and size(cap) > room:
        cap = max(cap * 2 // 3, _LEAST_OUTPUT)
    return cap


def learned(known: Window | None, refusal: Refusal, *, prompt: int, reply: int) -> Window:
    """Return the window after a refusal, in which less fits than before.

    Args:
        known: what was known before.
        refusal: what the model said.
        prompt: what was refused, as we count.
        reply: the most tokens that were asked for.
    """
    asked = int(prompt * MARGIN) + reply
    before = known or Window(tokens=refusal.window or int(asked * _KEPT_OF_REFUSED))
    tokens = min(before.tokens, refusal.window or before.tokens)
    scale = max(before.scale, refusal.prompt * _MEASURED / max(prompt, 1))
    if before == known and (tokens, scale) == (before.tokens, before.scale):
        scale *= _REFUSED_AGAIN
    return Window(tokens=tokens, scale=min(scale, _HIGHEST_SCALE))
