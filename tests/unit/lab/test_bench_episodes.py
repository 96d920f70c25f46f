"""Documents of a benchmark as episodes."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, strategies as st

from bot.lab.bench.neutral import BenchArchive, BenchQuery, Doc, as_episodes, query_time, split_exchange
from tests.tables import each

PLAIN = st.text("ab :\n", max_size=80)
MARCH = datetime(2025, 3, 1, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class TestSpokenExchanges:
    @each(
        ("text", "expected"),
        [
            ("Human: why?\nAI: because", ("why?", "because")),
            ("user:why?\nassistant:because", ("why?", "because")),
            ("user:  why?\nassistant:  because ", (" why?", " because ")),
            ("user: why?\n\n\nassistant: because", ("why?", "because")),
            ("user: a\nb\nassistant: c\nd", ("a\nb", "c\nd")),
            ("user: a\nassistant: b\nuser: c\nassistant: d", ("a", "b\nuser: c\nassistant: d")),
            ("user: \nassistant: b", ("", "b")),
            ("user: a\nassistant:", ("a", "")),
            ("user: a assistant: b", ("user: a assistant: b", "")),
            ("user: alone", ("user: alone", "")),
            ("assistant: b\nuser: a", ("assistant: b\nuser: a", "")),
            ("see user: a\nassistant: b", ("see user: a\nassistant: b", "")),
            ("user: a\nthe assistant: b", ("user: a\nthe assistant: b", "")),
            ("users: a\nassistant: b", ("users: a\nassistant: b", "")),
            ("", ("", "")),
        ],
    )
    def test_table(self, text: str, expected: tuple[str, str]) -> None:
        assert split_exchange(text) == expected


class TestSpokenLines:
    @each(
        ("first", "rest", "split"),
        [
            (1, 599, False),
            (1, 600, True),
            (300, 600, True),
            (301, 601, False),
            (301, 602, True),
            (500, 999, False),
            (500, 1000, True),
        ],
    )
    def test_a_long_text_under_a_line_is_its_reply(self, first: int, rest: int, split: bool) -> None:
        message, reply = "q" * first, "a" * rest
        whole = f"{message}\n{reply}"
        assert split_exchange(whole) == ((message, reply) if split else (whole, ""))

    @given(PLAIN, PLAIN)
    def test_of_an_exchange_the_labels_alone_are_lost(self, message: str, reply: str) -> None:
        found = split_exchange(f"you: {message}\nbot: {reply}")
        assert " ".join(found).split() == f"{message} {reply}".split()


def archive(*docs: Doc, asked: tuple[BenchQuery, ...] = ()) -> BenchArchive:
    return BenchArchive(id="a", docs=docs, queries=asked)


def doc(number: int, *, at: datetime | None = None, session: str | None = None) -> Doc:
    return Doc(id=str(number), text=f"matter {number}", time=at and at.timestamp(), session=session)


class TestAsEpisodes:
    def test_a_document_is_a_turn(self) -> None:
        told = Doc(id="x", text="User: hi\nAI: hello", session="7")
        (episode,) = as_episodes(archive(told), "ana")
        assert (episode.turn_id, episode.owner, episode.thread) == ("ana:0", "ana", "ana:7")
        assert (episode.message, episode.reply) == ("hi", "hello")
        (alone,) = as_episodes(archive(doc(0)), "ana")
        assert alone.thread == "ana"

    def test_made_up_times_end_before_the_year_2026(self) -> None:
        told = [doc(0, session="a"), doc(1, session="b"), doc(2, session="b")]
        end = datetime(2026, 1, 1, tzinfo=UTC)
        times = [episode.at for episode in as_episodes(archive(*told), "ana")]
        assert times == [end - 2 * MINUTE - HOUR, end - 2 * MINUTE, end - MINUTE]

    def test_made_up_times_end_before_the_first_query_that_tells_its_time(self) -> None:
        asked = tuple(
            BenchQuery(id=str(n), text="q", time=None if at is None else at.timestamp())
            for n, at in enumerate([MARCH + HOUR, None, MARCH])
        )
        told = [doc(0), doc(1, at=MARCH - 9 * HOUR), doc(2)]
        times = [episode.at for episode in as_episodes(archive(*told, asked=asked), "ana")]
        assert times == [MARCH - 3 * MINUTE, MARCH - 9 * HOUR, MARCH - MINUTE]

    def test_a_query_is_asked_at_its_time_or_a_minute_after_the_latest_document(self) -> None:
        told = as_episodes(archive(doc(0, at=MARCH + HOUR), doc(1, at=MARCH)), "ana")
        assert query_time(BenchQuery(id="q", text="q", time=MARCH.timestamp()), told) == MARCH
        assert query_time(BenchQuery(id="q", text="q"), told) == MARCH + HOUR + MINUTE
        assert query_time(BenchQuery(id="q", text="q"), []) == datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
