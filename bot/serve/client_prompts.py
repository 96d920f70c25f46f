"""Prompts that chat clients write in the user's place: titles, tags, found documents."""

from bot.serve.chat_request import ChatRequest
from memory.provenance import Carrier, Part
from memory.text.text import clean

_TASK = "### Task:"
_HISTORY, _COMPLETION = "<chat_history>", "autocompletion system"
_LIBRECHAT_TITLE = "Provide a concise, 5-word-or-less title for the conversation"
_CONTEXT, _CONTEXT_END = "<context>", "</context>"


def is_chore(request: ChatRequest) -> bool:
    """Return True for a client's own request: a title, tags, follow-ups, a search query.

    Open WebUI and LibreChat send it alone, with the conversation inside it.
    """
    text = request.messages[-1].text.lstrip()
    if sum(one.role in {"user", "assistant"} for one in request.messages) > 1:
        return False
    if text.startswith(_TASK):
        return _HISTORY in text or _COMPLETION in text
    return text.startswith(_LIBRECHAT_TITLE)


def own_words(text: str) -> tuple[str, list[Part]]:
    """Return the user's words, and the documents that Open WebUI put before them."""
    if not (text.lstrip().startswith(_TASK) and _CONTEXT in text and _CONTEXT_END in text):
        return text, []
    found, _, words = text.rpartition(_CONTEXT_END)
    documents = found.partition(_CONTEXT)[2].strip()
    return words.strip(), [Part(text=clean(documents), carrier=Carrier.DOCUMENT, source="Open WebUI")]
