"""Runs a model over rows and says how far its outputs are from another's. Nothing here comes from Pith's own scoring."""

import collections
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from scipy import stats

BATCH = 50  # rows a run where the graph and the card allow it

# Operators that compute with integers. Q/DQ nodes alone are storage: they count as nothing here.
INTEGER_OPERATORS = {
    "QLinearConv", "QLinearMatMul", "QGemm", "ConvInteger", "MatMulInteger", "MatMulIntegerToFloat",
    "DynamicQuantizeMatMul", "DynamicQuantizeLSTM", "MatMulNBits", "QAttention", "QLinearAdd", "QLinearMul",
    "QLinearSigmoid", "QLinearLeakyRelu", "QLinearSoftmax", "QLinearAveragePool", "QLinearGlobalAveragePool",
    "QLinearConcat", "QLinearWhere", "QLinearReduceMean", "QEmbedLayerNormalization",
}  # fmt: skip


def session(path, optimized_to=None):
    """A session of one thread on the CPU, with ONNX Runtime's default optimizations."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    if optimized_to:
        options.optimized_model_filepath = str(optimized_to)
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def inputs_of(model):
    """Name to type of the graph's inputs."""
    return {i.name: i.type for i in model.get_inputs()}


def byte_count(path):
    """Bytes of a model file and of the external data that its weights name."""
    path = Path(path)
    model = onnx.load(path, load_external_data=False)
    outside = {
        entry.value
        for weight in model.graph.initializer
        for entry in weight.external_data
        if entry.key == "location"
    }
    return path.stat().st_size + sum((path.parent / name).stat().st_size for name in outside)


def graphs(graph):
    """A graph and every graph nested in its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for nested in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                yield from graphs(nested)


def operators(path):
    """How often each operator occurs in a model, nested graphs and functions included."""
    model = onnx.load(path, load_external_data=False)
    nodes = [node for graph in graphs(model.graph) for node in graph.node]
    nodes += [node for function in model.functions for node in function.node]
    return collections.Counter(node.op_type for node in nodes)


def integer_kernels(path):
    """The operators with integer arithmetic in the graph as ONNX Runtime would run it here."""
    with tempfile.TemporaryDirectory() as folder:
        optimized = Path(folder) / "optimized.onnx"
        session(path, optimized)
        found = operators(optimized)
    return {name: n for name, n in sorted(found.items()) if name in INTEGER_OPERATORS}


def quantizes_dynamically(path):
    """Whether ranges of activations are found at run time: then rows that share a run share a range."""
    return any(name.startswith("DynamicQuantize") for name in operators(path))


def batch_size(model, rows, path):
    """Rows a run: the card's, else the graph's, else one where ranges are dynamic, else `BATCH`."""
    if rows.batch:
        return rows.batch
    first = next(i.shape[0] for i in model.get_inputs() if i.name in rows.varying)
    if isinstance(first, int):
        return first
    return 1 if quantizes_dynamically(path) else BATCH


def outputs(model, rows, batch):
    """The scored output over all rows. A stream starts from its card's state and then follows the model's own."""
    scored = rows.output or model.get_outputs()[0].name
    if not rows.carried:
        starts = range(0, rows.count, batch)
        return np.concatenate([model.run([scored], rows.feed(i, min(i + batch, rows.count)))[0] for i in starts])
    state, kept = {}, []
    for row in range(rows.count):
        out, *after = model.run([scored, *rows.carried.values()], rows.feed(row, row + 1) | state)
        state = dict(zip(rows.carried, after))
        kept.append(out)
    return np.concatenate(kept)


def sqnr(reference, candidate):
    """`10 log10(sum R^2 / sum (R - O)^2)` in dB, pooled over everything; None where nothing differs."""
    reference, candidate = reference.astype(np.float64), candidate.astype(np.float64)
    noise = np.square(reference - candidate).sum()
    return None if noise == 0 else float(10 * np.log10(np.square(reference).sum() / noise))


def cosine(reference, candidate):
    """The mean cosine along the last axis."""
    reference, candidate = reference.astype(np.float64), candidate.astype(np.float64)
    lengths = np.linalg.norm(reference, axis=-1) * np.linalg.norm(candidate, axis=-1)
    return float(((reference * candidate).sum(-1) / np.maximum(lengths, 1e-30)).mean())


def score(rows, out):
    """The card's metric, or None where it asks for nearness only; with it the right and wrong rows of a classifier."""
    if rows.metric == "accuracy":
        right = out.reshape(len(out), -1).argmax(-1) == rows.labels[: len(out)]
        return float(right.mean()), right
    if rows.metric == "spearman":
        first, second = np.split(out.astype(np.float64), 2)
        near = (first * second).sum(-1) / (np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1))
        return float(stats.spearmanr(near, rows.pair_scores).statistic), None
    if rows.metric == "perplexity":
        return _nats_per_token(next(iter(rows.varying.values())), out), None
    return None, None


def _nats_per_token(tokens, logits):
    """The mean over all positions; row by row, since all logits in double precision take gigabytes."""
    return float(np.stack([_nats(*row) for row in zip(tokens, logits)]).mean())


def _nats(tokens, logits):
    logits = logits[:-1].astype(np.float64)
    logits -= logits.max(-1, keepdims=True)
    chosen = np.take_along_axis(logits, tokens[1:, None].astype(np.int64), -1)[..., 0]
    return np.log(np.exp(logits).sum(-1)) - chosen


def significance(reference_right, candidate_right):
    """The exact two-sided McNemar probability that two classifiers are equally often right."""
    lost = int((reference_right & ~candidate_right).sum())
    won = int((~reference_right & candidate_right).sum())
    return 1.0 if lost + won == 0 else float(stats.binomtest(lost, lost + won).pvalue)


def evaluate(path, rows, batch=None):
    """Runs the model at `path` over `rows`; the session and the scored output."""
    model = session(path)
    bound = rows.bound(inputs_of(model))
    return model, outputs(model, bound, batch or batch_size(model, bound, path))


def first_feed(model, rows):
    """The inputs of one sample, for timing."""
    return rows.bound(inputs_of(model)).feed(0, 1)

