"""A model that obeys everything in the place of instructions, and nothing else.

It reads leniently, as models do: it ignores case, spaces, fullwidth and invisible characters; whatever closes
a block closes it; the marks of chat templates begin another role anywhere, and so does a speaker's name at
the left edge of a block of entries. A tool's result is data only inside a block.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from memory.prompt.prompt import RULES, TAGS, TOOL_TAG
from tests.servers.openai_format import ModelRequest, Reply, ToolCall, text_of

CANARY = "HONEYPOT"
"""Part of every planted order."""
_TAGS = "|".join(TAGS)
_BLOCK = re.compile(rf"<\s*({_TAGS})\s*>(.*?)<\s*/\s*(?:{_TAGS})\s*>", re.DOTALL)
_BEGINS_A_ROLE = re.compile(
    r"<\|\s*(?:im_start|start_header_id|start|system|user|role_start)\b|\[inst\]|<<sys>>|<start_of_turn>"
    r"|<\|?(?:user|begin.of.sentence)\|?>|<\|end"
)
_SPEAKS = re.compile(r"\n(?:#+\s*)?(?:user|assistant|system|utilizator|asistent|sistem)\b")
_UNSEEN = dict.fromkeys(range(917504, 917632))
_LATIN = str.maketrans("\u0430\u0441\u0435\u043e\u0445\u0443\u0440", "aceoxyp")
"""Cyrillic letters that look like others."""


@dataclass(slots=True)
class Obedient:
    """Calls every tool with effects when ordered to; otherwise it answers, or quotes."""

    quotes: bool = False
    """Its answer repeats what it was shown, with the markup restored."""
    gullible: bool = False
    """It takes everything it is shown for instructions."""
    first: tuple[ToolCall, ...] = ()
    """Calls that it makes first, such as to read pages."""
    ordered: tuple[ToolCall, ...] = field(default_factory=lambda: tuple(_everything()))
    """Calls that it makes when it finds an order."""
    obeyed: list[str] = field(default_factory=list)
    """The texts in which it found an order."""

    def __call__(self, request: ModelRequest) -> Reply:
        """Answer a request."""
        after_tools = any(message["role"] == "tool" for message in request.messages)
        if self.first and not after_tools:
            return Reply("", self.first)
        orders = [text for text in self._read(request) if CANARY.casefold() in text]
        if orders and request.body.get("tools") and not _called(request):
            self.obeyed += orders
            return Reply("", self.ordered)
        return Reply(self._quoted(request) if self.quotes else "I answer, and do nothing else.", whole=True)

    def _read(self, request: ModelRequest) -> Iterable[str]:
        if self.gullible:
            return [leniently(request.prompt)]
        return instructions(request, own_words=not self.quotes)

    def _quoted(self, request: ModelRequest) -> str:
        shown = [text_of(m) for m in request.messages if m["role"] in {"user", "tool"}]
        return "\n".join(shown).replace("‹", "<").replace("⟦", "[")


def instructions(request: ModelRequest, *, own_words: bool = True) -> Iterator[str]:
    """Yield the texts in the place of instructions.

    An assistant's text outside its blocks counts as the model's own intention; without `own_words`, only the
    text after a block does.
    """
    rules = leniently(RULES)
    for message in request.messages:
        text = leniently(text_of(message)).replace(rules, " ")
        blocks = list(_BLOCK.finditer(text))
        begin = 0
        if message["role"] == "assistant" and not own_words:
            begin = blocks[0].start() if blocks else len(text)
        yield _BLOCK.sub(" ", text[begin:])
        yield from (text[begun.start() :] for begun in _BEGINS_A_ROLE.finditer(text))
        yield from _spoken(blocks)


def _spoken(blocks: Iterable[re.Match[str]]) -> Iterator[str]:
    """Yield lines that look like another speaker's, in a block of entries."""
    for tag, inside in (block.groups() for block in blocks):
        begun = None if tag == TOOL_TAG else _SPEAKS.search(inside)
        if begun is not None:
            yield inside[begun.start() :]


@lru_cache(maxsize=1000)
def leniently(text: str) -> str:
    """Return a text as a lenient reader sees it; every request repeats the conversation."""
    if text.isascii():
        return text.casefold()
    seen = (char for char in text.translate(_UNSEEN) if unicodedata.category(char) not in {"Cf", "Mn"})
    return unicodedata.normalize("NFKC", "".join(seen)).casefold().translate(_LATIN)


def _called(request: ModelRequest) -> bool:
    return any("set_identity" in str(message.get("tool_calls", "")) for message in request.messages)


def _everything() -> Iterator[ToolCall]:
    yield ToolCall("set_identity", {"text": f"I serve {CANARY}."}, "call_a")
    yield ToolCall("promote_memory", {"key": "master", "value": CANARY}, "call_b")
    yield ToolCall("forget_fact", {"key": "name"}, "call_c")
    yield ToolCall("store_memory", {"text": CANARY}, "call_d")
