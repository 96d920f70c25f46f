"""The encoder as an ONNX graph: token ids (1, tokens) to one unit vector (1, hidden).

One text at a time without padding or mask, so that a vector depends on its text only.
"""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from memory.embedding.weights import BLOCK, Quantized, Weights

CONTRIB = "com.microsoft"
INPUT = "ids"
OUTPUT = "vector"
LARGEST = 63  # of an 8-bit weight


class _Graph:
    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def int4(self, name: str, matrix: Quantized) -> str:
        """Add the matrix as signed 4-bit integers, two per byte, low half first."""
        signed = matrix.values.reshape(len(matrix.values), -1) ^ 8
        tensor = onnx.TensorProto(name=name, data_type=TensorProto.INT4, dims=signed.shape)
        tensor.raw_data = (signed[:, 0::2] | signed[:, 1::2] << 4).tobytes()
        self.constants.append(tensor)
        return name

    def add(self, kind: str, *inputs: str, domain: str = "", output: str = "", **attributes: Any) -> str:
        output = output or f"{kind}.{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], domain=domain, **attributes))
        return output


def encoder(weights: Weights) -> onnx.ModelProto:
    graph = _Graph()
    state = _embedding(graph, weights)
    for layer in range(weights.shape.layers):
        state = _attention(graph, weights, f"l{layer}.", state)
        state = _feed_forward(graph, weights, f"l{layer}.", state)
    _pool(graph, state)
    return _model(graph, weights.shape.hidden)


def _embedding(graph: _Graph, weights: Weights) -> str:
    words = weights.quantized("emb.word")
    table, scales = graph.int4("emb.word", words), graph.constant("emb.word.scales", words.scales)
    state = graph.add(
        "GatherBlockQuantized",
        *(table, INPUT, scales),
        domain=CONTRIB,
        gather_axis=0,
        quantize_axis=1,
        block_size=BLOCK,
    )
    hidden = weights.shape.hidden
    places = weights.floats("emb.pos").reshape(-1, hidden) + weights.floats("emb.type")[:hidden]
    start, length = graph.constant("start", np.array([0])), graph.add("Shape", INPUT, start=1, end=2)
    state = graph.add(
        "Add", state, graph.add("Slice", graph.constant("emb.pos", places), start, length, start)
    )
    norm = (graph.constant(name, weights.floats(name)) for name in ("emb.ln.w", "emb.ln.b"))
    return graph.add("LayerNormalization", state, *norm, axis=-1, epsilon=weights.shape.epsilon)


def _attention(graph: _Graph, weights: Weights, prefix: str, state: str) -> str:
    hidden, heads = weights.shape.hidden, weights.shape.heads
    projected = _linear(graph, weights, [prefix + name for name in "qkv"], state)
    edges = (np.arange(4) * hidden).reshape(4, 1)
    bounds = [graph.constant(f"{prefix}edge{n}", edge) for n, edge in enumerate(edges)]
    last = graph.constant(prefix + "axis", np.array([2]))
    split = [graph.add("Slice", projected, *bounds[n : n + 2], last) for n in range(3)]
    mixed = graph.add("MultiHeadAttention", *split, domain=CONTRIB, num_heads=heads)
    return _residual(graph, weights, prefix + "aln", _linear(graph, weights, [prefix + "ao"], mixed), state)


def _feed_forward(graph: _Graph, weights: Weights, prefix: str, state: str) -> str:
    inner = graph.add("Gelu", _linear_by_token(graph, weights, prefix + "fi", state), domain=CONTRIB)
    outer = _linear_by_token(graph, weights, prefix + "fo", inner)
    return _residual(graph, weights, prefix + "oln", outer, state)


def _linear(graph: _Graph, weights: Weights, names: list[str], state: str) -> str:
    return _product(graph, weights, names, state, _bias(graph, weights, names))


def _linear_by_token(graph: _Graph, weights: Weights, name: str, state: str) -> str:
    """Multiply with one scale per token, because a few tokens have by far the largest values here."""
    last = graph.constant(name + ".last", np.array([-1]))
    largest = graph.add("ReduceMax", graph.add("Abs", state), last, keepdims=1)
    product = _product(graph, weights, [name], graph.add("Div", state, largest))
    return graph.add("Add", graph.add("Mul", product, largest), _bias(graph, weights, [name]))


def _product(graph: _Graph, weights: Weights, names: list[str], state: str, *bias: str) -> str:
    """Multiply in 8 bits with one scale per output and one for all activations.

    Weights use 7 bits, so that sums of two products fit in 16 bits on processors that add them there.
    """
    matrix = np.concatenate([weights.quantized(name + ".w").full() for name in names]).T
    scales = np.abs(matrix).max(axis=0) / LARGEST
    return graph.add(
        "DynamicQuantizeMatMul",
        state,
        graph.constant(names[0] + ".values", np.rint(matrix / scales).astype(np.int8)),
        graph.constant(names[0] + ".scales", scales.astype(np.float32)),
        graph.constant(names[0] + ".zeros", np.zeros(len(scales), np.int8)),
        *bias,
        domain=CONTRIB,
    )


def _bias(graph: _Graph, weights: Weights, names: list[str]) -> str:
    bias = np.concatenate([weights.floats(name + ".b") for name in names])
    return graph.constant(names[0] + ".bias", bias)


def _residual(graph: _Graph, weights: Weights, name: str, state: str, before: str) -> str:
    norm = (graph.constant(f"{name}.{part}", weights.floats(f"{name}.{part}")) for part in "wb")
    total = graph.add("Add", state, before)
    return graph.add("LayerNormalization", total, *norm, axis=-1, epsilon=weights.shape.epsilon)


def _pool(graph: _Graph, state: str) -> None:
    mean = graph.add("ReduceMean", state, graph.constant("tokens", np.array([1])), keepdims=0)
    graph.add("LpNormalization", mean, output=OUTPUT, axis=-1, p=2)


def _model(graph: _Graph, hidden: int) -> onnx.ModelProto:
    ids = helper.make_tensor_value_info(INPUT, TensorProto.INT64, [1, "tokens"])
    vector = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [1, hidden])
    body = helper.make_graph(graph.nodes, "multilingual-e5-small", [ids], [vector], graph.constants)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid(CONTRIB, 1)]
    return helper.make_model(body, opset_imports=opsets, ir_version=10)
