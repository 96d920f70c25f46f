"""Baselines of a turn: Chroma with its default embedding, and the sum of a turn's parts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import chromadb
import numpy as np
import onnxruntime
from chromadb.config import Settings as ChromaSettings
from langchain_core.runnables import RunnableConfig

from graph.checkpoint.redis_saver import RedisSaver
from graph.layers import Layers
from memory.embedding.encoder import Tokenizer
from memory.embedding.model_cache import GRAPH, TOKENIZER

PADDED_TO = 256
PAD = 1
RESULTS = 15
FOUND = 90
"""Number of parts that a turn's search requests from the index."""


class ChromaAsItComes:
    """Query a collection with Chroma's default embedding function, which loads its model for each query."""

    def __init__(self, folder: Path, collection: str, model: Path) -> None:
        client = chromadb.PersistentClient(folder, settings=ChromaSettings(anonymized_telemetry=False))
        self._collection = client.get_collection(collection, embedding_function=None)
        self._model = model

    def query(self, text: str) -> int:
        """Search, blocking; return the number of results."""
        found = self._collection.query(query_embeddings=[self._embed(text)], n_results=RESULTS)
        return len(found["ids"][0])

    def _embed(self, text: str) -> Sequence[float]:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(
            str(self._model / GRAPH), options, providers=["CPUExecutionProvider"]
        )
        ids = Tokenizer(self._model / TOKENIZER).ids(f"query: {text}")[:PADDED_TO]
        padded = np.array([ids + [PAD] * (PADDED_TO - len(ids))])
        (vectors,) = session.run(None, {"ids": padded})
        vector: list[float] = vectors[0].tolist()
        return vector


class SumOfParts:
    """The minimum of a turn: embed the message, search the vectors, write the checkpoints."""

    def __init__(self, layers: Layers, saver: RedisSaver, collection: str) -> None:
        self._layers = layers
        self._saver = saver
        self._collection = collection

    async def run(self, text: str, written: Sequence[tuple[str, Sequence[Any]]], thread: str) -> int:
        """Run it with a turn's checkpoints; return the number of results."""
        vector = await self._layers.embeddings.aembed_query(text)
        found = await self._layers.vectors.search(self._collection, vector, FOUND)
        for method, (config, *values) in written:
            await getattr(self._saver, method)(_in_thread(config, thread), *values)
        return len(found)


def _in_thread(config: RunnableConfig, thread: str) -> RunnableConfig:
    return {**config, "configurable": {**config["configurable"], "thread_id": thread}}
