"""The probability that a memory is relevant to a message.

A logistic model of a few features, fitted by `memory.calibration.fit` and stored next to it: one file for
each embedding model, and one for those without a fit. Features are in units of the archive (similarities of
null turns, rarity of words), so that a fit carries over to archives it has not seen.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from memory.models import Evidence, QueryFacts

DEFAULT = "any"
VECTOR_FEATURES = frozenset({"standing", "share", "young"})
WORD_FEATURES = frozenset({"coverage", "unseen", "share", "young"})
PACKAGE = "memory.calibration"
LONGEST_NAME = 100
GROWN = 50
"""Turns from which an archive is past its cold start."""


def probability(log_odds: float) -> float:
    """Convert log-odds to a probability."""
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, log_odds))))


class Logistic(BaseModel):
    """`1 / (1 + exp(-(intercept + sum of coefficient * feature)))`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    intercept: float
    coefficients: Mapping[str, float]
    limits: Mapping[str, tuple[float, float]]
    """Range of each feature in the fit; values outside are clamped to it."""

    @model_validator(mode="after")
    def _limits_of_all(self) -> Self:
        if self.coefficients.keys() != self.limits.keys():
            raise ValueError("each coefficient needs its limits, and the other way round")
        if any(low > high for low, high in self.limits.values()):
            raise ValueError("limits are written as [least, most]")
        return self

    def probability(self, features: Mapping[str, float]) -> float:
        """Return the probability, in [0, 1]."""
        return probability(self.log_odds(features))

    def log_odds(self, features: Mapping[str, float]) -> float:
        logit = self.intercept
        for name, coefficient in self.coefficients.items():
            (low, high), value = self.limits[name], features[name]
            logit += coefficient * (low if value < low else high if value > high else value)
        return logit


class Calibration(BaseModel):
    """A fitted model of relevance."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    version: Literal[1]
    embedding_model: str
    with_vectors: Logistic
    words_alone: Logistic
    """Used without vectors."""
    data: Mapping[str, str]
    """SHA-256 of each data set in the fit, by name."""
    figures: Mapping[str, float] = Field(default_factory=dict)
    """Metrics on held-out data."""

    @model_validator(mode="after")
    def _known_features(self) -> Self:
        for part, known in (("with_vectors", VECTOR_FEATURES), ("words_alone", WORD_FEATURES)):
            if unknown := getattr(self, part).coefficients.keys() - known:
                raise ValueError(f"{part} weighs {min(unknown)}; it may weigh {', '.join(sorted(known))}")
        return self

    def probability(self, evidence: Evidence, query: QueryFacts) -> float:
        """Return the probability that an episode with this `evidence` is relevant to `query`."""
        if evidence.standing is None or evidence.surplus is None:
            return self.words_alone.probability(word_features(evidence, query))
        return self.with_vectors.probability(vector_features(evidence, query))


def suits(calibration: Calibration, embedding_model: str) -> bool:
    """Return whether a calibration fits an embedding model; without vectors ("") any does."""
    return not embedding_model or calibration.embedding_model in {embedding_model, DEFAULT}


def vector_features(evidence: Evidence, query: QueryFacts) -> dict[str, float]:
    """Return the features used with vectors.

    Words count in the ranking, and so in `share`. As separate features they didn't help: how many words
    of an unrelated question an archive holds by chance depends on its owner.
    """
    return {"standing": evidence.standing or 0.0, "share": evidence.share, "young": young(query)}


def word_features(evidence: Evidence, query: QueryFacts) -> dict[str, float]:
    """Return the features used without vectors."""
    return {
        "coverage": evidence.coverage,
        "unseen": query.unseen,
        "share": evidence.share,
        "young": young(query),
    }


def young(query: QueryFacts) -> float:
    """Return 1 for an archive of one turn, falling logarithmically to 0 at `GROWN` turns."""
    return max(0.0, 1 - math.log(max(query.documents, 1)) / math.log(GROWN))


@cache
def read_calibration(embedding_model: str) -> Calibration:
    """Read the calibration of an embedding model, or the default one."""
    folder = files(PACKAGE)
    for name in (file_name(embedding_model), file_name(DEFAULT)):
        if (found := folder.joinpath(name)).is_file():
            return Calibration.model_validate_json(found.read_text("utf-8"))
    raise FileNotFoundError(f"{file_name(DEFAULT)} is missing from {PACKAGE}; reinstall goat2")


def file_name(embedding_model: str) -> str:
    """Return a safe file name for any embedding model."""
    if embedding_model.replace("-", "").isalnum() and len(embedding_model) <= LONGEST_NAME:
        return f"{embedding_model}.json"
    return f"model-{hashlib.sha256(embedding_model.encode()).hexdigest()[:16]}.json"


def data_digest(data: object) -> str:
    """Return the SHA-256 of a data set."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
