"""The search for erased bytes itself: one that finds nothing proves nothing."""

import gzip
import io
import json
import pickle
import zipfile
import zlib
from pathlib import Path

import pytest

from tests.disk import found

TEXT = "Ștefan's xylophone"


def zipped(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("turns.jsonl", text)
    return packed.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.lower().encode(),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-be"),
        json.dumps({"message": TEXT}).encode(),
        pickle.dumps({"message": TEXT}),
        zlib.compress(TEXT.encode()),
        gzip.compress(TEXT.encode(), mtime=0),
        zipped(TEXT),
    ],
)
def test_a_text_is_found_in_every_form(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"\0\x78\x9cPK\x03\x04" + content + b"\0\x1f\x8b\x08")
    assert found(tmp_path, TEXT).keys() == {"deep/file"}
    assert found(tmp_path, "violin") == {}


def test_a_search_of_nothing_is_no_proof(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        found(tmp_path, TEXT)
