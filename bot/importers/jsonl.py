"""Plain turns, a JSON object a line: `message` and `at`; optional `reply`, `thread`, `turn_id`, `tags`."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from bot.importers.source import Field, read_lines, stable_id
from memory.models import Episode

THREAD = "import"


def read_jsonl(path: Path, owner: str) -> Iterator[tuple[str, Iterator[Episode]]]:
    """Yield each turn of the file under the name of its thread."""
    alike: Counter[tuple[str, ...]] = Counter()
    for line in read_lines(path):
        thread = _optional(line, "thread") or THREAD
        yield thread, iter([_episode(line, owner, thread, alike)])


def _episode(line: Field, owner: str, thread: str, alike: Counter[tuple[str, ...]]) -> Episode:
    message, reply = line.get("message").text(), _text(line, "reply")
    if not (message.strip() or reply.strip()):
        raise line.bad('an object whose "message" is not empty')
    at, tags = line.get("at").time(), line.find("tags")
    content = (thread, at.isoformat(), message, reply)
    alike[content] += 1
    return Episode(
        turn_id=_optional(line, "turn_id") or stable_id("jsonl", owner, *content, alike[content]),
        owner=owner,
        thread=thread if _is_uuid(thread) else stable_id("jsonl", owner, thread),
        message=message,
        reply=reply,
        at=at,
        tags=tuple(tag.name() for tag in tags.items()) if tags else (),
    )


def _text(line: Field, key: str) -> str:
    found = line.find(key)
    return found.text() if found else ""


def _optional(line: Field, key: str) -> str:
    found = line.find(key)
    return found.name() if found else ""


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
