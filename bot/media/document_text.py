"""Text of a document; its type is detected by content, not by name."""

import asyncio
import io
import math
import os
import re
import sys
import zipfile
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path

from charset_normalizer import from_bytes

from bot.media.attachment import MediaRefused
from graph.settings.extras import is_installed, missing_message
from graph.settings.sources import PREFIX
from memory.concurrency.tasks import reap

MAX_TEXT = 200_000
_PROGRAM = Path(__file__).with_name("document_extractor.py")
_ENCRYPTED = 3
"""Same as in `document_extractor`, which is not imported because it loads the converters."""
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OFFICE = {"word/document.xml": ".docx", "xl/workbook.xml": ".xlsx", "ppt/presentation.xml": ".pptx"}
_MOST_UNPACKED = 100 * 1024**2
_MOST_PARTS = 10_000
_CODE_PAGES = ["cp1250", "cp1252", "cp1251"]
_SAMPLE = 64 * 1024
_UTF16 = (BOM_UTF16_LE, BOM_UTF16_BE)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")
_READS = "I read text, code, CSV, JSON, PDF, Word (docx), Excel (xlsx) and PowerPoint (pptx)."


async def document_text(data: bytes, seconds: float) -> str:
    """Return at most `MAX_TEXT` characters of a document, with a mark if it is longer.

    Raises:
        MediaRefused: it is not a document, or cannot be read within `seconds`.
    """
    suffix = await asyncio.to_thread(_suffix, data)
    text = await _extract(data, suffix, seconds) if suffix else await asyncio.to_thread(_decode, data)
    return await asyncio.to_thread(tidy, text)


def tidy(text: str) -> str:
    """Return the text without trailing blanks and rows of empty lines, truncated."""
    lines = text.replace("\r\n", "\n").replace("\f", "\n\n").split("\n")
    tidy = "\n".join(line.rstrip() for line in lines).strip("\n")
    if not tidy:
        raise MediaRefused("unreadable", "There is no text in this file. If it is a scan, send it as photos.")
    return truncate(re.sub(r"\n{4,}", "\n\n\n", tidy))


def truncate(text: str) -> str:
    """Return at most `MAX_TEXT` characters, with a mark if there are more."""
    return (
        text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}\n[... cut off after {MAX_TEXT:,} characters]"
    )


def _suffix(data: bytes) -> str:
    """Return the suffix of a document that needs a converter; empty for plain text."""
    if b"%PDF-" in data[:1024]:
        return ".pdf"
    if data.startswith(_OLE):
        raise MediaRefused(
            "unreadable", "This file has a password, or an old format: save it as docx or PDF."
        )
    return _office(data) if data.startswith(b"PK\x03\x04") else ""


def _office(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, UnicodeDecodeError):
        raise MediaRefused("unreadable", "This file is damaged: it cannot be opened.") from None
    if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > _MOST_UNPACKED:
        raise MediaRefused("unreadable", "This file is too large when it is unpacked.")
    suffix = next((_OFFICE[part.filename] for part in parts if part.filename in _OFFICE), None)
    if suffix is None:
        raise MediaRefused("unsupported", f"I cannot read this kind of file. {_READS}")
    return suffix


async def _extract(data: bytes, suffix: str, seconds: float) -> str:
    """Run the converter in a separate process, without our settings in its environment."""
    if not is_installed("documents"):
        raise MediaRefused(
            "document_off", f"PDF and Office files are not read here. {missing_message('documents')}"
        )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", str(_PROGRAM), suffix, str(MAX_TEXT + 1), str(math.ceil(seconds))),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)},
    )
    try:
        async with asyncio.timeout(seconds):
            text, _ = await process.communicate(data)
    except TimeoutError:
        raise MediaRefused("unreadable", f"Reading this file took longer than {seconds:g} s.") from None
    finally:
        if process.returncode is None:
            process.kill()
            await reap(process)
    if process.returncode == _ENCRYPTED:
        raise MediaRefused("unreadable", "This file is protected by a password.")
    if process.returncode:
        raise MediaRefused("unreadable", "This file is damaged or too large to be read.")
    return text.decode("utf-8", "replace")


def _decode(data: bytes) -> str:
    try:
        if data.startswith(_UTF16):
            return data.decode("utf-16")
        text = data.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError:
        text = "\0" if b"\0" in data or data.startswith(_UTF16) else _decode_best(data)
    if "\0" in text or len(_CONTROL.findall(text[:_SAMPLE])) * 50 > len(text[:_SAMPLE]):
        raise MediaRefused("unsupported", f"I cannot read this kind of file. {_READS}")
    return text


def _decode_best(data: bytes) -> str:
    """Decode with the best-fitting code page."""
    best = from_bytes(data[:_SAMPLE], cp_isolation=_CODE_PAGES).best()
    return data.decode(best.encoding if best else "utf-8", "replace")
