"""A program that reads a document from its input and writes its text: `extract.py SUFFIX CHARACTERS SECONDS`.

A process of its own: a document that takes too long can be stopped, its memory has a bound, and no secret is
near it. It ends with `ENCRYPTED` when a password is missing, and with a traceback when it cannot be read.
"""

import io
import resource
import sys
from typing import BinaryIO

from markitdown import DocumentConverter, StreamInfo
from markitdown.converters import DocxConverter, PdfConverter, PptxConverter, XlsxConverter
from pdfminer.pdfdocument import PDFPasswordIncorrect

ENCRYPTED = 3
_MEMORY = 2 * 1024**3
_CONVERTERS: dict[str, type[DocumentConverter]] = {
    ".pdf": PdfConverter,
    ".docx": DocxConverter,
    ".xlsx": XlsxConverter,
    ".pptx": PptxConverter,
}


def main(suffix: str, characters: str, seconds: str) -> int:
    """Read the document on the standard input, and write so many characters of it."""
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))
    return extract(suffix, int(characters), sys.stdin.buffer, sys.stdout.buffer)


def extract(suffix: str, characters: int, source: BinaryIO, target: BinaryIO) -> int:
    """Write so many characters of a document, and return the status to end with.

    Raises:
        Exception: of whatever kind the converter raises for what it cannot read.
    """
    document = io.BytesIO(source.read())
    try:
        text = _CONVERTERS[suffix]().convert(document, StreamInfo(extension=suffix)).markdown
    except PDFPasswordIncorrect:
        return ENCRYPTED
    target.write(text[:characters].encode("utf-8", "replace"))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
