"""Where updates belong, and which messages mean the bot."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given, strategies as st
from telegram import Message, Update, User

from bot.telegram.gate.gate import command, is_addressed, is_from_person
from bot.telegram.place import NOWHERE, Place, lane_of, place_of, update_place
from tests.servers.telegram.entities import found
from tests.tables import each

ME = User(777, "GOAT", is_bot=True, username="goat_test_bot")
ANA = {"id": 101, "is_bot": False, "first_name": "Ana"}
EVE = {"id": 666, "is_bot": False, "first_name": "Eve"}
OTHER_BOT = {"id": 99, "is_bot": True, "first_name": "Other", "username": "other_bot"}
GROUP = {"id": -100123, "type": "supergroup", "title": "Group"}
ANAS = {"id": 101, "type": "private", "first_name": "Ana"}
FORWARDED = {"forward_origin": {"type": "user", "date": 1, "sender_user": EVE}}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["message", "callback_query", "chat", "id", "message_thread_id", "is_topic_message", "x"]
            ),
            inner,
            max_size=5,
        )
    ),
)


def wire(text: str = "", **more: Any) -> dict[str, Any]:
    said = {"text": text, "entities": found(text)} if text else {}
    at = int(datetime(2026, 5, 1, tzinfo=UTC).timestamp())
    return {"message_id": 5, "date": at, "chat": GROUP, "from": ANA, **said, **more}


def message(text: str = "", **more: Any) -> Message:
    return Message.de_json(wire(text, **more), None)


def update(**contents: Any) -> Update:
    return Update.de_json({"update_id": 7, **contents}, None)


@each(
    ("contents", "lane"),
    [
        ({"message": wire("hi")}, "-100123:0"),
        ({"message": wire("hi", chat=ANAS)}, "101:0"),
        ({"message": wire("hi", message_thread_id=9, is_topic_message=True)}, "-100123:9"),
        ({"message": wire("hi", message_thread_id=9)}, "-100123:0"),
        ({"message": wire("hi", message_thread_id=1, is_topic_message=True)}, "-100123:0"),
        ({"edited_message": wire("hi")}, "-100123:0"),
        ({"callback_query": {"id": "1", "from": ANA, "message": wire("hi")}}, "-100123:0:aside"),
        ({"message_reaction": {"chat": GROUP, "message_id": 5, "user": ANA}}, "-100123:0:aside"),
        ({"message": wire("/why")}, "-100123:0:look"),
        ({"message": wire("/Memory@goat_bot the cellar")}, "-100123:0:look"),
        ({"message": wire("/new")}, "-100123:0"),
        ({"message": wire("why /why")}, "-100123:0"),
        ({"edited_message": wire("/why")}, "-100123:0"),
        ({"message": wire("/why") | {"forward_origin": {"type": "user"}}}, "-100123:0"),
        ({"business_message": wire("hi", chat=ANAS)}, "101:0"),
        ({"inline_query": {"id": "1", "from": ANA, "query": "x", "offset": ""}}, NOWHERE),
        ({"something_new": {"a": 1}}, NOWHERE),
        ({"message": {"chat": {"id": "9" * 100_000}}}, NOWHERE),
        ({"message": {"chat": {"id": 10**5000}}}, NOWHERE),
        ({"message": {"chat": {"id": True}}}, NOWHERE),
    ],
)
def test_the_lane_of_an_update(contents: dict[str, Any], lane: str) -> None:
    assert lane_of({"update_id": 7, **contents}) == lane


@given(st.dictionaries(st.sampled_from(["message", "callback_query", "message_reaction", "x"]), json_values))
def test_anything_has_a_short_lane(contents: dict[str, Any]) -> None:
    lane = lane_of(contents)
    assert len(lane) < 64
    assert lane == NOWHERE or all(part.lstrip("-").isdigit() for part in lane.split(":")[:2])


@each("topic", [None, 1, 9])
@each("chat", [GROUP, ANAS])
def test_a_lane_is_that_of_the_place(chat: dict[str, Any], topic: int | None) -> None:
    more = {"message_thread_id": topic, "is_topic_message": True} if topic else {}
    sent = wire("hi", chat=chat, **more)
    place = update_place(update(message=sent))
    assert place is not None
    assert place.lane == lane_of({"message": sent})
    assert place == place_of(Message.de_json(sent, None))
    assert place.private is (chat is ANAS)


def test_a_place_without_a_message() -> None:
    reaction = {
        "chat": GROUP,
        "message_id": 5,
        "user": ANA,
        "date": 1,
        "old_reaction": [],
        "new_reaction": [],
    }
    assert update_place(update(message_reaction=reaction)) == Place(-100123, 0, private=False)
    assert update_place(update()) is None
    pressed = {"id": "1", "from": ANA, "chat_instance": "1", "data": "x", "inline_message_id": "y"}
    assert update_place(update(callback_query=pressed)) is None


@each(
    ("text", "more", "name"),
    [
        ("/why", {}, "/why"),
        ("/WHY now", {}, "/why"),
        ("/why@goat_test_bot", {}, "/why"),
        ("/why@GOAT_test_bot\nnow", {}, "/why"),
        ("/why@other_bot", {}, ""),
        ("/why@goat_test_bot2", {}, ""),
        ("please /why", {}, ""),
        ("hello", {}, ""),
        ("/allow 666", FORWARDED, ""),
        ("/allow 666", {"via_bot": OTHER_BOT}, ""),
        ("", {"caption": "/allow 666"}, ""),
        ("", {}, ""),
    ],
)
def test_which_command_a_message_gives(text: str, more: dict[str, Any], name: str) -> None:
    assert command(message(text, **more), ME) == name


OWN = wire("an answer", **{"from": {"id": 777, "is_bot": True, "first_name": "GOAT"}})


@each(
    ("text", "more", "addressed"),
    [
        ("hi all", {}, False),
        ("hi @goat_test_bot", {}, True),
        ("hi @GOAT_TEST_BOT!", {}, True),
        ("hi @goat_test_bot2", {}, False),
        ("mail me@goat_test_bot", {}, False),
        ("see /etc for it", {}, False),
        ("/why", {}, True),
        ("/why@other_bot", {}, False),
        ("/why@other_bot", {"reply_to_message": OWN}, False),
        ("/why@other_bot @goat_test_bot", {}, False),
        ("why?", {"reply_to_message": OWN}, True),
        ("why?", {"reply_to_message": wire("a question")}, False),
        ("hi @goat_test_bot", FORWARDED, False),
        ("hi @goat_test_bot", {"via_bot": OTHER_BOT}, False),
        ("/why", FORWARDED, False),
        ("", {"via_bot": OTHER_BOT, "reply_to_message": OWN}, True),
        ("", {"caption": "@goat_test_bot what is it?", "caption_entities": found("@goat_test_bot")}, True),
        ("", {"caption": "/why"}, False),
        ("", {}, False),
        (
            "hi GOAT",
            {"entities": [{"type": "text_mention", "offset": 3, "length": 4, "user": ME.to_dict()}]},
            True,
        ),
        ("hi Eve", {"entities": [{"type": "text_mention", "offset": 3, "length": 3, "user": EVE}]}, False),
    ],
)
def test_which_messages_mean_the_bot(text: str, more: dict[str, Any], addressed: bool) -> None:
    assert is_addressed(message(text, **more), ME) is addressed


@each(
    ("contents", "person"),
    [
        ({"message": wire("hi")}, True),
        ({"edited_message": wire("hi")}, True),
        ({"message": wire("hi", chat=ANAS)}, True),
        ({"message": wire("hi", chat=ANAS, **{"from": EVE})}, False),
        ({"message": wire("hi", **{"from": OTHER_BOT})}, False),
        ({"message": wire("hi", sender_chat=GROUP)}, False),
        ({"message": wire("hi", business_connection_id="b", chat=ANAS)}, False),
        ({"business_message": wire("hi", business_connection_id="b", chat=ANAS)}, False),
        ({"guest_message": wire("hi", guest_query_id="g")}, False),
        ({"channel_post": wire("hi")}, False),
        ({"inline_query": {"id": "1", "from": ANA, "query": "x", "offset": ""}}, False),
        ({"something_new": {"from": ANA}}, False),
        ({}, False),
    ],
)
def test_what_comes_from_a_person(contents: dict[str, Any], person: bool) -> None:
    assert is_from_person(update(**contents)) is person
