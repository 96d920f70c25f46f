"""The vectors of the null turns, kept between starts."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from memory.concurrency.tasks import Background
from memory.episodic.vectors.noise_floor import NullTurns
from tests.servers.hash_embeddings import HashEmbeddings


class Counting(HashEmbeddings):
    """Counts what it embeds; as a model behind an endpoint it may change under its name."""

    def __init__(self, *, remote: bool, sign: int = 1, dimension: int = 128) -> None:
        super().__init__(dimension=dimension)
        self.remote = remote
        self.sign = sign
        self.asked = 0

    async def aembed_query(self, text: str) -> list[float]:
        self.asked += 1
        return await super().aembed_query(text)

    async def aembed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        self.asked += len(texts)
        return await super().aembed_documents(texts)

    def _embed(self, text: str) -> list[float]:
        return [self.sign * number for number in super()._embed(text)]


async def vectors(folder: Path | None, model: Counting) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return await NullTurns(model, Background(), folder).vectors()


@pytest.mark.parametrize("remote", [False, True])
async def test_the_next_start_embeds_one_turn_to_know_the_model_by(tmp_path: Path, remote: bool) -> None:
    folder = tmp_path / "not there yet"
    first, second = Counting(remote=remote), Counting(remote=remote)
    once = await vectors(folder, first)
    again = await vectors(folder, second)
    assert (once == again).all()
    assert first.asked > len(once) - 1
    assert second.asked == 1
    assert {path.suffix for path in await asyncio.to_thread(list, folder.iterdir())} == {".npy"}


@pytest.mark.parametrize("changed", [{"sign": -1}, {"dimension": 96}])
async def test_a_model_that_changed_under_its_name_embeds_anew(
    tmp_path: Path, changed: dict[str, int]
) -> None:
    await vectors(tmp_path, Counting(remote=True))
    expected = await vectors(None, Counting(remote=True, **changed))
    assert (await vectors(tmp_path, Counting(remote=True, **changed)) == expected).all()
    after = Counting(remote=True, **changed)
    await vectors(tmp_path, after)
    assert after.asked == 1


def damaged(file: Path, whole: np.ndarray[tuple[int, ...], np.dtype[np.float32]], damage: str) -> None:
    match damage:
        case "empty":
            file.write_bytes(b"")
        case "cut":
            file.write_bytes(file.read_bytes()[:-100])
        case "noise":
            file.write_bytes(b"\x00\xff" * 500)
        case "nan":
            np.save(file, np.full_like(whole, np.nan))
        case "flat":
            np.save(file, whole[:, 0])
        case "number":
            np.save(file, np.float32(1))
        case "folder":
            file.unlink()
            file.mkdir()


@pytest.mark.parametrize("damage", ["empty", "cut", "noise", "nan", "flat", "number", "folder"])
def test_a_damaged_file_is_written_anew(tmp_path: Path, damage: str) -> None:
    whole = asyncio.run(vectors(tmp_path, Counting(remote=False)))
    (file,) = tmp_path.iterdir()
    damaged(file, whole, damage)
    assert (asyncio.run(vectors(tmp_path, Counting(remote=False))) == whole).all()
