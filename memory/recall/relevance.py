"""The probability that a memory is relevant to a message, from evidence that moves with the archive.

A logistic model of a few features, fitted by `memory.calibration.fit` and kept as data beside it: one file an
embedding model, and one for models that have none. The features are counted in the archive's own units (what
null turns reach there, how rare a word is there), so that a fit holds in archives it has not seen.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from memory.models import Evidence, QueryFacts

DEFAULT = "any"
VECTOR_FEATURES = frozenset({"standing", "share", "young"})
WORD_FEATURES = frozenset({"coverage", "unseen", "share", "young"})
PACKAGE = "memory.calibration"
LONGEST_NAME = 100
GROWN = 50
"""Turns from which on an archive is no longer in its cold start."""


class Logistic(BaseModel):
    """`1 / (1 + exp(-(intercept + sum of coefficient * feature)))`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    intercept: float
    coefficients: Mapping[str, float]
    limits: Mapping[str, tuple[float, float]]
    """What each feature ranged over when it was fitted; values beyond are taken as the limit."""

    @model_validator(mode="after")
    def _limits_of_all(self) -> Self:
        if self.coefficients.keys() != self.limits.keys():
            raise ValueError("each coefficient needs its limits, and the other way round")
        if any(low > high for low, high in self.limits.values()):
            raise ValueError("limits are written as [least, most]")
        return self

    def probability(self, features: Mapping[str, float]) -> float:
        """Return the probability, in [0, 1]."""
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, self.log_odds(features)))))

    def log_odds(self, features: Mapping[str, float]) -> float:
        """Return the logarithm of the odds."""
        logit = self.intercept
        for name, coefficient in self.coefficients.items():
            low, high = self.limits[name]
            logit += coefficient * min(max(features[name], low), high)
        return logit


class Calibration(BaseModel):
    """What a fit found."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    version: Literal[1]
    embedding_model: str
    with_vectors: Logistic
    words_alone: Logistic
    """For when there are no vectors."""
    data: Mapping[str, str]
    """SHA-256 of each data set that it was fitted on, by name."""
    figures: Mapping[str, float] = Field(default_factory=dict)
    """What was measured on data that it was not fitted on."""

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
    """Say whether a calibration can judge what an embedding model found; any can, without vectors."""
    return not embedding_model or calibration.embedding_model in {embedding_model, DEFAULT}


class Calibrations(Protocol):
    """Calibrations that have a name, beside those that come with the package."""

    async def find(self, name: str) -> Calibration | None:
        """Return the one of that name; None when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class GivenCalibrations:
    """Calibrations as they were given."""

    by_name: Mapping[str, Calibration] = field(default_factory=dict)

    async def find(self, name: str) -> Calibration | None:
        """Return the one of that name; None when there is none."""
        return self.by_name.get(name)


def vector_features(evidence: Evidence, query: QueryFacts) -> dict[str, float]:
    """Return what the model goes by when there are vectors.

    Words count in the ranking, and thereby in `share`. By themselves they did not help: how many words of an
    unrelated question an archive holds by chance depends on what people write into it.
    """
    return {"standing": evidence.standing or 0.0, "share": evidence.share, "young": young(query)}


def word_features(evidence: Evidence, query: QueryFacts) -> dict[str, float]:
    """Return what the model goes by when there are words alone."""
    return {
        "coverage": evidence.coverage,
        "unseen": query.unseen,
        "share": evidence.share,
        "young": young(query),
    }


def young(query: QueryFacts) -> float:
    """Return 1 for an archive of one turn, falling with the logarithm to 0 at `GROWN` turns."""
    return max(0.0, 1 - math.log(max(query.documents, 1)) / math.log(GROWN))


@cache
def calibration_of(embedding_model: str) -> Calibration:
    """Read the calibration that was fitted for an embedding model, or the one for any."""
    folder = files(PACKAGE)
    for name in (file_name(embedding_model), file_name(DEFAULT)):
        if (found := folder.joinpath(name)).is_file():
            return Calibration.model_validate_json(found.read_text("utf-8"))
    raise FileNotFoundError(f"{file_name(DEFAULT)} is missing from {PACKAGE}; reinstall goat2")


def file_name(embedding_model: str) -> str:
    """Return the name of the file of a model, whatever the model is called."""
    if embedding_model.replace("-", "").isalnum() and len(embedding_model) <= LONGEST_NAME:
        return f"{embedding_model}.json"
    return f"model-{hashlib.sha256(embedding_model.encode()).hexdigest()[:16]}.json"


def digest(data: object) -> str:
    """Return what tells a data set from any other."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
