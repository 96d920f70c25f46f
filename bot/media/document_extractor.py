"""Converts a document on stdin to text on stdout: `document_extractor.py SUFFIX CHARACTERS SECONDS`.

It runs as a separate process so that it can be killed, has a memory limit, and holds no secrets. It exits
with `ENCRYPTED` if a password is needed, and with a traceback if the document cannot be read.
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
    """Convert the document on stdin to at most `characters` characters."""
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))
    return extract(suffix, int(characters), sys.stdin.buffer, sys.stdout.buffer)


def extract(suffix: str, characters: int, source: BinaryIO, target: BinaryIO) -> int:
    """Write at most `characters` characters of a document, and return the exit status.

    Raises:
        Exception: any that the converter raises for an unreadable document.
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
