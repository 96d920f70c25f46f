"""The text form of an owner's permanent memory: human-readable JSON in one block.

`identity` and `facts` show the current state for people. Only `log` is parsed.
"""

import json
from datetime import datetime
from typing import Any, Final

from memory.permanent.letta.letta_document import Document, Entry
from memory.permanent.store_rules import normalize_key
from memory.text.columns import from_micros, require_utf8, to_micros

FORMAT: Final = "goat-memory-1"
FACT: Final = frozenset({"n", "id", "at", "fact", "value"})
IDENTITY: Final = frozenset({"n", "id", "at", "identity"})


class Unreadable(ValueError):
    """The text is not a memory of this owner."""


def render(document: Document, owner: str) -> str:
    """Render a document, one line per entry."""
    identity = next((text for text, _ in document.identities()), None)
    facts = [f"  {_json(fact.key)}: {_json(fact.value)}" for fact in document.current]
    log = [f"  {_json(_as_json(entry))}" for entry in document.entries]
    return (
        f'{{\n"format": {_json(FORMAT)},\n"owner": {_json(owner)},\n"identity": {_json(identity)},\n'
        f'"facts": {{\n{_lines(facts)}}},\n"log": [\n{_lines(log)}]\n}}'
    )


def parse(text: str, owner: str) -> Document:
    """Parse a text written by `render`.

    Raises:
        Unreadable: the text is invalid, or another owner's.
    """
    whole = _parse_envelope(text)
    if whole.get("owner") != owner:
        raise Unreadable("it is another owner's")
    log = whole.get("log")
    if not isinstance(log, list):
        raise Unreadable("it has no log")
    try:
        return _document([_entry(line) for line in log])
    except (ValueError, OverflowError) as error:
        raise Unreadable(f"its log cannot be read: {error}") from None


def owner_of(text: str) -> str:
    """Return the owner of a text.

    Raises:
        Unreadable: the text is invalid.
    """
    owner = _parse_envelope(text).get("owner")
    if not isinstance(owner, str):
        raise Unreadable("it has no owner")
    return owner


def _parse_envelope(text: str) -> dict[str, Any]:
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable("it is not complete JSON") from None
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        raise Unreadable(f"its format is not {FORMAT}; a newer GOAT may have written it")
    return whole


def _document(entries: list[Entry]) -> Document:
    document = Document(tuple(sorted(entries, key=lambda entry: (entry.number, entry.id))))
    if len(document.ids) != len(entries):
        raise ValueError("an id is not unique")
    return document


def _as_json(entry: Entry) -> dict[str, Any]:
    about = {"n": entry.number, "id": entry.id, "at": from_micros(entry.at).isoformat()}
    if entry.key is None:
        return about | {"identity": entry.text}
    return about | {"fact": entry.key, "value": entry.text}


def _entry(line: object) -> Entry:
    if not isinstance(line, dict) or line.keys() not in (FACT, IDENTITY):
        raise ValueError("a line has unexpected fields")
    number, id_, at = line["n"], line["id"], line["at"]
    if type(number) is not int or number < 1 or not isinstance(id_, str) or not isinstance(at, str):
        raise ValueError("a line has an invalid number, id or date")
    moment = to_micros(datetime.fromisoformat(at))
    if "fact" in line:
        return Entry(number, id_, _key(line["fact"]), _text(line["value"]), moment)
    return Entry(number, id_, None, _text(line["identity"]), moment)


def _key(key: object) -> str:
    if not isinstance(key, str) or normalize_key(key) != key:
        raise ValueError("a key is not normalized")
    return key


def _text(text: object) -> str | None:
    if text is None:
        return None
    if not isinstance(text, str):
        raise ValueError("a value is not a text")  # noqa: TRY004 - the text is wrong, not the code
    return require_utf8(text, "a value")


def _lines(lines: list[str]) -> str:
    return ",\n".join(lines) + "\n" if lines else ""


def _json(value: object) -> str:
    """Render JSON unescaped, except for lone surrogates (in an owner's name)."""
    shown = json.dumps(value, ensure_ascii=False)
    return shown if _is_storable(shown) else json.dumps(value)


def _is_storable(text: str) -> bool:
    try:
        require_utf8(text, "it")
    except ValueError:
        return False
    return True
