"""Files turned into text, over real HTTP and with real documents."""

import asyncio
import io
import signal
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import openpyxl  # type: ignore[import-untyped]
import pptx
import psutil
import pytest
from PIL import Image
from pydantic import SecretStr
from telegram.error import BadRequest, NetworkError

from bot.media import document_extractor as extract
from bot.media.attachment import Attachment
from bot.media.document_text import MAX_TEXT, tidy
from bot.media.media_reader import MediaReader, MediaRefused
from bot.telegram.turns.turn_request import undelivered
from graph.settings.telegram_settings import TelegramSettings
from tests.linear import not_linear
from tests.servers.faults import Fault
from tests.servers.model import ModelServer
from tests.servers.openai_format import Upload

VOICE = Attachment("voice", "v", 4, "voice.ogg", "audio/ogg")
PHOTO = Attachment("photo", "p", 4, "photo.jpg", "image/jpeg")
FILE = Attachment("document", "d", 4, "notes.txt", "")
KEY = "sk-very-secret"
SECRET = SecretStr(KEY)
OGG = b"OggS\0\0voice"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main"
PACKAGE = "application/vnd.openxmlformats-package"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"


class Config(TelegramSettings):
    transcription_model: str = "ears"
    transcription_api_key: SecretStr = SECRET
    vision_model: str = "eyes"
    vision_api_key: SecretStr = SECRET
    media_timeout: float = 300


NO_MODEL = Config()


@pytest.fixture
def config(model: ModelServer) -> Config:
    return Config(transcription_base_url=model.base_url, vision_base_url=model.base_url)


class Inside:
    """The extraction as a process that is none: what it does without its limits, in this process."""

    def __init__(self, suffix: str, characters: str) -> None:
        self._suffix, self._characters = suffix, int(characters)
        self.returncode: int | None = None

    async def communicate(self, data: bytes) -> tuple[bytes, None]:
        written = io.BytesIO()
        try:
            self.returncode = extract.extract(self._suffix, self._characters, io.BytesIO(data), written)
        except Exception:  # noqa: BLE001 - as the interpreter does
            self.returncode = 1
        return written.getvalue(), None


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read documents without the seconds that a process of their own takes to load the converters."""

    async def started(*command: str, **_: object) -> Inside:
        assert command[:3] == (sys.executable, "-P", extract.__file__)
        suffix, characters, _seconds = command[3:]
        return Inside(suffix, characters)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", started)


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[MediaReader]:
    reader = MediaReader(config)
    try:
        yield reader
    finally:
        await reader.aclose()


def giving(data: bytes) -> Callable[[], Awaitable[bytes]]:
    async def fetch() -> bytes:
        return data

    return fetch


async def never() -> bytes:
    raise AssertionError("fetched all the same")


async def text_of(config: Config, attachment: Attachment, data: bytes, question: str = "") -> str:
    async with opened(config) as reader:
        part = await reader.read(attachment, giving(data), question)
    assert part.foreign is not (attachment.kind == "voice")
    return f"[{part.title}]\n{part.text}"


async def refusal(
    config: Config, attachment: Attachment, fetch: Callable[[], Awaitable[bytes]]
) -> MediaRefused:
    async with opened(config) as reader:
        with pytest.raises(MediaRefused) as raised:
            await reader.read(attachment, fetch, "")
    assert KEY not in str(raised.value)
    return raised.value


def picture(kind: str = "JPEG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(file, kind)
    return file.getvalue()


def pdf(text: str, encrypted: bool = False) -> bytes:
    """Write a PDF of one page by hand; the encrypted one has a password that nobody knows."""
    content = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>" % (b"41" * 32, b"42" * 32),
    ]
    document, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    secret = b" /Encrypt 6 0 R /ID [<0123> <0123>]" if encrypted else b""
    return document + (
        b"xref\n0 7\n0000000000 65535 f \n%strailer\n<< /Size 7 /Root 1 0 R%s >>\nstartxref\n%d\n%%%%EOF"
        % (table, secret, len(document))
    )


def zipped(parts: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def docx(text: str) -> bytes:
    space = "http://schemas.openxmlformats.org"
    body = f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"
    return zipped(
        {
            "[Content_Types].xml": f'<Types xmlns="{space}/package/2006/content-types">'
            f'<Default Extension="rels" ContentType="{PACKAGE}.relationships+xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{WORD}+xml"/></Types>'.encode(),
            "_rels/.rels": f'<Relationships xmlns="{space}/package/2006/relationships">'
            f'<Relationship Id="r1" Type="{RELATIONS}" Target="word/document.xml"/></Relationships>'.encode(),
            "word/document.xml": f'<w:document xmlns:w="{space}/wordprocessingml/2006/main">'
            f"<w:body>{body}</w:body></w:document>".encode(),
        }
    )


def xlsx() -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    sheet.append(["city", "people"])
    sheet.append(["Cluj", 286598])
    book.save(file)
    return file.getvalue()


def slides(text: str) -> bytes:
    deck, file = pptx.Presentation(), io.BytesIO()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = text
    deck.save(file)
    return file.getvalue()


@pytest.mark.parametrize(
    "attachment", [VOICE, replace(VOICE, kind="audio", name="a.mp3"), replace(VOICE, kind="document")]
)
async def test_a_recording_is_transcribed(config: Config, model: ModelServer, attachment: Attachment) -> None:
    model.transcript = " Ne vedem mâine la zece. "
    name = "" if attachment.kind == "voice" else f" {attachment.name}"
    assert await text_of(config, attachment, OGG) == f"[voice message{name}]\nNe vedem mâine la zece."
    (request,) = model.transcriptions
    assert request.body["model"] == "ears"
    assert request.body["file"] == Upload(attachment.name, "audio/ogg", OGG)


@pytest.mark.parametrize(
    ("kind", "mime"), [("JPEG", "jpeg"), ("PNG", "png"), ("WEBP", "webp"), ("GIF", "gif")]
)
async def test_a_picture_is_described_with_the_question(
    config: Config, model: ModelServer, kind: str, mime: str
) -> None:
    model.reply("A red square.")
    assert await text_of(config, PHOTO, picture(kind), "what colour?") == "[photo]\nA red square."
    (request,) = model.chats
    words, image = request.messages[0]["content"]
    assert request.body["model"] == "eyes"
    assert "what colour?" in words["text"]
    assert image["image_url"]["url"].startswith(f"data:image/{mime};base64,")


async def test_a_picture_sent_as_a_file_is_described(config: Config, model: ModelServer) -> None:
    model.reply("A red square.")
    assert await text_of(config, replace(FILE, mime="image/png"), picture("PNG")) == "[photo]\nA red square."


ROMANIAN = "Bună ziua, vă rog să îmi trimiteţi raportul. Aştept răspunsul dumneavoastră, mulţumesc."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1250"])
async def test_text_is_decoded(encoding: str) -> None:
    read = await text_of(NO_MODEL, FILE, f"{ROMANIAN}\r\n\tx = 1".encode(encoding))
    assert read == f"[document notes.txt]\n{ROMANIAN}\n\tx = 1"


GOOD: dict[str, tuple[Callable[[], bytes], str]] = {
    "a.pdf": (lambda: pdf("Invoice number 42"), "Invoice number 42"),
    "a.docx": (lambda: docx("Contract pentru Ioana"), "Contract pentru Ioana"),
    "a.xlsx": (xlsx, "| Cluj | 286598 |"),
    "a.pptx": (lambda: slides("Our plan"), "Our plan"),
    "no-suffix": (lambda: docx("By content"), "By content"),
}


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize(("name", "file", "found"), [(k, *v) for k, v in GOOD.items()], ids=GOOD)
async def test_documents_are_read(name: str, file: Callable[[], bytes], found: str) -> None:
    read = await text_of(NO_MODEL, replace(FILE, name=name), file())
    assert read.startswith(f"[document {name}]\n")
    assert found in read


async def test_a_long_text_is_cut_off_with_a_mark() -> None:
    read = await text_of(NO_MODEL, FILE, b"word " * 60_000)
    assert read.endswith("[... cut off after 200,000 characters]")
    assert len(read) < MAX_TEXT + 100


def test_long_runs_of_blanks_do_not_hold_the_bot_up() -> None:
    assert not_linear(tidy, [" ", "\t", "\n", " \n", "\xa0"], head="a", length=200_000) == []


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "unreadable"),
    "blank": (lambda: b" \n ", "unreadable"),
    "pdf with a password": (lambda: pdf("x", encrypted=True), "unreadable"),
    "half a pdf": (lambda: pdf("x")[:60], "unreadable"),
    "scan": (lambda: pdf(" "), "unreadable"),
    "half a docx": (lambda: docx("x")[:200], "unreadable"),
    "docx of no XML": (lambda: zipped({"word/document.xml": b"<not xml"}), "unreadable"),
    "zip bomb": (lambda: zipped({"xl/workbook.xml": b"", "x": b"\0" * (101 * 1024**2)}), "unreadable"),
    "zip of many": (
        lambda: zipped({f"{i}": b"" for i in range(10_001)} | {"word/document.xml": b""}),
        "unreadable",
    ),
    "old Office": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "unreadable"),
    "zip": (lambda: zipped({"a.txt": b"hello"}), "unsupported"),
    "program": (lambda: b"MZ\x90\0\x03\0\0\0", "unsupported"),
    "every byte": (lambda: bytes(range(1, 256)), "unsupported"),
    "half a UTF-16": (lambda: b"\xff\xfeodd", "unsupported"),
}


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize(("file", "code"), BAD.values(), ids=BAD)
async def test_what_cannot_be_read_is_refused(file: Callable[[], bytes], code: str) -> None:
    refused = await refusal(NO_MODEL, FILE, giving(file()))
    assert refused.code == code
    assert str(refused).endswith((".", ")"))


@pytest.mark.usefixtures("inside")
async def test_a_password_is_told_from_damage() -> None:
    assert "password" in str(await refusal(NO_MODEL, FILE, giving(pdf("x", encrypted=True))))
    assert "damaged" in str(await refusal(NO_MODEL, FILE, giving(docx("x")[:200])))


async def test_a_document_that_takes_too_long_is_given_up() -> None:
    refused = await refusal(Config(media_timeout=0.2), FILE, giving(pdf("x")))
    assert (refused.code, "0.2 s" in str(refused)) == ("unreadable", True)


async def test_a_document_whose_reader_is_not_installed_says_what_adds_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "markitdown", None)
    refused = await refusal(NO_MODEL, FILE, giving(pdf("x")))
    assert (refused.code, "`make documents`" in str(refused)) == ("document_off", True)


def test_a_document_may_use_so_much_of_the_processor() -> None:
    command = (sys.executable, "-P", extract.__file__, ".pdf", "100", "1")
    ended = subprocess.run(command, input=pdf("(x) Tj " * 500_000), capture_output=True, check=False)
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, b"")


@pytest.mark.parametrize("attachment", [VOICE, PHOTO, FILE])
async def test_a_large_file_is_not_even_fetched(attachment: Attachment) -> None:
    refused = await refusal(NO_MODEL, replace(attachment, size=50_000_000), never)
    assert (refused.code, "20 MB" in str(refused)) == ("too_large", True)


async def test_a_file_that_lied_about_its_size_is_refused() -> None:
    data = bytes(1024**2 + 1)
    assert (await refusal(Config(telegram_file_limit=1), FILE, giving(data))).code == "too_large"


@pytest.mark.parametrize(
    ("attachment", "code", "setting"),
    [
        (VOICE, "voice_off", "GOAT_TRANSCRIPTION_MODEL"),
        (PHOTO, "photo_off", "GOAT_VISION_MODEL"),
        (replace(FILE, mime="audio/mpeg"), "voice_off", "GOAT_TRANSCRIPTION_MODEL"),
    ],
)
async def test_what_is_not_set_up_says_what_to_set(attachment: Attachment, code: str, setting: str) -> None:
    refused = await refusal(Config(transcription_model="", vision_model=""), attachment, never)
    assert (refused.code, setting in str(refused)) == (code, True)


@pytest.mark.parametrize(("attachment", "data"), [(VOICE, OGG), (PHOTO, picture())], ids=["voice", "photo"])
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.status(401), "unavailable"),
        (Fault.status(404, html=True), "unavailable"),
        (Fault.status(500, retry_after=0.01, times=2), "unavailable"),
        (Fault.status(429, retry_after=0.01, times=2), "unavailable"),
        (Fault.status(400), "unreadable"),
        (Fault.status(413), "too_large"),
        (Fault.refuse(2), "unavailable"),
        (Fault.half(2), "unavailable"),
        (Fault.garbage(), "unavailable"),
        (Fault.empty(), "unreadable"),
    ],
    ids=str,
)
async def test_an_endpoint_that_fails(
    config: Config, model: ModelServer, attachment: Attachment, data: bytes, fault: Fault, code: str
) -> None:
    model.faults.append(fault)
    assert (await refusal(config, attachment, giving(data))).code == code
    assert await text_of(config, attachment, data)


@pytest.mark.parametrize(("attachment", "data"), [(VOICE, OGG), (PHOTO, picture())], ids=["voice", "photo"])
async def test_an_endpoint_that_hangs(
    config: Config, model: ModelServer, attachment: Attachment, data: bytes
) -> None:
    model.faults.append(Fault.stall(2))
    refused = await refusal(config.model_copy(update={"media_timeout": 0.5}), attachment, giving(data))
    assert (refused.code, "0.5 s" in str(refused)) == ("unavailable", True)


@asynccontextmanager
async def answering(body: str) -> AsyncIterator[str]:
    """Yield the address of an endpoint that gives every request the same answer."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
        writer.write(f"{head}\r\nconnection: close\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


@pytest.mark.parametrize("choices", ["[{}]", "[null]", "[]", "null", '{"a": 1}', '[{"message": {}}]'])
async def test_an_answer_of_another_shape_is_a_failure_of_the_model(choices: str) -> None:
    async with answering(f'{{"choices": {choices}}}') as url:
        refused = await refusal(Config(vision_base_url=url), PHOTO, giving(picture()))
    assert (refused.code, "cannot be read" in str(refused)) == ("unavailable", True)


async def test_a_picture_that_is_none_is_refused(config: Config, model: ModelServer) -> None:
    assert (await refusal(config, PHOTO, giving(b"hello"))).code == "unsupported"
    assert model.requests == []


@pytest.mark.parametrize(
    ("error", "code"), [(NetworkError("down"), "unavailable"), (BadRequest("File is too big"), "too_large")]
)
def test_a_download_that_fails(error: Exception, code: str) -> None:
    assert undelivered(error).code == code


async def test_a_download_that_hangs() -> None:
    async def fetch() -> bytes:
        await asyncio.sleep(60)
        return b""

    assert (await refusal(Config(media_timeout=0.1), FILE, fetch)).code == "unavailable"


async def test_a_document_is_read_in_a_process_that_ends_when_nobody_waits() -> None:
    here = psutil.Process()
    before = set(here.children())
    reading = asyncio.create_task(text_of(NO_MODEL, FILE, pdf("x")))
    while set(here.children()) <= before and not reading.done():  # noqa: ASYNC110 - in the system
        await asyncio.sleep(0.01)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert set(here.children()) <= before
