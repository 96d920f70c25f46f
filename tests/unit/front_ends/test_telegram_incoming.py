"""What a person sent, as the agent is told."""

from typing import Any

from telegram import Message

from bot.media.attachment import Attachment
from bot.telegram.media.incoming import Incoming, read_message
from memory.provenance import Carrier, Part, Speaker, said
from tests.tables import each

BOT = {"id": 9, "is_bot": True, "first_name": "GOAT", "username": "goat_bot"}
ANA = {"id": 1, "is_bot": False, "first_name": "Ana", "last_name": "Pop"}
DAN = {"id": 2, "is_bot": False, "first_name": "Dan"}
PRIVATE = {"id": 1, "type": "private", "first_name": "Ana"}
GROUP = {"id": -5, "type": "supergroup", "title": "Friends"}
CHANNEL = {"id": -7, "type": "channel", "title": "News"}
POINT = {"latitude": 44.4268, "longitude": 26.1025}


def payload(**fields: Any) -> dict[str, Any]:
    return {"message_id": 10, "date": 1_700_000_000, "chat": PRIVATE, "from": ANA, **fields}


def read(**fields: Any) -> Incoming:
    message = Message.de_json(payload(**fields), None)
    assert message is not None
    return read_message(message, 9, "goat_bot")


def told(**fields: Any) -> str:
    incoming = read(**fields)
    return said(incoming.text, incoming.parts)


def quoted(**fields: Any) -> str:
    return "".join(f"{part.source}: {part.text}".removeprefix(": ") for part in read(**fields).quotes)


def file(name: str, **fields: Any) -> dict[str, Any]:
    return {"file_id": f"{name}-id", "file_unique_id": name, **fields}


@each(
    ("fields", "text"),
    [
        ({"text": "  hello\n  you "}, "  hello\n  you "),
        ({"caption": "look", "photo": [file("p", width=1, height=1)]}, "look"),
        ({"text": "a\0b"}, "ab"),
        ({"text": "@goat_bot hi"}, "@goat_bot hi"),
    ],
)
def test_text_is_verbatim(fields: dict[str, Any], text: str) -> None:
    assert read(**fields).text == text


@each(
    ("said", "text"),
    [
        ("@goat_bot what is new?", "what is new?"),
        ("@GOAT_Bot, what is new?", "what is new?"),
        ("what is new @goat_bot", "what is new"),
        ("@goat_bot", ""),
        ("ask @goat_bot about it", "ask @goat_bot about it"),
        ("@goat_bots hi", "@goat_bots hi"),
        ("mail me@goat_bot", "mail me@goat_bot"),
        ("/why@goat_bot", "/why@goat_bot"),
    ],
)
def test_the_mention_that_calls_the_bot_is_taken_out_in_groups(said: str, text: str) -> None:
    assert read(chat=GROUP, text=said).text == text
    assert read(chat=GROUP, caption=said, photo=[file("p", width=1, height=1)]).text == text


@each(
    ("fields", "text"),
    [
        (
            {
                "sticker": file(
                    "s",
                    width=1,
                    height=1,
                    emoji="😀",
                    is_animated=False,
                    is_video=False,
                    type="regular",
                )
            },
            "[sticker 😀]",
        ),
        (
            {"sticker": file("s", width=1, height=1, is_animated=False, is_video=False, type="regular")},
            "[sticker]",
        ),
        ({"location": POINT}, "[location 44.4268, 26.1025]"),
        (
            {
                "location": POINT,
                "venue": {"location": POINT, "title": "Ateneu", "address": "Str. Franklin 1"},
            },
            "[venue Ateneu, Str. Franklin 1 (44.4268, 26.1025)]",
        ),
        (
            {"contact": {"phone_number": "+40721", "first_name": "Ana", "last_name": "Pop"}},
            "[contact Ana Pop, +40721]",
        ),
        ({"contact": {"phone_number": "+40721", "first_name": "Ana"}}, "[contact Ana, +40721]"),
        ({"dice": {"emoji": "🎲", "value": 4}}, "[dice 🎲 4]"),
        ({"video": file("v", width=1, height=1, duration=2), "caption": "wow"}, "[video]\nwow"),
        ({"video_note": file("v", length=1, duration=2)}, "[video message]"),
        (
            {"animation": file("a", width=1, height=1, duration=2), "document": file("a")},
            "[video]",
        ),
        ({"story": {"chat": CHANNEL, "id": 3}}, "[story]"),
    ],
)
def test_what_is_not_read_is_told(fields: dict[str, Any], text: str) -> None:
    incoming = read(**fields)
    assert said(incoming.text, incoming.parts) == text
    assert {part.foreign for part in incoming.parts} == (
        {True} if "venue" in fields or "contact" in fields else set()
    )


def test_a_poll_is_told_with_its_options() -> None:
    options = [{"text": text, "voter_count": 0, "persistent_id": text} for text in ("Monday", "Friday")]
    poll = {
        "id": "1",
        "question": "When?",
        "options": options,
        "total_voter_count": 0,
        "is_closed": False,
        "is_anonymous": True,
        "type": "regular",
        "allows_multiple_answers": False,
        "allows_revoting": True,
        "members_only": False,
    }
    assert told(poll=poll) == "[poll: When? / Monday / Friday]"


def test_files_become_attachments() -> None:
    assert read(voice=file("v", duration=3, file_size=7)).attachments == (
        Attachment("voice", "v-id", 7, "voice.ogg", "audio/ogg"),
    )
    assert read(audio=file("a", duration=3, mime_type="audio/mpeg", file_name="song.mp3")).attachments == (
        Attachment("audio", "a-id", None, "song.mp3", "audio/mpeg"),
    )
    document = file("d", file_size=9, mime_type="application/pdf", file_name="a\n b.pdf")
    assert read(document=document, caption="read this") == Incoming(
        "read this", (), (Attachment("document", "d-id", 9, "a b.pdf", "application/pdf"),)
    )
    assert read(document=file("d", mime_type="application/pdf")).attachments[0].name == "document.pdf"


def test_the_largest_photo_that_can_be_downloaded_is_taken() -> None:
    sizes = [
        file("small", width=90, height=90, file_size=1000),
        file("huge", width=9000, height=9000, file_size=30_000_000),
        file("large", width=1280, height=1280, file_size=200_000),
    ]
    assert read(photo=sizes).attachments == (
        Attachment("photo", "large-id", 200_000, "photo.jpg", "image/jpeg"),
    )


@each(
    "fields",
    [
        {"new_chat_members": [DAN]},
        {"left_chat_member": DAN},
        {"pinned_message": payload(text="pinned")},
        {"new_chat_photo": [file("p", width=1, height=1)]},
        {"new_chat_title": "x"},
        {"forum_topic_created": {"name": "T", "icon_color": 1}},
    ],
)
def test_service_messages_say_nothing(fields: dict[str, Any]) -> None:
    assert read(chat=GROUP, **fields) == Incoming("", (), ())


@each(
    ("author", "source", "speaker"),
    [
        (DAN, "Dan", Speaker.THIRD_PARTY),
        (ANA, "", Speaker.OWNER),
        (BOT, "", Speaker.ASSISTANT),
        (None, "", Speaker.THIRD_PARTY),
    ],
)
def test_a_reply_quotes_what_it_answers(author: dict[str, Any] | None, source: str, speaker: Speaker) -> None:
    replied = payload(chat=GROUP, text="at noon", **{"from": author})
    quote = Part(text="at noon", carrier=Carrier.QUOTED, speaker=speaker, source=source)
    assert read(chat=GROUP, text="ok", reply_to_message=replied) == Incoming("ok", (quote,), ())


@each(
    "fields",
    [
        {"text": "obey", "forward_origin": {"date": 1, "type": "user", "sender_user": ANA}},
        {"text": "obey", "via_bot": {"id": 8, "is_bot": True, "first_name": "Gif", "username": "gif"}},
        {"document": file("d", file_name="obey.pdf"), "caption": "this"},
        {"contact": {"phone_number": "+40721", "first_name": "Obey"}},
        {"audio": file("a", duration=3, file_name="obey.mp3")},
    ],
)
def test_what_holds_anothers_words_is_theirs_also_when_its_sender_quotes_it(fields: dict[str, Any]) -> None:
    (quote,) = read(text="ok", reply_to_message=payload(**fields)).quotes
    assert quote.foreign


def test_what_comes_by_way_of_another_bot_is_no_word_of_its_sender() -> None:
    incoming = read(text="! obey", via_bot={"id": 8, "is_bot": True, "first_name": "Gif", "username": "gif"})
    assert (incoming.text, incoming.private) == ("", False)
    assert incoming.parts == (Part(text="! obey", carrier=Carrier.FORWARDED, source="@gif"),)


def test_a_quotation_goes_before_the_whole_message() -> None:
    replied = payload(text="one two three", **{"from": DAN})
    assert quoted(text="ok", reply_to_message=replied, quote={"text": "two", "position": 4}) == "Dan: two"


def test_what_is_quoted_may_be_a_file_or_a_label() -> None:
    photo = [file("p", width=1, height=1)]
    assert quoted(text="?", reply_to_message=payload(photo=photo, caption="us")) == "[photo]\nus"
    assert quoted(text="?", reply_to_message=payload(voice=file("v", duration=1))) == "[voice message]"
    assert quoted(text="?", reply_to_message=payload(dice={"emoji": "🎲", "value": 4})) == "[dice 🎲 4]"


def test_a_long_quote_is_cut() -> None:
    assert quoted(text="ok", reply_to_message=payload(text="x" * 1001)) == "x" * 1000 + "…"
    assert quoted(text="ok", reply_to_message=payload(text="x" * 1000)) == "x" * 1000


def test_the_beginning_of_a_topic_is_not_quoted() -> None:
    topic = payload(chat=GROUP, forum_topic_created={"name": "T", "icon_color": 1})
    assert quoted(chat=GROUP, text="hi", reply_to_message=topic) == ""


def test_a_channel_and_another_chat_are_quoted_by_name() -> None:
    post = payload(chat=GROUP, text="rain", sender_chat=CHANNEL)
    assert quoted(chat=GROUP, text="ok", reply_to_message=post) == "News: rain"
    origin = {"type": "hidden_user", "date": 1, "sender_user_name": "Mihai"}
    quote = {"text": "elsewhere", "position": 0}
    assert quoted(text="ok", external_reply={"origin": origin}, quote=quote) == "Mihai: elsewhere"
    assert quoted(text="ok", external_reply={"origin": origin}) == ""


@each(
    ("origin", "name"),
    [
        ({"type": "user", "sender_user": DAN}, "Dan"),
        ({"type": "hidden_user", "sender_user_name": "Mihai"}, "Mihai"),
        ({"type": "chat", "sender_chat": GROUP}, "Friends"),
        ({"type": "channel", "chat": CHANNEL, "message_id": 3}, "News"),
    ],
)
def test_a_forward_says_from_whom(origin: dict[str, Any], name: str) -> None:
    forwarded = read(text="hi", forward_origin={"date": 1, **origin})
    assert forwarded.parts == (Part(text="hi", carrier=Carrier.FORWARDED, source=name),)
    assert not forwarded.text


def test_a_forwarded_file_says_from_whom() -> None:
    origin = {"type": "user", "date": 1, "sender_user": DAN}
    incoming = read(voice=file("v", duration=1), forward_origin=origin)
    assert (incoming.text, [one.origin for one in incoming.attachments]) == ("", ["Dan"])
