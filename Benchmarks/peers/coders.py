"""Codes an array with one library in warm buffers: coders.py NUMBERS.npy KIND TOOL ROUNDS prints a JSON object.

The first round, which pays for fresh memory, does not count where there are more. What comes back is compared.
"""

import json
import sys
import time

import numpy as np


def zipnn(array, kind):
    import zipnn as library

    name = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}.get(kind)
    if name is None:
        raise SystemExit("it codes floats only")
    coder = library.ZipNN(bytearray_dtype=name, input_format="byte", threads=1)
    # It changes the bytes that it is given, so each round has a copy, made before the clock starts.
    return lambda data: coder.compress(data), lambda coded: coder.decompress(coded), lambda: bytearray(array.tobytes())


def zstd(level):
    def make(array, kind):
        import zstandard

        coder, decoder = zstandard.ZstdCompressor(level=level), zstandard.ZstdDecompressor()
        data = array.tobytes()
        return lambda raw: coder.compress(raw), lambda coded: decoder.decompress(coded), lambda: data

    return make


def pcodec(array, kind):
    from pcodec import ChunkConfig, standalone

    if kind == "bf16":  # it has no such type: as whole numbers of 16 bits
        array = array.view(np.uint16)
    elif kind == "int8":
        raise SystemExit("it has no numbers of 8 bits")
    target = np.empty_like(array)

    def decode(coded):
        standalone.simple_decompress_into(coded, target)
        return target

    return lambda raw: standalone.simple_compress(raw, ChunkConfig(compression_level=8)), decode, lambda: array


def openzl(array, kind):
    import openzl.ext as zl

    numeric = array.view({1: np.uint8, 2: np.uint16, 4: np.uint32}[array.dtype.itemsize])
    compressor = zl.Compressor()
    compressor.set_parameter(zl.CParam.FormatVersion, zl.MAX_FORMAT_VERSION)
    rest = zl.graphs.Compress if kind == "fp16" else zl.graphs.Store  # eleven bits would be stored in sixteen
    nodes = {"bf16": "BFloat16Deconstruct", "fp16": "Float16Deconstruct", "fp32": "Float32Deconstruct"}
    if kind in nodes:
        node = getattr(zl.nodes, nodes[kind])()
        graph = node(compressor, sign_frac=rest()(compressor), exponent=zl.graphs.Fse()(compressor))
    else:
        graph = zl.graphs.Fse()(compressor)
    compressor.select_starting_graph(graph)

    def encode(raw):
        context = zl.CCtx()
        context.ref_compressor(compressor)
        return context.compress([zl.Input(zl.Type.Numeric, raw)])

    def decode(coded):
        return zl.DCtx().decompress(coded)[0].content.as_nparray()

    return encode, decode, lambda: numeric


TOOLS = {"zipnn": zipnn, "openzl": openzl, "pcodec": pcodec, "zstd -1": zstd(1), "zstd -19": zstd(19)}


def main(path, kind, tool, rounds):
    array = np.load(path)
    if tool == "zstd -19":  # so slow that a part of the array has to do
        array = array[: 2 << 20]
    encode, decode, fresh = TOOLS[tool](array, kind)
    encoding, decoding, coded = [], [], b""
    for _ in range(int(rounds)):
        raw = fresh()
        start = time.perf_counter()
        coded = encode(raw)
        middle = time.perf_counter()
        back = decode(coded)
        decoding.append(time.perf_counter() - middle)
        encoding.append(middle - start)
    if np.frombuffer(memoryview(back).cast("B"), np.uint8).tobytes() != array.tobytes():
        raise SystemExit("what it decodes is not what was coded")
    warm = slice(1, None) if len(encoding) > 1 else slice(None)
    speed = lambda seconds: array.nbytes / min(seconds[warm]) / 1e6
    told = {"ratio": array.nbytes / len(coded), "encodeMBps": speed(encoding), "decodeMBps": speed(decoding)}
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
