"""JSON Lines with one turn each: `message` and `at`; optional `reply`, `thread`, `turn_id`, `tags`.

Exports also have `speaker` and `parts`, as in `memory.provenance`.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from bot.importers.import_file import ImportedEpisode, ImportFile
from bot.importers.source import Field, read_lines, stable_id
from memory.models import EDIT_OF, Episode
from memory.provenance import Part, Speaker, read_parts
from memory.text.text import clean

THREAD = "import"
MEMBERS = "*.jsonl"


def read_jsonl(file: ImportFile) -> Iterator[tuple[str, Iterator[Episode]]]:
    """Yield each turn of the file with its thread's name."""
    alike: Counter[str] = Counter()
    for stream in file.streams(MEMBERS):
        for line in read_lines(file.path, stream):
            thread = line.name_of("thread") or THREAD
            yield thread, iter([_episode(line, file, thread, alike)])


def _episode(line: Field, file: ImportFile, thread: str, alike: Counter[str]) -> Episode:
    owner, message, reply = file.owner, line.get("message").text(), line.text_of("reply")
    if not (message.strip() or reply.strip()):
        raise line.bad('an object whose "message" is not empty')
    at = line.get("at")
    # As if in UTC, so that the ids are the same in every zone.
    content = (thread, at.time().isoformat(), message, reply)
    same = stable_id(*content)  # a hash: a large file has many lines
    alike[same] += 1
    given = line.name_of("turn_id")
    return ImportedEpisode(
        turn_id=_derived_id(owner, given) if given else stable_id("jsonl", owner, *content, alike[same]),
        owner=owner,
        thread=stable_id("jsonl", owner, thread),
        message=message,
        reply=reply,
        at=at.time(file.zone),
        tags=tuple(_derived_tag(owner, tag.name()) for tag in line.items_of("tags")),
        parts=_parts(line),
        speaker=_speaker(line),
        given_id=given,
    )


def _derived_id(owner: str, given: str) -> str:
    """Return a turn id derived from a file's id, which could itself equal a later turn's id."""
    return stable_id("turn", owner, given)


def _derived_tag(owner: str, tag: str) -> str:
    """Return a file's tag, with a turn id in it converted like the file's turn ids."""
    return f"{EDIT_OF}{_derived_id(owner, tag.removeprefix(EDIT_OF))}" if tag.startswith(EDIT_OF) else tag


def _parts(line: Field) -> tuple[Part, ...]:
    values = [part.value for part in line.items_of("parts")]
    parts = read_parts(values)
    if len(parts) != len(values):
        raise line.get("parts").bad("parts in the format of an export")
    return tuple(replace(part, text=clean(part.text), source=clean(part.source)) for part in parts)


def _speaker(line: Field) -> Speaker:
    found = line.find("speaker")
    if found is not None and found.value not in list(Speaker):
        raise found.bad(" or ".join(f'"{speaker}"' for speaker in Speaker))
    return Speaker(found.value) if found else Speaker.OWNER
