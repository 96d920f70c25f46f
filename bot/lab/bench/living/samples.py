"""What the two decisions are fitted on: lives in conversation, and messages that call for nothing."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

import memory.episodic.vectors
from bot.lab.bench.bench_run import Progress
from bot.lab.bench.living.archives import ANSWERED, OTHER_PERSON, PART
from bot.lab.bench.living.lives import NEAR_MISSES, Lives, Person, Probe
from bot.lab.bench.living.probe_run import run_lives
from bot.lab.bench.recaller import Recalled
from bot.lab.bench.sets.handmade import packaged
from graph.layers import Layers
from graph.settings.context import TurnContext
from memory.calibration.staged_fit import Message, Sample
from memory.recall.evidence_traits import MessageContext, Traits, memory_traits
from nodes.gap_filter import limit_candidates
from nodes.judgement import shown_turns

UNCALLED = ("small_talk", "new_topic")
"""Kinds of messages that call for no memory, whatever there is."""
LIVED: Mapping[str, float] = {"small_talk": 4.0, "new_topic": 4.0, "in_conversation": 2.0} | dict.fromkeys(
    NEAR_MISSES, 1.5
)
"""What a probe of a kind counts: a memory shown for small talk costs more than one for a near miss."""
ARCHIVED: Mapping[str, float] = {ANSWERED: 0.55, OTHER_PERSON: 0.6}
HANDMADE: Mapping[str, float] = {ANSWERED: 0.3, OTHER_PERSON: 0.3}
"""The same of archives of other benchmarks, and of the hand-made ones."""
OF_OTHERS, OPENING = 0.5, 0.25
"""What a message counts that no archive was asked; openings are many, and some do call for memory."""
IN_OTHER_LANGUAGE = 0.3
"""What a message that calls for nothing counts in an archive of another language: most such samples are
questions of other people, which would teach that one who asks in another language never means the archive."""
OPENING_CHARS = 600
FIRST_PERSON = "first_person"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A probe as it was asked, and what it was labelled with."""

    person: Person
    probe: Probe
    recalled: Recalled
    vector: Sequence[float] = ()
    """That it was searched with."""

    @property
    def group(self) -> str:
        """Whose archive it is, or a part of."""
        return self.person.id.partition(PART)[0]

    def sample(self, weights: Mapping[str, float]) -> Sample:
        """Return what a fit takes of it."""
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
        """Whether a fit can learn of it: what answers is not in the conversation already."""
        return shown_turns(self.recalled.state["conversation"]).isdisjoint(self.probe.gold)


async def labelled(layers: Layers, lives: Lives, context: TurnContext, progress: Progress) -> list[Labelled]:
    """Ask every person's archive that person's probes."""
    found: list[Labelled] = []
    await run_lives(layers, lives, context, progress, observe=lambda *given: found.append(Labelled(*given)))
    return [
        Labelled(each.person, each.probe, each.recalled, await _vector(layers, _searched(each)))
        for each in found
    ]


def samples(asked: Iterable[Labelled], weights: Mapping[str, float]) -> list[Sample]:
    """Return what a fit takes of probes, which count by kind."""
    return [sample for each in asked if each.tells and (sample := each.sample(weights)).traits]


async def messages(layers: Layers, openings: Iterable[str]) -> list[Message]:
    """Return messages that no archive was asked: null turns, openings of chats, first-person questions."""
    nulls = json.loads(files(memory.episodic.vectors).joinpath("null_turns.json").read_text("utf-8"))
    idle = [text for kind in ("small_talk", "foreign") for texts in nulls[kind].values() for text in texts]
    asked = [question["text"] for one in packaged(FIRST_PERSON) for question in one["questions"]]
    opened = list(dict.fromkeys(text[:OPENING_CHARS] for text in openings))
    weighed = ((idle, False, OF_OTHERS), (asked, True, OF_OTHERS), (opened, False, OPENING))
    return [
        Message(np.asarray(await _vector(layers, text), np.float32), calls, weight)
        for texts, calls, weight in weighed
        for text in texts
    ]


def _in_other_language(traits: Sequence[Traits]) -> bool:
    return 2 * sum(each["other_language"] for each in traits) > len(traits)


async def _vector(layers: Layers, text: str) -> list[float]:
    return await layers.embeddings.aembed_query(text)


def _searched(each: Labelled) -> str:
    return each.recalled.state["recall"].expanded or each.probe.user
