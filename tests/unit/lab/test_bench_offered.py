"""What there is to tune on: the hand-made archives, and public cases that every clone has."""

import lzma
from pathlib import Path

import pytest

from bot.lab.bench.data_sets import NoData, calibration_without, labelled_sets, packed_cases
from tests.notebooks.executing import FOLDER

PACKED = FOLDER / "data"


def test_a_clone_has_hand_made_archives_and_public_cases() -> None:
    own, public = labelled_sets(None, PACKED)
    assert (own.name, public.name) == ("first person", "LongMemEval")
    assert "fitted without them" in str(own)
    assert "has not seen them" in str(public)
    assert len(own.labelled.bench.archives) == len(public.labelled.bench.archives) == 8
    assert any(query.irrelevant for archive in public.labelled.bench.archives for query in archive.queries)


def test_every_packed_case_has_what_answers_its_question() -> None:
    for archive in packed_cases(PACKED / "longmemeval").bench.archives:
        sessions = {doc.session for doc in archive.docs}
        assert len(sessions) == 10
        assert {gold for query in archive.queries for gold in query.gold} <= sessions


def test_a_folder_of_benchmarks_is_used_instead(tmp_path: Path) -> None:
    case = next((PACKED / "longmemeval").glob("*.xz"))
    (tmp_path / "longmemeval_s.json").write_bytes(lzma.decompress(case.read_bytes()))
    _, public = labelled_sets(tmp_path, PACKED)
    assert public.source == "GOAT_BENCH_DATA"
    assert len(public.labelled.bench.archives) == 1


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoData, match="locomo"):
        labelled_sets(tmp_path, PACKED)
    with pytest.raises(NoData, match="notebooks"):
        packed_cases(tmp_path)


def test_each_calibration_has_not_seen_its_set() -> None:
    assert set(calibration_without("first_person").data) == {"LoCoMo"}
    assert set(calibration_without("locomo").data) == {"first person"}
