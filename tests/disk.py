"""Search for a text in a folder's raw bytes, in every encoding in which it may be written."""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path

_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_GZIP, _ZIP = b"\x1f\x8b\x08", b"PK\x03\x04"
_ZIP_HEADER = 30
_MOST_UNPACKED = 1 << 24


_SKIPPED = frozenset({"models", "data_level0.bin", "length.bin"})


def found(folder: Path, *texts: str) -> dict[str, int]:
    """Count the texts in each file that holds one.

    The embedding model's files are skipped, and those of Chroma's vectors: hnswlib saves its capacity, whose
    unused rest is memory as the allocator gave it.
    """
    forms = {form for text in texts for form in _forms(text)}
    counted = {
        str(path.relative_to(folder)): sum(each.count(form) for each in _read(path) for form in forms)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _SKIPPED & {*path.relative_to(folder).parts}
    }
    assert counted, "no file was looked at"
    return {path: count for path, count in counted.items() if count}


def _forms(text: str) -> Iterator[bytes]:
    """Return a text in several encodings and in JSON; msgpack and pickle write plain UTF-8."""
    for spelt in (text, text.lower(), text.upper()):
        yield spelt.encode()
        yield spelt.encode("utf-16-le")
        yield spelt.encode("utf-16-be")
        yield json.dumps(spelt)[1:-1].encode()
        yield "".join(f"\\u{ord(sign):04x}" for sign in spelt).encode()


def _read(path: Path) -> Iterator[bytes]:
    content = path.read_bytes()
    yield content
    for place in _places(content):
        if unpacked := _unpacked(content, place):
            yield unpacked


def _places(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield the offsets where compressed data may begin, with its format."""
    for mark, bits in [(mark, zlib.MAX_WBITS) for mark in _ZLIB] + [(_GZIP, 31), (_ZIP, -zlib.MAX_WBITS)]:
        start = content.find(mark)
        while start >= 0:
            yield (
                start + (_ZIP_HEADER + sum(content[start + 26 : start + 30 : 2]) if mark == _ZIP else 0),
                bits,
            )
            start = content.find(mark, start + 1)


def _unpacked(content: bytes, place: tuple[int, int]) -> bytes:
    start, bits = place
    try:
        return zlib.decompressobj(bits).decompress(content[start:], _MOST_UNPACKED)
    except zlib.error:
        return b""
