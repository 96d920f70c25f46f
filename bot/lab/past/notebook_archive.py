"""The archive for a notebook: the user's own, or the demonstration, an invented group chat of four people.

What they tell is archived day by day. Their questions run through the real agent without a model, together
with small talk and questions that the archive cannot answer. The data set knows which memory answers which
question; these labels replace a person's.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from bot.lab.bench.handmade import first_person, read_phrases
from bot.lab.bench.neutral import BenchArchive, as_episodes, seeded_random
from bot.lab.notebook_agent import temporary_agent
from bot.lab.past.past_turns import PastTurn
from bot.lab.past.session import LabellingSession
from graph.layers import Layers, open_layers
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from graph.state.circumstances import Circumstances, thread_id
from memory.episodic.log.feedback_log import Feedback
from memory.errors import ConfigError
from memory.models import Episode
from memory.temporal.named_bound import read_bound

OWNER = "the demonstration"
LANGUAGE = "en"
FIRST = datetime(2026, 3, 2, 8, tzinfo=UTC)
DAYS = 30
NOTHING_KNOWN = 65
"""Messages that the archive cannot answer."""
REACTED = 3
"""One in this many answers with a memory gets a reaction."""
PATIENCE = 30.0
"""Timeout of a search in seconds."""
_STEP = timedelta(minutes=20)


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message to the agent, its day, and the turn id of the memory that answers it."""

    turn_id: str
    text: str
    day: int
    gold: str = ""


async def play_days(
    agent: Agent,
    said: Sequence[SentMessage],
    told: Sequence[Episode],
    on_turn: Callable[[], None] = lambda: None,
) -> None:
    """Play the days: archive each day's exchanges, then send its messages in a new thread.

    The search timeout is long, so that a busy machine finds the same.
    """
    layers = agent.layers
    await layers.warm_up(OWNER)
    context = layers.settings.turn_context(OWNER).model_copy(update={"prefetch_timeout": PATIENCE})
    for day in sorted({*map(day_of, told), *(one.day for one in said)}):
        await layers.episodes.append_many([one for one in told if day_of(one) == day])
        await layers.episodes.index(owner=OWNER)
        for number, one in enumerate(one for one in said if one.day == day):
            await agent.ask(
                one.text,
                owner=OWNER,
                thread=thread_id(OWNER, f"{day}"),
                turn_id=one.turn_id,
                about=Circumstances(at=_morning(day) + timedelta(hours=4) + number * _STEP),
                context=context,
                fresh=True,
            )
            on_turn()
        await layers.episodes.wait_for_index(owner=OWNER)
    await layers.recorder.flush()


def story() -> tuple[list[SentMessage], list[Episode]]:
    """Return the messages and the exchanges, the same each time."""
    people = first_person()
    archives = [a for a in people.bench.archives if people.languages[a.id] == LANGUAGE]
    told = [one for archive in archives for one in _archived(archive)]
    days = {one.turn_id: day_of(one) for one in told}
    return [*_questions(archives, days), *_irrelevant()], told


def day_of(told: Episode) -> int:
    """Return the day of an archived exchange."""
    return (told.at - FIRST).days


async def label(session: LabellingSession, gold: Mapping[str, str]) -> None:
    """Answer every question of a session from the data set."""
    while (asked := session.current) is not None:
        await session.answer(gold[asked.turn.turn_id] == asked.candidate.turn_id)


async def react(agent: Agent, turns: Sequence[PastTurn], gold: Mapping[str, str]) -> None:
    """React to some answers with memories: liked if the memory that answers the message was shown."""
    observations = await agent.layers.observations.all(owner=OWNER)
    shown = {one.turn_id: {*one.shown} for one in observations}
    for turn in [turn for turn in turns if shown[turn.turn_id]][::REACTED]:
        good = gold[turn.turn_id] in shown[turn.turn_id]
        feedback = Feedback(turn_id=turn.turn_id, good=good, decisions="[]", at=turn.at)
        await agent.layers.feedback.put(feedback, owner=OWNER)


def _archived(archive: BenchArchive) -> Iterator[Episode]:
    """Yield one person's exchanges, spread evenly over the days."""
    for number, episode in enumerate(as_episodes(archive, archive.id)):
        day = number * DAYS // len(archive.docs)
        yield replace(
            episode,
            turn_id=f"{archive.id}-{number}",
            owner=OWNER,
            thread=thread_id(OWNER, f"{day}"),
            at=_morning(day) + number % 4 * _STEP,
        )


def _questions(archives: Sequence[BenchArchive], told_on: Mapping[str, int]) -> Iterator[SentMessage]:
    """Yield the questions, each on a later day than its answer."""
    for archive in archives:
        for query in archive.queries:
            gold = f"{archive.id}-{query.gold[0]}"
            day = seeded_random(f"asked {archive.id} {query.id}").randint(told_on[gold] + 1, DAYS + 1)
            yield SentMessage(f"asked-{archive.id}-{query.id}", query.text, day, gold)


def _irrelevant() -> Iterator[SentMessage]:
    """Yield messages that the archive cannot answer."""
    texts = [text for kind, some in read_phrases().items() if kind.endswith(f", {LANGUAGE}") for text in some]
    chance = seeded_random("strange")
    for number, text in enumerate(chance.sample(texts, NOTHING_KNOWN)):
        yield SentMessage(f"strange-{number}", text, chance.randint(1, DAYS + 1))


def _morning(day: int) -> datetime:
    return FIRST + timedelta(days=day)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookArchive:
    """An archive with recorded turns."""

    layers: Layers
    owner: str
    turns: int
    """Number of recorded turns."""
    imported: int = 0
    """Number of imported turns, with or without a recorded recall."""
    demonstration: Agent | None = None
    """The demonstration's agent; None for the user's own archive."""
    gold: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The demonstration's memory that answers each message, by turn id."""

    def __str__(self) -> str:
        if self.demonstration is None:
            imported = f", {self.imported} imported" if self.imported else ""
            return f"Your own archive: {self.turns} recorded turns of {self.owner!r}{imported}."
        return (
            f"A DEMONSTRATION, since no turn of yours is recorded or imported here: {self.turns} turns of a "
            "made-up group chat, in a temporary folder. Nothing of what follows is about you."
        )

    def read_since(self, since: str) -> datetime:
        """Return the start of the time that `since` names, in the archive's time zone.

        Raises:
            ConfigError: it names no time.
        """
        try:
            return read_bound(since, now=datetime.now(UTC), zone=self.layers.zone)
        except ValueError as error:
            raise ConfigError(str(error)) from None


@asynccontextmanager
async def open_archive(
    settings: Settings,
    owner: str = "",
    *,
    counting: Callable[[int], Callable[[], None]] | None = lambda _: lambda: None,
) -> AsyncIterator[NotebookArchive]:
    """Open the owner's archive, by default the configured owner's, or the demonstration if that has no turn.

    `counting` is called with the number of the demonstration's turns, and what it returns is called after
    each turn; None opens no demonstration.

    Raises:
        ConfigError, MemoryTierError: the archive cannot be read; or it is empty, and `counting` is None or
            the owner was named, who may be misspelt.
    """
    named, owner = bool(owner), owner or settings.owner
    recorded, imported = await _count_turns(settings, owner)
    if recorded or imported:
        async with open_layers(settings) as layers:
            yield NotebookArchive(layers=layers, owner=owner, turns=recorded, imported=imported)
        return
    if counting is None or named:
        raise ConfigError(
            f"No turn of {owner!r} is recorded or imported in {settings.data_folder}. Chat with the agent, "
            "or import conversations with `goat import`; `goat stats` names the owners."
        )
    said, told = story()
    async with temporary_agent(settings, OWNER) as agent:
        await play_days(agent, said, told, counting(len(said)))
        gold = {one.turn_id: one.gold for one in said}
        yield NotebookArchive(
            layers=agent.layers, owner=OWNER, turns=len(said), demonstration=agent, gold=gold
        )


async def _count_turns(settings: Settings, owner: str) -> tuple[int, int]:
    """Count the owner's recorded and imported turns, without creating a folder."""
    served = settings.archive_url.get_secret_value()
    if not served and not (settings.data_folder / "owners").is_dir():
        return 0, 0
    async with open_layers(settings) as layers:
        imported = await layers.episodes.imported(owner=owner)
        return await layers.observations.count(owner=owner), len(imported)
