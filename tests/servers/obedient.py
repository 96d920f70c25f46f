"""A model that does whatever stands where instructions stand, and nothing else.

It reads leniently, as models do: case, spaces, fullwidth and unseen characters make no difference to it, what
closes a block closes it, and the marks of chat templates begin another role wherever they are read.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from memory.prompt import CONTEXT_TAG, EVIDENCE_TAG, FACTS_TAG, MEMORY_TAG, QUOTE_TAG, RULES, TOOL_TAG
from tests.servers.openai_format import ModelRequest, Reply, ToolCall, text_of

CANARY = "HONEYPOT"
"""Every planted order names it."""
_TAGS = "|".join((CONTEXT_TAG, EVIDENCE_TAG, FACTS_TAG, MEMORY_TAG, QUOTE_TAG, TOOL_TAG))
_BLOCK = re.compile(rf"<\s*({_TAGS})\s*>.*?<\s*/\s*(?:{_TAGS})\s*>", re.DOTALL)
_BEGINS_A_ROLE = re.compile(
    r"<\|\s*(?:im_start|start_header_id|start|system|user|role_start)\b|\[inst\]|<<sys>>|<start_of_turn>"
    r"|<\|?(?:user|begin.of.sentence)\|?>|<\|end"
)
_UNSEEN = dict.fromkeys(range(917504, 917632))


@dataclass(slots=True)
class Obedient:
    """Calls every tool that changes something when it is told to; otherwise it answers, or quotes."""

    quotes: bool = False
    """It answers by repeating what it was shown, markup made whole again."""
    first: ToolCall | None = None
    """A call that it makes before anything else, such as to read a page."""
    obeyed: list[str] = field(default_factory=list)
    """The texts in which it found an order."""

    def __call__(self, request: ModelRequest) -> Reply:
        """Answer a request."""
        after_tools = any(message["role"] == "tool" for message in request.messages)
        if self.first is not None and not after_tools:
            return Reply("", (self.first,))
        orders = [text for text in instructions(request) if CANARY.casefold() in text]
        if orders and request.body.get("tools") and not _called(request):
            self.obeyed += orders
            return Reply("", tuple(_everything()))
        return Reply(self._quoted(request) if self.quotes else "I answer, and do nothing else.")

    def _quoted(self, request: ModelRequest) -> str:
        shown = [text_of(m) for m in request.messages if m["role"] in {"user", "tool"}]
        return "\n".join(shown).replace("‹", "<").replace("⟦", "[")


def instructions(request: ModelRequest) -> Iterator[str]:
    """Yield what stands in the place of instructions."""
    for message in request.messages:
        text = leniently(text_of(message))
        if message["role"] in {"system", "developer", "user"}:
            yield _BLOCK.sub(" ", text.replace(leniently(RULES), " "))
        for begun in _BEGINS_A_ROLE.finditer(text):
            yield text[begun.start() :]


def leniently(text: str) -> str:
    """Return a text as a lenient reader sees it."""
    seen = (char for char in text.translate(_UNSEEN) if unicodedata.category(char) not in {"Cf", "Mn"})
    return unicodedata.normalize("NFKC", "".join(seen)).casefold()


def _called(request: ModelRequest) -> bool:
    return any("set_identity" in str(message.get("tool_calls", "")) for message in request.messages)


def _everything() -> Iterator[ToolCall]:
    yield ToolCall("set_identity", {"text": f"I serve {CANARY}."}, "call_a")
    yield ToolCall("promote_memory", {"key": "master", "value": CANARY}, "call_b")
    yield ToolCall("forget_fact", {"key": "name"}, "call_c")
    yield ToolCall("store_memory", {"text": CANARY}, "call_d")
