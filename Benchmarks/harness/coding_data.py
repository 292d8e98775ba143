"""Arrays to code: generated ones with the statistics of weights, and those of a real model."""

import json
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import coding_pith

COLUMNS = 4096
TYPES = {"bf16": "BF16", "fp16": "F16", "fp32": "F32", "int8": "I8"}


@dataclass(frozen=True)
class Dataset:
    """One file to code: its numbers as one array of 8, 16 or 32 bits, and the sizes that no coder of its kind goes below."""

    name: str
    kind: str
    path: Path
    numbers: Path
    byte_count: int
    bounds: dict


def safetensors(path, arrays, kind):
    """Writes arrays by name as one safetensors file."""
    header, offset = {}, 0
    for name, array in arrays.items():
        header[name] = {"dtype": TYPES[kind], "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in arrays.values():
            array.tofile(file)


def weights(seed, rows):
    """Gaussian numbers whose rows have scales of their own."""
    random = np.random.default_rng(seed)
    scales = np.exp(random.normal(-4, 0.35, (rows, 1))).astype(np.float32)
    return random.standard_normal((rows, COLUMNS), dtype=np.float32) * scales


def to_bf16(numbers):
    """Rounded to 16 bits, ties to even."""
    bits = np.ascontiguousarray(numbers, dtype=np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def entropy(symbols):
    """Bits a symbol, order 0."""
    counts = np.bincount(symbols.ravel().astype(np.int64))
    shares = counts[counts > 0] / symbols.size
    return float(-(shares * np.log2(shares)).sum())


def bounds(array, kind):
    """Ratios of an ideal coder of order 0: exponents alone, and whole symbols where these are few enough to count."""
    width = 8 * array.dtype.itemsize
    if kind == "int8":
        return {"symbols": width / entropy(array.view(np.uint8))}
    bits = array.view(np.uint16 if width == 16 else np.uint32).ravel()
    if (bits == 0).mean() > 0.5:  # a bit for each element that says whether it is there
        kept = bits[bits != 0]
        share = kept.size / bits.size
        mask = -share * np.log2(share) - (1 - share) * np.log2(1 - share)
        return {"exponents": width / (mask + share * (entropy(kept >> 23 & 255) + 24))}
    mantissa = {"bf16": 7, "fp16": 10, "fp32": 23}[kind]
    exponents = bits >> mantissa & (1 << width - 1 - mantissa) - 1
    found = {"exponents": width / (entropy(exponents) + 1 + mantissa)}
    if width == 16:
        found["symbols"] = width / entropy(bits)
    return found


def dataset(folder, name, kind, arrays):
    """Writes a data set as a model file and as bare numbers for the peers."""
    path, numbers = folder / f"{name}.safetensors", folder / f"{name}.npy"
    safetensors(path, arrays, kind)
    flat = np.concatenate([array.ravel() for array in arrays.values()])
    np.save(numbers, flat)
    return Dataset(name, kind, path, numbers, flat.nbytes, bounds(flat, kind))


def levels(rows):
    """Weights rounded to 8 bits with a step for each tensor of 512 rows."""
    numbers = weights(7, rows)
    parts = {}
    for start in range(0, rows, 512):
        part = numbers[start : start + 512]
        parts[f"w{start}"] = np.clip(np.rint(part / (4 * part.std() / 127)), -127, 127).astype(np.int8)
    return parts


def generated(folder, quick):
    """The generated data sets one after the other, so that one is in memory at a time."""
    rows = 1024 if quick else 8192
    yield dataset(folder, "bf16", "bf16", {"w": to_bf16(np.concatenate([weights(1, rows), weights(2, rows)]))})
    numbers = weights(11, rows)
    yield dataset(folder, "fp32", "fp32", {"w": numbers})
    yield dataset(folder, "fp16", "fp16", {"w": numbers.astype(np.float16)})
    pruned = np.where(np.abs(numbers) < np.quantile(np.abs(numbers), 0.9), np.float32(0), numbers)
    yield dataset(folder, "sparse fp32", "fp32", {"w": pruned})
    del pruned
    numbers[np.random.default_rng(2).random(numbers.shape, dtype=np.float32) < 0.9] = 0
    yield dataset(folder, "sparse fp32, at random", "fp32", {"w": numbers})
    yield dataset(folder, "int8 levels", "int8", levels(rows))


def of_model(folder, model):
    """The float32 weights of an ONNX model as they are, and rounded to bf16."""
    packed, arrays = folder / "model.pith", folder / "model.npz"
    coding_pith.run("pack", model, "-o", packed)
    coding_pith.run("unpack", packed, "-o", arrays)
    found = np.load(arrays)
    floats = {name: found[name] for name in found.files if found[name].dtype == np.float32 and found[name].size}
    for path in (packed, arrays):
        path.unlink()
    yield dataset(folder, "MiniLM fp32", "fp32", floats)
    yield dataset(folder, "MiniLM bf16", "bf16", {name: to_bf16(array) for name, array in floats.items()})


def large(path, byte_count):
    """A file of bf16 weights of any size, written piece by piece; no two pieces are the same."""
    pieces, size = [], 1 << 28
    for index in range(max(byte_count // size, 1)):
        pieces.append((f"w{index}", min(size, byte_count)))
    header, offset = {}, 0
    for name, count in pieces:
        header[name] = {"dtype": "BF16", "shape": [count // 2 // COLUMNS, COLUMNS], "data_offsets": [offset, offset + count]}
        offset += count
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    base = to_bf16(weights(3, min(size, byte_count) // 2 // COLUMNS)).ravel()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for index in range(len(pieces)):
            np.roll(base, index * 100_003).tofile(file)
    return offset
