"""Shorten cases of LongMemEval to fewer sessions: `python -m tests.bench.recall.cut FOLDER CASE...`.

A shortened case keeps the sessions that answer the question, and others drawn at random, in order. Its
archive is smaller, and recall from it easier, than the benchmark's.
"""

import argparse
import json
import lzma
import random
from pathlib import Path
from typing import Any

SESSIONS = 10
"""Sessions of a shortened case."""


def cut(case: dict[str, Any], sessions: int) -> dict[str, Any]:
    """Return the case with this many sessions, including all that answer a question."""
    answers = {
        one
        for query in case["queries"]
        for key in ("answer_session_ids", "original_answer_session_ids")
        for one in query["metadata"].get(key) or ()
    }
    places = range(len(case["sessions"]))
    kept = [place for place in places if case["sessions"][place]["session_id"] in answers]
    others = [place for place in places if place not in kept]
    chance = random.Random(case["case_id"])
    kept += chance.sample(others, max(0, min(len(others), sessions - len(kept))))
    return {**case, "sessions": [case["sessions"][place] for place in sorted(kept)]}


def main() -> None:
    """Write each case as `CASE.json.xz`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("cases", type=Path, nargs="+")
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for path in given.cases:
        text = json.dumps(cut(json.loads(path.read_text("utf-8")), given.sessions), ensure_ascii=False)
        packed = lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)
        (given.folder / f"{path.stem}.json.xz").write_bytes(packed)


if __name__ == "__main__":
    main()
