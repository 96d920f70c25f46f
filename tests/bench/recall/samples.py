"""Training data of the two decisions: lives, archives as lives, and messages that need no memory."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType

import numpy as np

import memory.episodic.vectors
from bot.lab.bench.bench_run import RecallResult
from bot.lab.bench.handmade import OTHERS, packaged_json, with_irrelevant
from bot.lab.bench.lives import NEAR_MISSES, ArchivedExchange, Lives, Person, Probe, run_lives
from bot.lab.bench.neutral import (
    Bench,
    BenchArchive,
    LabelledBench,
    as_episodes,
    draw_archive,
    query_time,
    seeded_random,
    split_exchange,
)
from graph.layers import Layers
from graph.settings.context import TurnContext
from memory.recall.evidence_traits import MessageContext, Traits, memory_traits
from nodes.gap_filter import limit_candidates, shown_turns
from tests.bench.recall.staged_fit import LabelledMessage, Sample

ANSWERED, OTHER_PERSON = "third_person", "other_person"
"""Kinds: a question that the archive answers, and one that another archive answers."""
NO_PARTS: Mapping[int, int] = MappingProxyType({})
PART = "/"
"""Separates the number of a partial archive from the person's id."""

UNCALLED = ("small_talk", "new_topic")
"""Kinds of messages that need no memory, whatever the archive holds."""
LIVED: Mapping[str, float] = {"small_talk": 4.0, "new_topic": 4.0, "in_conversation": 2.0} | dict.fromkeys(
    NEAR_MISSES, 2.0
)
"""Weights of the kinds: a memory shown for small talk costs more than one for a near miss."""
ARCHIVED: Mapping[str, float] = {ANSWERED: 0.55, OTHER_PERSON: 0.6}
HANDMADE: Mapping[str, float] = {ANSWERED: 0.3, OTHER_PERSON: 0.3}
"""The same for archives of other benchmarks, and for the hand-made ones."""
OF_OTHERS, OPENING = 0.5, 0.25
"""Weights of messages without an archive; openings are many, and some do need memory."""
IN_OTHER_LANGUAGE = 0.3
"""Weight of a message that needs no memory, in an archive of another language. Most such samples are other
people's questions, and would teach that a question in another language never means the archive.
"""
OPENING_CHARS = 600
FIRST_PERSON = "first_person"


def as_lives(labelled: LabelledBench, *, of_others: int, sizes: Mapping[int, int] = NO_PARTS) -> Lives:
    """Return each archive as a life, with its own questions and up to `of_others` of other archives.

    Smaller archives are drawn from it reproducibly: `sizes` maps a number of turns to a number of archives.
    """
    bench, chance = with_irrelevant(labelled, {}, per_kind=of_others), seeded_random(labelled.bench.name)
    parts = [
        draw_archive(archive, size, chance).model_copy(update={"id": f"{archive.id}{PART}{size}.{number}"})
        for archive in bench.archives
        for size, count in sizes.items()
        for number in range(count if size < len(archive.docs) else 0)
    ]
    return Lives(name=bench.name, people=tuple(map(_person, [*bench.archives, *parts])))


def _person(archive: BenchArchive) -> Person:
    episodes = as_episodes(archive, archive.id)
    turns = [
        ArchivedExchange(id=doc.id, at=said.at, thread=said.thread, user=said.message, assistant=said.reply)
        for doc, said in zip(archive.docs, episodes, strict=True)
    ]
    probes = [
        Probe(
            id=f"{archive.id}/{query.id}",
            at=query_time(query, episodes),
            thread=f"{archive.id} asked",
            user=query.text,
            gold=query.gold,
            needed=query.gold,
            kind=OTHER_PERSON if query.irrelevant else ANSWERED,
        )
        for query in archive.queries
        if query.kind == OTHERS or (query.gold and not query.irrelevant)
    ]
    return Person(id=archive.id, language="en", turns=tuple(turns), probes=tuple(probes))


def openings(bench: Bench) -> Iterator[str]:
    """Yield the first messages of chats that answer no question: nearly all of them need no memory."""
    for archive in bench.archives:
        answering = {unit for query in archive.queries for unit in query.gold}
        seen = set[str | None]()
        for doc in archive.docs:
            if doc.session not in seen and answering.isdisjoint({doc.id, doc.session}):
                yield split_exchange(doc.text)[0]
            seen.add(doc.session)


@dataclass(frozen=True, slots=True)
class LabelledProbe:
    """A probe and its recall."""

    person: Person
    probe: Probe
    recalled: RecallResult
    vector: Sequence[float]
    """Its query vector."""

    @property
    def group(self) -> str:
        """The person, without the number of a partial archive."""
        return self.person.id.partition(PART)[0]

    def sample(self, weights: Mapping[str, float]) -> Sample:
        """Return it as a sample to fit on."""
        state = self.recalled.state
        turns = state["conversation"].turns
        asked = MessageContext(
            message=self.probe.user, at=self.probe.at, query=state["recall"].query, turns=turns
        )
        window = shown_turns(state["conversation"])
        found = limit_candidates(state["recall"].candidates, TurnContext().prefetch_results, window)
        apart = [each for each in found if each.turn_id not in window]
        traits = memory_traits(asked, apart) if apart else []
        gold = [each.turn_id in self.probe.gold for each in apart]
        weight = weights.get(self.probe.kind, 1.0)
        if not any(gold) and _in_other_language(traits):
            weight *= IN_OTHER_LANGUAGE
        return Sample(
            group=self.group,
            asked=asked,
            traits=traits,
            gold=gold,
            vector=np.asarray(self.vector, np.float32),
            calls=self.probe.kind not in UNCALLED,
            weight=weight,
        )

    @property
    def tells(self) -> bool:
        """Whether a fit can learn from it: no answer is in the conversation already."""
        return shown_turns(self.recalled.state["conversation"]).isdisjoint(self.probe.gold)


async def label_probes(
    layers: Layers,
    lives: Lives,
    context: TurnContext,
    on_embedded: Callable[[int], None],
    on_asked: Callable[[], None],
) -> list[LabelledProbe]:
    """Run every person's probes."""
    run = await run_lives(layers, lives, context, on_embedded=on_embedded, on_asked=on_asked)
    return [
        LabelledProbe(
            *one, await layers.embeddings.aembed_query(one[2].state["recall"].expanded or one[1].user)
        )
        for one in run
    ]


def samples(asked: Iterable[LabelledProbe], weights: Mapping[str, float]) -> list[Sample]:
    """Return probes as samples, weighted by kind."""
    return [sample for each in asked if each.tells and (sample := each.sample(weights)).traits]


async def messages(layers: Layers, openings: Iterable[str]) -> list[LabelledMessage]:
    """Return messages without an archive: null turns, openings of chats, first-person questions."""
    nulls = json.loads(files(memory.episodic.vectors).joinpath("null_turns.json").read_text("utf-8"))
    idle = [text for kind in ("small_talk", "foreign") for texts in nulls[kind].values() for text in texts]
    asked = [question["text"] for one in packaged_json(FIRST_PERSON) for question in one["questions"]]
    opened = list(dict.fromkeys(text[:OPENING_CHARS] for text in openings))
    weighed = ((idle, False, OF_OTHERS), (asked, True, OF_OTHERS), (opened, False, OPENING))
    return [
        LabelledMessage(np.asarray(await layers.embeddings.aembed_query(text), np.float32), calls, weight)
        for texts, calls, weight in weighed
        for text in texts
    ]


def _in_other_language(traits: Sequence[Traits]) -> bool:
    return 2 * sum(each["other_language"] for each in traits) > len(traits)
