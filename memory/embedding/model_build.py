"""Write the model's files: `python -m memory.embedding.model_build WEIGHTS FOLDER`, in its own process.

A separate process keeps the ONNX writer and its memory out of the process that embeds.

The tokenizer is a `ModelProto` of sentencepiece_model.proto; only fields that differ from the defaults are
set. The normalisation (NFKC with extra rules for white space and control characters) is sentencepiece's
`nmt_nfkc`.
"""

import struct
import sys
from pathlib import Path

import onnx
import sentencepiece

from memory.embedding.model_cache import GRAPH, TOKENIZER
from memory.embedding.onnx_graph import encoder
from memory.embedding.weights import UnreadableWeights, Weights, read_weights

BEGIN, PAD, END, UNKNOWN = 0, 1, 2, 3
_SPECIAL = {BEGIN: 3, PAD: 3, END: 3, UNKNOWN: 2}  # id -> ModelProto.SentencePiece.Type
_NORMAL, _USER_DEFINED = 1, 4
_UNIGRAM = 1
_VARINT, _BYTES, _FLOAT = 0, 2, 5  # wire types
_MORE = 0x80  # continuation bit of a varint


def tokenizer_model(weights: Weights) -> bytes:
    """Serialize the vocabulary with its scores; concatenated protobuf messages merge into one."""
    normaliser = sentencepiece.SentencePieceNormalizer(rule_name="nmt_nfkc").serialized_model_proto()
    scored = enumerate(zip(weights.pieces, weights.scores.tolist(), strict=True))
    entries = (_bytes(1, _piece(index, text, score)) for index, (text, score) in scored)
    return b"".join([normaliser, *entries, _bytes(2, _trainer(len(weights.pieces)))])


def _piece(index: int, text: bytes, score: float) -> bytes:
    kind = _SPECIAL.get(index, _USER_DEFINED if text == b"<mask>" else _NORMAL)
    return _bytes(1, text) + _key(2, _FLOAT) + struct.pack("<f", score) + _integer(3, kind)


def _trainer(size: int) -> bytes:
    ids = ((40, UNKNOWN), (41, BEGIN), (42, END), (43, PAD))
    names = ((45, b"<unk>"), (46, b"<s>"), (47, b"</s>"), (48, b"<pad>"))
    fields = [_integer(3, _UNIGRAM), _integer(4, size)]
    fields += [_integer(field, value) for field, value in ids]
    return b"".join(fields + [_bytes(field, name) for field, name in names])


def _bytes(field: int, value: bytes) -> bytes:
    return _key(field, _BYTES) + _varint(len(value)) + value


def _integer(field: int, value: int) -> bytes:
    return _key(field, _VARINT) + _varint(value)


def _key(field: int, wire_type: int) -> bytes:
    return _varint(field << 3 | wire_type)


def _varint(value: int) -> bytes:
    groups = bytearray()
    while value >= _MORE:
        groups.append(value & (_MORE - 1) | _MORE)
        value >>= 7
    groups.append(value)
    return bytes(groups)


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
