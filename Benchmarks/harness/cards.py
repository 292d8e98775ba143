"""Data cards: where a model's inputs and labels come from, and how raw bytes become numbers.

This reader is the benchmark's own, apart from Pith's and from the acceptance checks', so that an error in one of
them shows as a difference. It needs NumPy and PyYAML only: the peers' processes load it inside their timed run.
"""

import gzip
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import yaml

# ONNX Runtime's names of the input types that occur.
TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(int16)": np.int16,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
    "tensor(bool)": np.bool_,
}
IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


@dataclass
class Rows:
    """The rows of one range: `varying` inputs by row, `constant` ones whole, `carried` state by input name."""

    varying: dict
    constant: dict
    carried: dict
    labels: np.ndarray | None = None
    pair_scores: np.ndarray | None = None
    metric: str = "fidelity"
    output: str | None = None
    batch: int | None = None
    types: dict = field(default_factory=dict)

    @property
    def count(self):
        return len(next(iter(self.varying.values())))

    def bound(self, inputs):
        """The same rows for a graph with these inputs (name to ONNX Runtime's type): inputs it lacks are left out."""
        kept = lambda values: {k: v for k, v in values.items() if k in inputs}
        types = {k: TYPES[v] for k, v in inputs.items() if v in TYPES}
        return Rows(
            kept(self.varying), kept(self.constant), kept(self.carried),
            self.labels, self.pair_scores, self.metric, self.output, self.batch, types,
        )

    def feed(self, start, stop):
        """The inputs of rows `start..<stop` in the graph's types."""
        chosen = {k: v[start:stop] for k, v in self.varying.items()} | self.constant
        return {k: np.ascontiguousarray(v, dtype=self.types.get(k, v.dtype)) for k, v in chosen.items()}


def load(path, key, limit=None):
    """Reads the rows that the card at `path` lists under `key` (`calibrate` or `evaluate`), at most `limit` of them."""
    path = Path(path)
    card = yaml.safe_load(path.read_text())
    start, stop = card[key]
    stop = stop if limit is None else min(stop, start + limit)
    index = np.arange(start, stop)
    pairs = card.get("pairs")
    rows = np.concatenate([index, index + pairs["offset"]]) if pairs else index
    result = Rows({}, {}, {}, metric=card.get("metric", "fidelity"), output=card.get("output"), batch=card.get("batch"))
    for name, source in card["inputs"].items():
        if "file" in source:
            result.varying[name] = _converted(_raw(path.parent, source), source, rows)
        else:
            result.constant[name] = np.asarray(source["value"]) if "value" in source else np.zeros(source["zeros"], np.float32)
        if "from" in source:
            result.carried[name] = source["from"]
    if "labels" in card:
        result.labels = _raw(path.parent, card["labels"]).reshape(-1)[index]
    if pairs:
        source = next(s for s in card["inputs"].values() if "file" in s)
        result.pair_scores = _raw(path.parent, source | {"array": pairs["score"]})[index]
    return result


def _raw(folder, source):
    path = folder / source["file"]
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return arrays[source["array"]]
    if path.suffix == ".npy":
        return np.load(path)
    return _idx(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())


def _idx(data):
    """The array of an IDX file: two zeros, a type, a rank, that many big-endian lengths, the values."""
    rank = data[3]
    shape = np.frombuffer(data, ">u4", rank, 4)
    return np.frombuffer(data, IDX_TYPES[data[2]], offset=4 + 4 * rank).reshape(shape)


def _converted(raw, source, rows):
    """The chosen rows as numbers: `(raw * scale - mean) / std`; integers stay as they are where nothing is asked."""
    if "axes" in source:
        raw = raw.transpose(source["axes"])
    if "shape" in source:
        raw = raw.reshape([len(raw), *source["shape"]])
    raw = raw[rows]
    if not {"scale", "mean", "std"} & set(source):
        return raw
    scale, mean, std = (_along_axis_one(source.get(k, d), raw.ndim) for k, d in (("scale", 1), ("mean", 0), ("std", 1)))
    return (raw.astype(np.float32) * scale - mean) / std


def _along_axis_one(value, rank):
    value = np.asarray(value, np.float32)
    return value.reshape([1, -1] + [1] * (rank - 2)) if value.ndim else value


def steps(session, rows):
    """The inputs of each row in turn, one row a run, the state of a stream taken from the run before."""
    state, outputs = {}, list(rows.carried.values())
    for row in range(rows.count):
        feed = rows.feed(row, row + 1) | state
        yield feed
        if outputs:
            state = dict(zip(rows.carried, session.run(outputs, feed)))
