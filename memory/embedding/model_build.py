"""Write the model's files: `python -m memory.embedding.model_build WEIGHTS FOLDER`, in its own process.

A separate process keeps the ONNX writer and its memory out of the process that embeds.
"""

import sys
from pathlib import Path

import onnx

from memory.embedding.model_cache import GRAPH, TOKENIZER
from memory.embedding.onnx_graph import encoder
from memory.embedding.sentencepiece_model import tokenizer_model
from memory.embedding.weights import UnreadableWeights, read_weights


def build(source: Path, target: Path) -> None:
    """Write the encoder and tokenizer for the weights file `source` to the folder `target`."""
    weights = read_weights(source)
    onnx.save(encoder(weights), target / GRAPH)
    (target / TOKENIZER).write_bytes(tokenizer_model(weights))


if __name__ == "__main__":
    try:
        build(Path(sys.argv[1]), Path(sys.argv[2]))
    except (OSError, UnreadableWeights) as error:
        sys.exit(str(error))
