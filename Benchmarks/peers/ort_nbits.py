"""ONNX Runtime's weight-only tool (MatMulNBits), as a process: MODEL CARD OUT METHOD [BITS].

METHOD is symmetric or asymmetric (round to nearest; embeddings too where the tool can), rtn, kquant, hqq or gptq; blocks of
32. rtn, kquant and gptq are the part of neural-compressor that ONNX Runtime carries along; gptq reads the card's
calibration rows. All but the first two need PyTorch, so they run in an environment of its own, requirements-torch.txt.
"""

import logging
import sys
import tempfile
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantFormat
from onnxruntime.quantization import matmul_nbits_quantizer as tool

from peers import opset
from peers.ort import Reader, note

BLOCK = 32
PLAIN = ("symmetric", "asymmetric")


def main(model, card, out, method, bits="4"):
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        path = str(opset.raised(model, Path(folder)))
        if method in PLAIN:
            quantizer = _plain(path, str(opset.raised(model, Path(folder), opset.BLOCKS)), method, int(bits))
        else:
            quantizer = _other(path, card, method, int(bits))
        quantizer.model.save_model_to_file(out, False)


def _plain(path, newer, method, bits):
    """Round to nearest, the tables of Gather included, which asks for a newer operator set; where that fails, without them."""
    for chosen, kinds in ((newer, ("MatMul", "Gather")), (path, ("MatMul",))):
        try:
            config = tool.DefaultWeightOnlyQuantConfig(
                block_size=BLOCK, is_symmetric=method == "symmetric", bits=bits, quant_format=QuantFormat.QOperator,
                op_types_to_quantize=kinds,
            )  # fmt: skip
            return _run(onnx.load(chosen), config, bits, method)
        except Exception as problem:  # the tool raises whatever its parts raise
            if len(kinds) == 1:
                raise
            note(f"tables of Gather fail: {problem}")


def _other(path, card, method, bits):
    if method == "hqq":
        config = tool.HQQWeightOnlyQuantConfig(block_size=BLOCK, bits=bits)
    elif method == "rtn":
        config = tool.RTNWeightOnlyQuantConfig()
    elif method == "kquant":
        config = tool.KQuantWeightOnlyQuantConfig()
    elif method == "gptq":
        config = tool.GPTQWeightOnlyQuantConfig(Rows(path, card), block_size=BLOCK, actorder=True, mse=True)
    else:
        raise SystemExit(f"no method is called {method}")
    try:
        return _run(_named(onnx.load(path)), config, bits, "asymmetric")
    except ValueError as problem:
        note(f"{method} with zero points fails, so it ran without: {problem}")
        return _run(_named(onnx.load(path)), config, bits, "symmetric")


class Rows(Reader):
    """The reader of the static tool as an iterator that can be copied, as this tool asks."""

    def __init__(self, path, card):
        super().__init__(path, card)
        self._steps = iter(list(self._steps))

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._steps)

    def get_next(self):
        return next(self._steps, None)


def _run(model, config, bits, method):
    quantizer = tool.MatMulNBitsQuantizer(
        model, bits=bits, block_size=BLOCK, is_symmetric=method == "symmetric", algo_config=config
    )
    quantizer.process()
    return quantizer


def _named(model):
    """Its lists of nodes go by name, so that nodes without one would be taken for each other."""
    for index, node in enumerate(model.graph.node):
        node.name = node.name or f"node_{index}"
    return model


if __name__ == "__main__":
    main(*sys.argv[1:])
