"""An observation in words that another agent can go by."""

from collections.abc import Mapping

from bot.mcp.turn_answers import Diagnosis, Verdict
from bot.printable import snippet
from graph.reasons import measure, words_of
from memory.models import Episode
from memory.observation import Judged, Observation
from memory.prompt import quoted


def diagnosis_of(observation: Observation, episodes: Mapping[str, Episode]) -> Diagnosis:
    """Tell what became of a turn's candidates; `episodes` holds those that are in the archive, by turn id."""
    ordered = sorted(observation.decisions, key=lambda judged: not judged.kept)
    return Diagnosis(
        turn_id=observation.turn_id,
        thread=observation.thread,
        at=observation.at,
        outcome=observation.outcome.value,
        milliseconds=observation.milliseconds,
        stages=observation.stages,
        searches=observation.searches,
        keys_meant=observation.keys_meant,
        time_meant=observation.time_meant,
        expanded=observation.expanded,
        candidates=observation.candidates,
        relevant=observation.relevant,
        used=observation.used,
        decisions=[_verdict(judged, episodes.get(judged.turn_id)) for judged in ordered],
        budget=observation.shares,
        tiers_down=list(observation.tiers_down),
        model=observation.model,
        model_seconds=observation.model_seconds,
        tools=list(observation.calls),
        tool_rounds=observation.rounds,
        grounding=observation.grounding,
        thresholds=observation.thresholds,
    )


def _verdict(judged: Judged, episode: Episode | None) -> Verdict:
    return Verdict(
        turn_id=judged.turn_id,
        excerpt=quoted(snippet(episode.text)) if episode else "",
        mechanism=judged.mechanism,
        rank=judged.rank,
        kept=judged.kept,
        rule=judged.rule,
        means=words_of(judged),
        measured=measure(judged),
        score=judged.score,
        threshold=judged.threshold,
        probability=judged.probability,
        tokens=judged.tokens,
        small_talk=judged.small_talk,
        evidence=judged.evidence,
    )
