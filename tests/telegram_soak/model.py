"""A model whose answers name their lines, after a delay."""

from collections import Counter
from dataclasses import replace

from tests.servers.faults import Answer
from tests.servers.model import ModelRequest, ModelServer
from tests.telegram_soak.script import TAG

WORD_SECONDS = 0.01
_WORDS = "noted as it was said and kept with what was said before it and that is all."


class Model(ModelServer):
    """A model endpoint.

    Attributes:
        asked: number of requests for each line, or for those that are answered together.
        waits: seconds before the answer to a line, by the number of its chat.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()
        self.waits: dict[int, float] = {}
        self.delay_per_chunk = WORD_SECONDS
        self.reply(self._answer_to)

    def _answer_to(self, request: ModelRequest) -> str:
        tags = " ".join(_tags(request))
        self.asked[tags] += 1
        return f"Re {tags}, number {self.asked.total()}: {_WORDS}"

    def _chat(self, request: ModelRequest, *, empty: bool) -> Answer:
        """Answer; an answer that is not streamed takes as long."""
        answer = super()._chat(request, empty=empty)
        written = 0.0 if request.streamed else WORD_SECONDS * len(_WORDS.split())
        return replace(answer, wait=written + self._wait(request))

    def _wait(self, request: ModelRequest) -> float:
        return self.waits.get(int(_tags(request)[0][1:].partition("n")[0]), 0.0)


def _tags(request: ModelRequest) -> list[str]:
    """Return the lines of the message, which follows after the last fence."""
    return [match.group() for match in TAG.finditer(request.last.rpartition(">")[2])]


class RunningModel:
    """Serve a model during the block."""

    def __enter__(self) -> Model:
        self._model = Model()
        self._model.start()
        return self._model

    def __exit__(self, *_: object) -> None:
        self._model.stop()
