"""Intel's neural-compressor 2.6, the last with an ONNX path, as a process: MODEL CARD OUT METHOD [BITS].

METHOD is minmax or percentile (static; its third calibrator, kl, has 128 bins for 128 levels and so always finds the range
of minmax), smooth (static after SmoothQuant), dynamic, or rtn, gptq, awq (weights alone, in blocks of 32). All calibration
rows are used, and nothing is tuned by accuracy: its first configuration is what it writes. It lives in an environment of
its own, requirements-inc.txt.
"""

import logging
import sys
import tempfile
from pathlib import Path

import onnx
import onnxruntime as ort
from neural_compressor import PostTrainingQuantConfig, quantization
from neural_compressor.adaptor.ox_utils import weight_only

from harness import cards
from peers import opset

WEIGHTS = ("rtn", "gptq", "awq")
BLOCK = 32
SMOOTH = {"smooth_quant": True, "smooth_quant_args": {"alpha": 0.5}}


class Rows:
    """The card's calibration rows as the tool wants them: batches of one, each with a label that nobody reads."""

    batch_size = 1

    def __init__(self, model, card):
        session = _session(model)
        rows = cards.load(card, "calibrate").bound({i.name: i.type for i in session.get_inputs()})
        self._steps = list(cards.steps(session, rows))

    def __len__(self):
        return len(self._steps)

    def __iter__(self):
        return ((step, 0) for step in self._steps)


def _session(model):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    return ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def weights_alone(path, rows, method, bits):
    """By the functions behind `quantization.fit`, which itself fails here: it loses the bits on the way (KeyError)."""
    settings = {"num_bits": bits, "group_size": BLOCK, "scheme": scheme(path)}
    if method == "rtn":
        return weight_only.rtn_quantize(path, **settings)
    function = weight_only.gptq_quantize if method == "gptq" else weight_only.awq_quantize
    return function(path, dataloader=rows, n_samples=len(rows), **settings)


def scheme(path):
    """With zero points, except where a weight has an odd number of blocks: what the tool then writes does not load."""
    model = onnx.load(path)
    used = {node.input[1] for node in model.graph.node if node.op_type == "MatMul"}
    rows = [w.dims[0] for w in model.graph.initializer if w.name in used and len(w.dims) == 2]
    return "sym" if any(-(-count // BLOCK) % 2 for count in rows) else "asym"


def configuration(method, count):
    """The tool's settings for a method that quantizes activations too."""
    common = {"calibration_sampling_size": [count], "quant_level": 1}
    if method == "dynamic":
        return PostTrainingQuantConfig(approach="dynamic", **common)
    if method == "smooth":
        return PostTrainingQuantConfig(quant_format="QDQ", recipes=SMOOTH, **common)
    chosen = {".*": {"activation": {"algorithm": [method]}}}
    return PostTrainingQuantConfig(quant_format="QDQ", op_type_dict=chosen, **common)


def main(model, card, out, method, bits="8"):
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        path = opset.raised(model, Path(folder))
        rows = Rows(path, card)
        if method in WEIGHTS:
            made = weights_alone(str(path), rows, method, int(bits))
        else:
            made = quantization.fit(str(path), configuration(method, len(rows)), calib_dataloader=rows)
        if made is None:
            raise SystemExit("neural-compressor ended without a model")
        onnx.save(made.model, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
