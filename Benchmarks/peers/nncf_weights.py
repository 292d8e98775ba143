"""NNCF's compression of weights alone, as a process: MODEL CARD OUT MODE VARIANT.

MODE is int8, int4 or int2; VARIANT is nearest, or for int4 awq (AWQ and scale estimation, on the card's calibration rows). Blocks of 32
below 8 bits, of 16 where 32 does not divide; embeddings and the last layer get the same bits as all others.
"""

import logging
import sys
import tempfile
from pathlib import Path

import nncf
import onnx
import onnxruntime as ort

from harness import cards
from peers import opset

MODES = {
    "int8": nncf.CompressWeightsMode.INT8_ASYM,
    "int4": nncf.CompressWeightsMode.INT4_ASYM,
    "int2": nncf.CompressWeightsMode.INT2_SYM,
}
BLOCK = 32
SMALLER = nncf.AdvancedCompressionParameters(  # blocks, where 32 does not divide
    group_size_fallback_mode=nncf.GroupSizeFallbackMode.ADJUST, min_adjusted_group_size=16
)


def main(model, card, out, mode, variant="nearest"):
    nncf.set_log_level(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        quantize(str(opset.raised(model, Path(folder), opset.BLOCKS)), card, out, mode, variant)


def quantize(path, card, out, mode, variant):
    options = {} if mode == "int8" else {"group_size": BLOCK, "ratio": 1.0, "all_layers": True, "advanced_parameters": SMALLER}
    if variant == "awq":
        session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
        rows = cards.load(card, "calibrate").bound({i.name: i.type for i in session.get_inputs()})
        samples = list(cards.steps(session, rows))
        options |= {"dataset": nncf.Dataset(samples), "subset_size": len(samples), "awq": True, "scale_estimation": True}
    onnx.save(nncf.compress_weights(onnx.load(path), mode=MODES[mode], **options), out)


if __name__ == "__main__":
    main(*sys.argv[1:])
