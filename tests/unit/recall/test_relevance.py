"""The probability of relevance: what moves it, how far, and which fit it is taken from."""

import json
import math
from dataclasses import replace
from importlib.resources import files

import pytest
from hypothesis import given, strategies as st

from memory.models import Evidence, QueryFacts
from memory.recall.relevance import (
    DEFAULT,
    PACKAGE,
    Calibration,
    Logistic,
    data_digest,
    file_name,
    read_calibration,
    vector_features,
    word_features,
)
from memory.recall.staged import PREFIX
from tests.tables import each

EVIDENCE = Evidence(lexical=3, coverage=0.5, cosine=0.4, standing=1.0, surplus=2.0)
QUERY = QueryFacts(documents=100, words=3, unseen=0.25, model="any")
SHIPPED = sorted(
    each.name.removesuffix(".json")
    for each in files(PACKAGE).iterdir()
    if each.name.endswith(".json") and not each.name.startswith(PREFIX)
)


def test_a_logistic_by_hand() -> None:
    model = Logistic(intercept=-1, coefficients={"a": 2, "b": -0.5}, limits={"a": (0, 1), "b": (-10, 10)})
    assert model.probability({"a": 0.5, "b": 0}) == pytest.approx(0.5)
    assert model.probability({"a": 1, "b": 2}) == pytest.approx(0.5)
    assert model.probability({"a": 1, "b": 0}) == pytest.approx(1 / (1 + math.exp(-1)))
    assert model.probability({"a": 7, "b": 0}) == pytest.approx(1 / (1 + math.exp(-1)))  # taken as 1
    assert model.probability({"a": -7, "b": 0}) == pytest.approx(1 / (1 + math.exp(1)))  # taken as 0


def test_the_features_are_what_the_evidence_says() -> None:
    words, vectors = word_features(EVIDENCE, QUERY), vector_features(EVIDENCE, QUERY)
    assert (words["coverage"], words["unseen"]) == (0.5, 0.25)
    assert vectors["standing"] == 1.0
    assert not {"standing", "surplus"} & words.keys()
    for empty in (word_features(EVIDENCE, QueryFacts()), vector_features(EVIDENCE, QueryFacts())):
        assert all(math.isfinite(value) for value in empty.values())


@each(
    "bare",
    [replace(EVIDENCE, standing=None), replace(EVIDENCE, surplus=None), Evidence(lexical=3, coverage=1)],
)
def test_without_vectors_the_words_alone_are_asked(bare: Evidence) -> None:
    sure = Logistic(intercept=50, coefficients={}, limits={})
    never = Logistic(intercept=-50, coefficients={}, limits={})
    given = Calibration(version=1, embedding_model="m", with_vectors=sure, words_alone=never, data={})
    assert given.probability(EVIDENCE, QUERY) > 0.99
    assert given.probability(bare, QUERY) < 0.01


@each("name", ["", "nobody/has-this", "text-embedding-9-huge", "../any"])
def test_an_unknown_embedding_model_has_the_calibration_of_any(name: str) -> None:
    assert read_calibration(name) == read_calibration(DEFAULT)


@each("name", SHIPPED)
def test_every_calibration_that_is_shipped_can_be_used(name: str) -> None:
    shipped = Calibration.model_validate_json(files(PACKAGE).joinpath(f"{name}.json").read_text("utf-8"))
    assert file_name(shipped.embedding_model) == f"{name}.json"
    assert read_calibration(shipped.embedding_model) == shipped
    with_vectors, alone = vector_features(EVIDENCE, QUERY), word_features(EVIDENCE, QUERY)
    for model, known in ((shipped.with_vectors, with_vectors), (shipped.words_alone, alone)):
        assert model.coefficients.keys() <= known.keys()
        assert model.coefficients.keys() <= model.limits.keys()
        assert all(low <= high for low, high in model.limits.values())


@each("name", SHIPPED)
def test_what_speaks_for_a_memory_makes_it_more_probable(name: str) -> None:
    shipped = Calibration.model_validate_json(files(PACKAGE).joinpath(f"{name}.json").read_text("utf-8"))
    strong = Evidence(lexical=20, coverage=1, cosine=0.95, standing=8, surplus=8, share=1)
    weak = Evidence(lexical=0, coverage=0, cosine=0.1, standing=-5, surplus=-5, share=0)
    for better, worse in (
        (strong, weak),
        (Evidence(lexical=20, coverage=1, share=1), Evidence(lexical=0, coverage=0, share=0)),
    ):
        assert shipped.probability(better, QUERY) > 0.5 > shipped.probability(worse, QUERY)


@given(st.text(), st.text())
def test_file_names_stay_in_their_folder_and_apart(one: str, other: str) -> None:
    names = [file_name(one), file_name(other)]
    assert not any(set("/\\.\0") & set(name.removesuffix(".json")) for name in names)
    assert (names[0] == names[1]) == (one == other)


def test_a_digest_depends_on_the_data_and_not_on_its_order() -> None:
    assert data_digest({"a": 1, "b": "ț"}) == data_digest(json.loads('{"b": "ț", "a": 1}'))
    assert data_digest({"a": 1}) != data_digest({"a": 2})
