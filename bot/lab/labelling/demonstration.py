"""An invented group chat of four people, for users who have no archive yet.

What they tell is archived day by day. Their questions run through the real agent without a model, together
with small talk and questions that the archive cannot answer. The data set knows which memory answers which
question; these labels replace a person's.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from bot.lab.bench.episodes import as_episodes
from bot.lab.bench.neutral import Archive
from bot.lab.bench.sets.handmade import first_person
from bot.lab.bench.sets.irrelevant import read_phrases
from bot.lab.bench.sets.labelled_set import seeded_random
from bot.lab.labelling.past_turns import PastTurn
from bot.lab.labelling.session import LabellingSession
from graph.runtime.agent import Agent
from graph.state.circumstances import Circumstances, thread_id
from memory.episodic.log.feedback_log import Feedback
from memory.models import Episode

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
    shown = {one.turn_id: {j.turn_id for j in one.decisions if j.kept} for one in observations}
    for turn in [turn for turn in turns if shown[turn.turn_id]][::REACTED]:
        good = gold[turn.turn_id] in shown[turn.turn_id]
        feedback = Feedback(turn_id=turn.turn_id, good=good, decisions="[]", at=turn.at)
        await agent.layers.feedback.put(feedback, owner=OWNER)


def _archived(archive: Archive) -> Iterator[Episode]:
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


def _questions(archives: Sequence[Archive], told_on: Mapping[str, int]) -> Iterator[SentMessage]:
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
