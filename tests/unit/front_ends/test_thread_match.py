"""The conversation that a chat client sends, compared with the thread."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from bot.serve.chat_request import ClientExchange
from bot.serve.thread_finder import match_thread
from memory.models import ConversationTurn


def turns(messages: str) -> list[ConversationTurn]:
    """Return turns whose message is a letter; their ids number them."""
    now = datetime.now(UTC)
    return [
        ConversationTurn(turn_id=str(number), message=message, reply="", at=now)
        for number, message in enumerate(messages)
    ]


@pytest.mark.parametrize(
    ("held", "sent", "replaced", "left", "unknown"),
    [
        ("", "", None, "", ""),
        ("ab", "ab", None, "", ""),
        ("abc", "ab", "2", "2", ""),  # answered anew, or the last message edited
        ("abcd", "a", "1", "123", ""),  # an earlier message edited
        ("abc", "", "0", "012", ""),  # the first message edited
        ("aaa", "aa", "2", "2", ""),  # the same word three times
        ("aaa", "aaa", None, "", ""),
        ("abcd", "cd", None, "", ""),  # the client cut the beginning off
        ("abcde", "cd", "4", "4", ""),
        ("abc", "ac", None, "1", ""),  # a message deleted in the client
        ("abc", "xbc", None, "0", "x"),  # the first message corrected in place
        ("c", "abc", None, "", "ab"),  # begun with another model
        ("", "ab", None, "", "ab"),
        ("abx", "abc", None, "2", "c"),  # another branch of the conversation
    ],
)
def test_what_a_client_shows_decides_about_the_thread(
    held: str, sent: Sequence[str], replaced: str | None, left: str, unknown: str
) -> None:
    match = match_thread(turns(held), [ClientExchange(f" {message}\n", "") for message in sent])
    assert (match.replaced.turn_id if match.replaced else None) == replaced
    assert "".join(match.left) == left
    assert "".join(one.message.strip() for one in match.unknown) == unknown
