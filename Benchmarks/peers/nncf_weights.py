"""NNCF's compression of weights alone, as a process: MODEL CARD OUT MODE VARIANT.

MODE is int8, int4 or int2; VARIANT is nearest, or for int4 awq (AWQ and scale estimation, on the card's calibration rows). Blocks of 32
below 8 bits, of 16 where 32 does not divide. Embeddings and the last layer get the same bits as all others; where ONNX
Runtime does not run that, 8 bits, as by default.
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
from peers.ort import note

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
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    rows = cards.load(card, "calibrate").bound({i.name: i.type for i in session.get_inputs()})
    samples = list(cards.steps(session, rows))
    options = {} if mode == "int8" else {"group_size": BLOCK, "ratio": 1.0, "advanced_parameters": SMALLER}
    if variant == "awq":
        options |= {"dataset": nncf.Dataset(samples), "subset_size": len(samples), "awq": True, "scale_estimation": True}
    for every in ({} if mode == "int8" else {"all_layers": True}, {}):
        onnx.save(nncf.compress_weights(onnx.load(path), mode=MODES[mode], **options, **every), out)
        problem = failure(out, samples[0])
        if not (problem and every):
            return
        note(f"{mode} in every layer does not run, so embeddings and the last layer have 8 bits: {problem}")


def failure(path, sample):
    """What ONNX Runtime says of a file that it does not run, or None."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        ort.InferenceSession(path, options, providers=["CPUExecutionProvider"]).run(None, sample)
    except Exception as problem:
        return str(problem)
    return None


if __name__ == "__main__":
    main(*sys.argv[1:])
