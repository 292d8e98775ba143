"""NNCF's post-training quantization of ONNX models, as a process: MODEL CARD OUT fast|full [transformer].

All calibration rows are used (its default stops at 300); `fast` and `full` are its two bias corrections. Transformers
are announced as such, as its documentation advises.
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


def main(model, card, out, correction, kind=None):
    nncf.set_log_level(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        quantize(str(opset.raised(model, Path(folder))), card, out, correction, kind)


def quantize(model, card, out, correction, kind):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    rows = cards.load(card, "calibrate").bound({i.name: i.type for i in session.get_inputs()})
    samples = list(cards.steps(session, rows))
    quantized = nncf.quantize(
        onnx.load(model), nncf.Dataset(samples), subset_size=len(samples), fast_bias_correction=correction == "fast",
        model_type=nncf.ModelType.TRANSFORMER if kind == "transformer" else None,
    )  # fmt: skip
    onnx.save(quantized, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
