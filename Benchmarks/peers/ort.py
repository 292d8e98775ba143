"""ONNX Runtime's own quantization tool, as a process: MODEL CARD OUT METHOD ACTIVATIONS [--raw] [--reduce-range].

METHOD is minmax, percentile, entropy, distribution or dynamic; ACTIVATIONS u8 or s8. As its documentation advises, the model goes
through `quant_pre_process` first (`--raw` leaves that out), `--reduce-range` gives weights 7 bits, for processors without VNNI; weights are signed and per channel, and per-channel
quantization gets the opset 13 that it needs.
"""

import logging
import sys
import tempfile
from pathlib import Path

import onnxruntime as ort
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from harness import cards
from peers import opset

METHODS = {
    "minmax": CalibrationMethod.MinMax,
    "percentile": CalibrationMethod.Percentile,
    "entropy": CalibrationMethod.Entropy,
    "distribution": CalibrationMethod.Distribution,
}


class Reader(CalibrationDataReader):
    """The card's calibration rows one by one; the float model itself carries the state of a stream."""

    def __init__(self, path, card):
        session = _quiet_session(path)
        rows = cards.load(card, "calibrate").bound({i.name: i.type for i in session.get_inputs()})
        self._steps = cards.steps(session, rows)

    def get_next(self):
        return next(self._steps, None)


def _quiet_session(path):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def prepared(path, folder):
    """The model after `quant_pre_process`; where its symbolic shapes fail, without them; at worst as it is."""
    out = folder / "prepared.onnx"
    for options in ({}, {"skip_symbolic_shape": True}):
        try:
            quant_pre_process(str(path), str(out), **options)
            return out
        except Exception as problem:  # the tool raises whatever its parts raise
            note(f"quant_pre_process {options or ''} fails: {problem}")
    return path


def static(model, card, out, method, activations, reduced):
    """`quantize_static`; where its adjustment of weights to biases fails, once more with that switched off."""
    kind = QuantType.QUInt8 if activations == "u8" else QuantType.QInt8
    for extra in ({}, {"QDQDisableWeightAdjustForInt32Bias": True}):
        try:
            quantize_static(
                str(model), out, Reader(model, card), per_channel=True, calibrate_method=METHODS[method],
                activation_type=kind, weight_type=QuantType.QInt8, extra_options=extra,
                reduce_range=reduced,
            )  # fmt: skip
            return
        except ValueError as problem:
            if extra or "truth value of an array" not in str(problem):
                raise
            note("quantize_static failed in its adjustment of weights to biases; repeated without it")


def note(text):
    """Goes into the result beside the figures."""
    print("note: " + " ".join(text.split())[:300], file=sys.stderr)


def main(model, card, out, method, activations, *options):
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        model = opset.raised(model, folder)
        if "--raw" not in options:
            model = prepared(model, folder)
        reduced = "--reduce-range" in options
        if method == "dynamic":
            quantize_dynamic(str(model), out, per_channel=True, weight_type=QuantType.QInt8, reduce_range=reduced)
            return
        static(model, card, out, method, activations, reduced)


if __name__ == "__main__":
    main(*sys.argv[1:])
