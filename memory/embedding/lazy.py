"""An embedding model that is chosen when it is first used."""

import asyncio
from collections.abc import Callable, Sequence
from functools import cached_property

from memory.embedding.model import EmbeddingModel


class LazyEmbeddings:
    """Stand for the model that `choose` answers, without asking for it before it is needed."""

    def __init__(self, choose: Callable[[], EmbeddingModel]) -> None:
        self._choose = choose

    @cached_property
    def _model(self) -> EmbeddingModel:
        return self._choose()

    @property
    def name(self) -> str:
        """Tells this model's vectors from any other's."""
        return self._model.name

    @property
    def dimension(self) -> int | None:
        """Tell how long a vector is; None until that is known."""
        return self._model.dimension

    @property
    def remote(self) -> bool:
        """Tell whether it is reached over a network."""
        return self._model.remote

    def split_offsets(self, text: str) -> list[tuple[int, int]]:
        """Cover `text` with overlapping half-open spans of characters that each fit; may be slow."""
        return self._model.split_offsets(text)

    def embed_query(self, text: str) -> list[float]:
        """Embed what is searched for, blocking."""
        return self._model.embed_query(text)

    async def aembed_query(self, text: str) -> list[float]:
        """Embed what is searched for."""
        return await self._model.aembed_query(text)

    async def aembed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        """Embed what is searched through, in the order given."""
        return await self._model.aembed_documents(texts)

    async def ready(self) -> None:
        """Load what the first text would otherwise wait for."""
        model = await asyncio.to_thread(lambda: self._model)  # choosing it may import its library
        await model.ready()

    async def aclose(self) -> None:
        """Release threads, connections and the model's memory; the next use chooses anew."""
        if "_model" in self.__dict__:
            model = self._model
            del self.__dict__["_model"]
            await model.aclose()
